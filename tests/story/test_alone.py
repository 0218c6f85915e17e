"""One night in a folder, one process that writes in it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.small_nights import wait_until

from overnight.story import alone as module
from overnight.story.alone import alone, end_orphan, running, writing
from overnight.training import journal
from overnight.values.errors import InputError, OvernightError


def night_in(folder: Path) -> None:
    """What tells a folder with a night from others."""
    folder.mkdir(parents=True)
    (folder / journal.EVENTS).touch()


def test_two_at_once_are_refused_with_the_name_of_the_folder(tmp_path: Path) -> None:
    with (
        alone(tmp_path / "run"),
        pytest.raises(InputError, match=r"another night is running in .*run \(process \d+ on "),
        alone(tmp_path / "run"),
    ):
        pass


def test_the_one_that_was_refused_does_not_free_the_other(tmp_path: Path) -> None:
    with alone(tmp_path / "run"):
        for _ in range(2):
            with pytest.raises(InputError), alone(tmp_path / "run"):
                pass


def test_one_after_the_other_is_fine(tmp_path: Path) -> None:
    for _ in range(2):
        with alone(tmp_path / "run"):
            (tmp_path / "run").mkdir(exist_ok=True)
            (tmp_path / "run" / journal.EVENTS).touch()
    assert (tmp_path / "run").is_dir()


def test_nothing_stays_where_no_night_came_of_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wrong"), alone(tmp_path / "a" / "b" / "run"):
        raise InputError("wrong")
    assert not list(tmp_path.iterdir())


def test_folders_that_were_there_or_hold_something_stay(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with alone(tmp_path / "mine" / "run"):
        pass
    with alone(tmp_path / "runs" / "run"):
        (tmp_path / "runs" / "note").touch()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine", "note", "runs"]


def test_a_night_keeps_its_place(tmp_path: Path) -> None:
    with alone(tmp_path / "runs" / "run"):
        night_in(tmp_path / "runs" / "run")
    assert (tmp_path / "runs" / "run" / journal.EVENTS).is_file()


def test_the_current_folder_is_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with alone(Path()):
        assert not list(Path().iterdir())


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match=r"nothing can be written to .*file"),
        alone(tmp_path / "file" / "run"),
    ):
        pass


def test_who_runs_a_night_is_known_while_it_runs_and_not_after(tmp_path: Path) -> None:
    assert running(tmp_path / "run") is None
    with alone(tmp_path / "run"):
        night_in(tmp_path / "run")
        owner = running(tmp_path / "run")
        assert owner is not None and owner.pid == os.getpid()
    assert running(tmp_path / "run") is None


def test_a_number_that_another_process_bears_by_now_is_not_the_owner(tmp_path: Path) -> None:
    with alone(tmp_path / "run"):
        lock = tmp_path / ".run.lock"
        told = json.loads(lock.read_text())
    lock.write_text(json.dumps(told | {"mark": "another"}))
    assert running(tmp_path / "run") is None
    lock.write_text("")
    assert running(tmp_path / "run") is None


def test_one_process_writes_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HANDOVER_SECONDS", 0.0)
    with (
        writing(tmp_path),
        pytest.raises(OvernightError, match=r"another process still trains in .* \(process \d+"),
        writing(tmp_path),
    ):
        pass
    with writing(tmp_path), writing(tmp_path, wanted=False):
        pass


WRITER = """
import sys, time
from pathlib import Path
from overnight.story.alone import writing
with writing(Path(sys.argv[1])):
    Path(sys.argv[1], "ready").touch()
    time.sleep(600)
"""


@pytest.fixture
def orphan(tmp_path: Path):
    """A process that holds the place of the one that writes, and has been stopped."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)])
    wait_until((tmp_path / "ready").exists, process)
    process.send_signal(signal.SIGSTOP)
    yield process
    process.kill()
    process.wait()


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_writer_whose_supervisor_is_gone_is_ended_before_another_begins(tmp_path, orphan):
    assert f"process {orphan.pid} on " in end_orphan(tmp_path)
    assert orphan.wait(10.0) == -signal.SIGKILL
    with writing(tmp_path):
        pass


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_writer_on_another_machine_is_left_alone_and_named(tmp_path: Path, orphan) -> None:
    lock = tmp_path / module.WRITER
    lock.write_text(json.dumps(json.loads(lock.read_text()) | {"host": "far-away"}))
    with pytest.raises(InputError, match=r"still trains in .*on far-away.*end it first"):
        end_orphan(tmp_path)
    assert orphan.poll() is None


def test_where_nobody_writes_there_is_nobody_to_end(tmp_path: Path) -> None:
    assert end_orphan(tmp_path) == ""
    with writing(tmp_path):
        pass
    assert end_orphan(tmp_path) == ""

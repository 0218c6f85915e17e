"""Supervised programs that stand in for a night: crashes, silence, leftovers, moved deadlines."""

import stat
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.fakes import FakeClock
from tests.small_nights import content, told
from tests.training.nights import start as start_of

from overnight import supervise
from overnight.probe.clock import SystemClock
from overnight.story import wishes
from overnight.story.beside import Beside
from overnight.story.examiner import Examiner
from overnight.story.wishes import More
from overnight.training.journal import Journal
from overnight.values.errors import InputError, NothingToPublish
from overnight.values.ledger import Ended, Promoted, Published
from overnight.values.request import Request, Settings, Window
from overnight.values.troubles import Crashed

PYTHON = sys.executable


def ending(run: Path) -> Ended:
    event = told(run)[-1].event
    assert isinstance(event, Ended)
    return event


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes every child run a program of the test, and counts the starts."""

    def install(program: str) -> Path:
        path, starts = tmp_path / "python", tmp_path / "starts"
        path.write_text(f"#!{PYTHON}\nopen({str(starts)!r}, 'a').write('x')\n{program}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(path))
        return starts

    return install


def asked(tmp_path: Path) -> Request:
    return Request(data="sums.jsonl", model="base", output_dir=str(tmp_path / "run"),
                   settings=Settings(max_steps=5))  # fmt: skip


def test_a_child_that_crashes_at_once_is_started_twice_and_no_more(stand_in, tmp_path: Path):
    starts = stand_in("raise SystemExit(1)")
    with pytest.raises(NothingToPublish, match="holds no checkpoint that can be published"):
        supervise.run(asked(tmp_path), clock=SystemClock())
    assert starts.read_text() == "xx"
    assert [one.event.attempt for one in told(tmp_path / "run", Crashed)] == [1, 2]
    assert ending(tmp_path / "run").exit_status == 3


@pytest.mark.parametrize("status", [2, 3])
def test_what_the_user_has_to_mend_is_given_back_and_leaves_no_folder(stand_in, tmp_path, status):
    starts = stand_in(f"raise SystemExit({status})")
    assert supervise.run(asked(tmp_path), clock=SystemClock()) == status
    assert starts.read_text() == "x"
    assert not (tmp_path / "run").exists()


def test_what_was_asked_wrongly_of_an_older_night_deletes_nothing(stand_in, tmp_path: Path):
    stand_in("raise SystemExit(1)")
    with pytest.raises(NothingToPublish):
        supervise.run(asked(tmp_path), clock=SystemClock())
    before = content(tmp_path / "run")
    stand_in("raise SystemExit(2)")
    assert supervise.run(asked(tmp_path), clock=SystemClock()) == 2
    assert set(content(tmp_path / "run")) == set(before)


RUNS_ONCE = """
import sys
sys.path.insert(0, {root!r})
from dataclasses import replace
from pathlib import Path
from tests.training.nights import fill
from overnight.probe.clock import SystemClock
from overnight.training import export, journal
from overnight.training.checkpoint import Lineage, write
from overnight.values.ledger import Promoted, Saved
run, starts = Path(sys.argv[4]), len(open({starts!r}).read())
if sys.argv[3] == "_publish":
    export.put_in_place(run, export.stage(run, sys.argv[5]))
    sys.exit(0)
if starts > 1:
    sys.exit(2)
with journal.Journal.open(run, SystemClock()) as written:
    begun = journal.started(journal.read(run))
    line = Lineage(run=begun.run, parent="", t=written.now())
    done = write(run, step=5, lineage=line, fill=fill("5"))
    written.append(Saved(step=5, name=done.name, parent="", seconds=0.0, bytes=done.bytes))
    written.append(Promoted(step=5, name=done.name, why="20 healthy steps"))
sys.exit(1)
"""


def test_a_night_that_cannot_go_on_after_a_crash_leaves_the_last_good_one(stand_in, tmp_path, root):
    stand_in(RUNS_ONCE.format(root=str(root), starts=str(tmp_path / "starts")))
    assert supervise.run(asked(tmp_path), clock=SystemClock()) == 4
    assert told(tmp_path / "run", Published)[-1].event.name == "checkpoint-5"
    assert ending(tmp_path / "run").exit_status == 4
    assert (tmp_path / "run" / "final").is_dir()


def test_a_child_that_crashes_twice_is_said_with_its_place_and_how(stand_in, tmp_path, capfd):
    stand_in("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(NothingToPublish):
        supervise.run(asked(tmp_path), clock=SystemClock())
    said = "it crashed twice before its first step and came no further (killed by SIGSEGV)"
    assert ending(tmp_path / "run").why == said
    assert f"overnight: {said}; not started again" in capfd.readouterr().err


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second is a long silence."""
    for name in ("LEAST_SILENCE", "PREPARING", "WORK_SECONDS"):
        monkeypatch.setattr(f"overnight.story.vigil.{name}", 0.5)


def test_a_child_that_stands_still_is_ended_and_started_again_without_any_window(
    stand_in, tmp_path, impatient
):
    starts = stand_in("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)")
    with pytest.raises(NothingToPublish):
        supervise.run(asked(tmp_path), clock=SystemClock())
    assert starts.read_text() == "xx"
    crashes = [one.event.why for one in told(tmp_path / "run", Crashed)]
    assert len(crashes) == 2
    assert all(why.startswith("no sign of life for ") for why in crashes)


def test_what_was_asked_of_an_earlier_process_is_not_asked_of_this_one(stand_in, tmp_path, capfd):
    stand_in("raise SystemExit(2)")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "stop").touch()
    with pytest.raises(InputError, match="is no run of overnight"):
        supervise.run(asked(tmp_path), clock=SystemClock())
    (tmp_path / "run" / "stop").unlink()
    stand_in("raise SystemExit(1)")
    with pytest.raises(NothingToPublish):
        supervise.run(asked(tmp_path), clock=SystemClock())
    (tmp_path / "run" / "stop").touch()
    with pytest.raises(NothingToPublish):
        supervise.run(asked(tmp_path), clock=SystemClock())
    assert not (tmp_path / "run" / "stop").exists()
    assert "run/stop: asked before this start, taken away" in capfd.readouterr().err


class Quiet:
    """Nobody asks for anything."""

    asked, leaves = None, False


@pytest.fixture
def hour(tmp_path: Path):
    """A supervisor of a night of one hour, and its fake clock."""
    clock = FakeClock()
    folder = tmp_path / "run"
    folder.mkdir()
    with Journal.open(folder, clock) as written:
        written.note_start(start_of(clock))
        night: Any = SimpleNamespace(folder=folder)
        quiet: Any = Quiet()
        examiner = Examiner(night.folder)
        beside, ends_at = Beside(folder, clock), clock.boot() + 3600.0
        yield supervise.Supervisor(night, clock, written, quiet, examiner, beside, ends_at), clock


def test_a_night_whose_last_words_the_disk_refused_is_not_trained_again(stand_in, tmp_path: Path):
    starts = stand_in("raise SystemExit(5)")
    with pytest.raises(NothingToPublish):
        supervise.run(asked(tmp_path), clock=SystemClock())
    assert starts.read_text() == "x"
    assert ending(tmp_path / "run").why == "the disk took nothing more at its end"


def test_a_deadline_that_was_moved_is_followed_before_anything_is_ended_for_it(hour):
    supervisor, clock = hour
    supervisor.journal.append(Promoted(step=1, name="checkpoint-1", why="x"))
    assert not supervisor.over()
    clock.advance(3590.0)
    wishes.extend(supervisor.night.folder, clock, More(seconds=7200.0))
    assert not supervisor.over()
    assert supervisor.left() == pytest.approx(7210.0)


def test_a_child_is_ended_before_the_deadline_only_where_something_can_be_published(hour):
    supervisor, clock = hour
    clock.advance(3595.0)
    assert not supervisor.over()
    supervisor.journal.append(Promoted(step=1, name="checkpoint-1", why="x"))
    clock.advance(1.0)
    assert supervisor.over()


def test_a_night_that_slept_over_its_deadline_is_over(hour):
    supervisor, clock = hour
    supervisor.journal.append(Promoted(step=1, name="checkpoint-1", why="x"))
    clock.sleep(5 * 3600.0)
    assert supervisor.over()


def test_a_notebook_that_may_end_sooner_is_remarked(stand_in, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    stand_in("raise SystemExit(2)")
    long = replace(asked(tmp_path), window=Window(seconds=14 * 3600.0, label="14h"))
    assert supervise.run(long, clock=SystemClock()) == 2
    assert "overnight: Colab says to no program when it ends" in capfd.readouterr().err

from pathlib import Path

import pytest

from overnight.story.alone import alone
from overnight.training import journal
from overnight.values.errors import InputError


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

"""What is set aside stays for a while: the newest few of ours, and all that is not ours."""

from pathlib import Path

from tests.training.nights import Night, fill

from overnight.training import shelf
from overnight.training.checkpoint import write


def aside(folder: Path, step: int) -> str:
    """A checkpoint of ours on the shelf; its name there."""
    night = Night(folder).begin()
    return shelf.set_aside(night.write(step)).name


def test_numbers_tell_the_order_whatever_the_clock_says(tmp_path: Path) -> None:
    names = [aside(tmp_path, step) for step in (9, 5, 9, 100)]
    assert names == ["checkpoint-9-1", "checkpoint-5-2", "checkpoint-9-3", "checkpoint-100-4"]


def test_the_newest_few_stay(tmp_path: Path) -> None:
    names = [aside(tmp_path, step) for step in (5, 6, 7, 8, 9)]
    assert shelf.give_up(tmp_path) == tuple(f"set-aside/{name}" for name in names[:2])
    assert Night(tmp_path).set_aside() == sorted(names[2:])
    assert shelf.give_up(tmp_path) == ()
    assert not list(tmp_path.glob(f"{shelf.TRASH}*"))


def test_what_is_not_ours_is_never_deleted(tmp_path: Path) -> None:
    for number in range(1, 6):
        stock = tmp_path / f"checkpoint-{number}"
        stock.mkdir()
        (stock / "trainer_state.json").write_text("{}")
        shelf.set_aside(stock)
    aside(tmp_path, 9)
    assert shelf.give_up(tmp_path, keep=0) == ("set-aside/checkpoint-9-6",)
    assert len(Night(tmp_path).set_aside()) == 5


def test_without_anything_set_aside_there_is_nothing_to_give_up(tmp_path: Path) -> None:
    assert shelf.give_up(tmp_path) == ()
    assert shelf.give_up_oldest(tmp_path) == ""


def test_the_oldest_goes_first(tmp_path: Path) -> None:
    aside(tmp_path, 9)
    aside(tmp_path, 5)
    assert shelf.give_up_oldest(tmp_path) == "set-aside/checkpoint-9-1"
    assert shelf.give_up_oldest(tmp_path) == "set-aside/checkpoint-5-2"


def test_a_night_that_overwrites_itself_again_and_again_keeps_few(tmp_path: Path) -> None:
    night = Night(tmp_path).begin()
    for text in "abcdefgh":
        write(tmp_path, step=5, lineage=night.lineage(), fill=fill(text))
        shelf.give_up(tmp_path)
    assert len(night.set_aside()) == shelf.KEPT

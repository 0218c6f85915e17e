"""The parent of a comparison: in time, and past a setting that kills its process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.comparisons import STARTED, slices, trial
from tests.fakes import FakeClock

from overnight.story import comparing_watch
from overnight.story.comparing_watch import CLOSING_SECONDS, Watch, in_words, note_turn
from overnight.training import journal
from overnight.training.journal import Journal
from overnight.values.trials import Refused
from overnight.values.troubles import Crashed


class Signals:
    """A world that asks for nothing until it is told to."""

    asked: int | None = None
    leaves = False


class Child:
    """A process that does what a test says and ends with its status; None: it hangs."""

    def __init__(self, life: Callable[[], int | None], clock: FakeClock) -> None:
        self._life, self._clock = life, clock
        self.killed = False
        self.heard: list[int] = []

    def wait(self, seconds: float) -> int | None:
        self._clock.advance(seconds)
        return self._life()

    def ask_to_stop(self, how: int) -> None:
        self.heard.append(how)

    def kill(self) -> bool:
        self.killed = True
        return True


class Nursery:
    """The children of a test, one after the other."""

    def __init__(self, clock: FakeClock, lives: Iterator[Callable[[], int | None]]) -> None:
        self.born: list[Child] = []
        self._clock, self._lives = clock, lives

    def start(self, words: list[str]) -> Child:
        self.born.append(Child(next(self._lives), self._clock))
        return self.born[-1]


@pytest.fixture
def watched(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[Watch, Nursery]]]:
    """A watch over children with these lives, in a window of a hundred seconds."""
    with Journal.open(tmp_path, clock) as written:
        written.note_start(STARTED)

        def made(*lives: Callable[[], int | None]) -> tuple[Watch, Nursery]:
            nursery = Nursery(clock, iter(lives))
            monkeypatch.setattr(comparing_watch, "Child", nursery)
            ends = clock.boot() + 100.0
            return Watch(tmp_path, clock, written, Signals(), ends), nursery  # type: ignore[arg-type]

        yield made


def dies(watch: Callable[[], Path], setting: str, status: int = -9) -> Callable[[], int]:
    """A life that ends in the turn of a setting."""

    def life() -> int:
        note_turn(watch(), setting)
        return status

    return life


def test_a_process_that_ends_by_itself_is_done(watched: Callable[..., tuple[Watch, Nursery]]):
    watch, _ = watched(lambda: 0)
    assert watch.run() == "done"


@pytest.mark.parametrize("status", [2, 3])
def test_what_the_user_has_to_mend_is_passed_on(
    watched: Callable[..., tuple[Watch, Nursery]], status: int
) -> None:
    watch, _ = watched(lambda: status)
    assert (watch.run(), watch.status) == ("refused", status)


def test_one_that_hangs_is_ended_before_the_deadline(
    watched: Callable[..., tuple[Watch, Nursery]], clock: FakeClock
) -> None:
    watch, nursery = watched(lambda: None)
    assert watch.run() == "time" and nursery.born[0].killed
    assert watch.ends_at - CLOSING_SECONDS <= clock.boot() <= watch.ends_at


def test_what_the_world_asks_is_passed_on_and_not_waited_for_too_long(
    watched: Callable[..., tuple[Watch, Nursery]], clock: FakeClock
) -> None:
    watch, nursery = watched(lambda: None)
    watch.signals.asked = 15
    began = clock.boot()
    assert watch.run() == "asked" and 15 in nursery.born[0].heard
    assert clock.boot() - began < 9.0


def test_one_that_dies_is_started_again(
    watched: Callable[..., tuple[Watch, Nursery]], tmp_path: Path
) -> None:
    watch, nursery = watched(dies(lambda: tmp_path, "a"), lambda: 0)
    assert watch.run() == "done" and len(nursery.born) == 2
    told = [one.event for one in journal.read(tmp_path) if isinstance(one.event, Crashed)]
    assert [(one.exit_status, one.why) for one in told] == [(-9, "a's turn")]


def refused(folder: Path) -> list[str]:
    return [one.event.setting for one in journal.read(folder) if isinstance(one.event, Refused)]


def test_a_setting_that_kills_its_process_twice_is_left_out(
    watched: Callable[..., tuple[Watch, Nursery]], tmp_path: Path
) -> None:
    dead = dies(lambda: tmp_path, "b")
    watch, _ = watched(dead, dead, lambda: 0)
    assert watch.run() == "done" and refused(tmp_path) == ["b"]


def test_progress_between_two_crashes_forgives_the_first(
    watched: Callable[..., tuple[Watch, Nursery]], tmp_path: Path
) -> None:
    def further() -> int:
        watch.journal.append(slices(trial("b"), [10.0])[0])
        return dies(lambda: tmp_path, "b")()

    watch, _ = watched(further, further, further, lambda: 0)
    assert watch.run() == "done" and refused(tmp_path) == []


def test_one_that_dies_before_any_turn_is_not_started_again(
    watched: Callable[..., tuple[Watch, Nursery]],
) -> None:
    watch, nursery = watched(lambda: 1)
    assert watch.run() == "crashed" and len(nursery.born) == 1


def test_why_it_is_over_in_words() -> None:
    assert in_words("asked", 2) == "asked by SIGINT"
    assert in_words("time", None) == "its window is over"

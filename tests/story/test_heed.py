"""What a live night heeds between two events. Real loop values, no model."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.fakes import FakeClock
from tests.training.nights import start

from overnight.control.course import Course
from overnight.control.deadline import Deadline
from overnight.control.schedule import Schedule
from overnight.night import _trained
from overnight.story import heed as module
from overnight.story.asked import EXTEND, LOOK_SECONDS, Asked
from overnight.story.heed import Heed
from overnight.story.stage import Stage
from overnight.story.teller import Teller
from overnight.training import journal
from overnight.training.journal import Journal
from overnight.values.ledger import Noted, Stopped
from overnight.values.troubles import Jumped

HOUR = 3600.0


class Night:
    """A stage with a journal and a loop that is nothing but its course."""

    def __init__(self, folder: Path, clock: FakeClock, *, by_clock: bool = True) -> None:
        self.clock, self.folder = clock, folder
        begun = replace(start(clock, window=10 * HOUR), by_clock=by_clock)
        self.written = Journal.open(folder, clock)
        teller = Teller(folder, self.written, clock, [self.written.note_start(begun)])
        unused: Any = None
        self.keeper = SimpleNamespace(latest=None)
        keeper: Any = self.keeper
        self.stage = Stage(teller, unused, unused, unused, unused, keeper)
        self.asked = Asked(folder, clock)
        now = clock.boot()
        deadline = Deadline(started_at=now, ends_at=now + 10 * HOUR, steps_wanted=None,
                            tokens_per_step=1.0, publish_seconds=1.0)  # fmt: skip
        course = Course(deadline=deadline, schedule=Schedule(peak=1.0, horizon=9, warmup_steps=1))
        self.loop: Any = SimpleNamespace(course=course)
        self.heed = Heed.begin(self.stage, self.asked)

    def goes_on(self, seconds: float = 1.0) -> None:
        self.clock.advance(seconds)
        self.heed.after(self.loop)

    @property
    def left(self) -> float:
        ends = self.loop.course.deadline.ends_at
        return float(ends - self.clock.boot())

    def told(self, kind: type) -> list[Any]:
        return [e.event for e in journal.read(self.folder) if isinstance(e.event, kind)]


@pytest.fixture
def night(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_steps_wanted", lambda on: 77)
    begun = Night(tmp_path, clock)
    yield begun
    begun.written.close()


def extend(night: Night, hours: float) -> None:
    begun = journal.started(night.stage.teller.entries)
    assert begun is not None and begun.deadline_utc is not None
    moved = replace(begun, deadline_utc=begun.deadline_utc + hours * HOUR,
                    window_seconds=(10 + hours) * HOUR)  # fmt: skip
    journal.write_json(night.folder / EXTEND, moved)


def test_a_deadline_moved_in_the_opening_holds_before_the_first_step(night: Night):
    extend(night, 2)
    left = []

    def train() -> Iterator[Stopped]:
        left.append(night.left)
        yield Stopped(step=0, reason="window")

    night.loop.train, night.loop.session = train, SimpleNamespace(progress=None)
    _trained(night.stage, night.loop, night.asked)
    assert left == [12 * HOUR]


def test_a_quiet_night_changes_nothing(night: Night):
    before = night.loop.course
    for _ in range(5):
        night.goes_on()
    assert night.loop.course is before
    assert night.told(Jumped) == []


def test_a_deadline_that_was_moved_counts_for_everybody(night: Night):
    night.stage.publish_seconds = 5.0
    extend(night, 2.0)
    night.goes_on(60.0)
    assert night.left == pytest.approx(12 * HOUR - 60.0)
    assert night.loop.course.deadline.moved
    assert night.stage.ends_at == night.loop.course.deadline.ends_at
    assert night.keeper.latest < night.stage.ends_at
    status = night.stage.teller.status()
    assert status is not None and status.deadline_utc == night.clock.utc() + night.left
    assert not (night.folder / EXTEND).exists()


def test_more_time_takes_a_stop_back(night: Night):
    (night.folder / "stop").touch()
    assert night.asked.take() == "stop"
    annealing = replace(night.loop.course.deadline, ending="stop", steps_wanted=12)
    night.loop.course = replace(night.loop.course, deadline=annealing)
    extend(night, 2.0)
    night.goes_on()
    deadline = night.loop.course.deadline
    assert (deadline.ending, deadline.steps_wanted) == ("", 77)
    night.clock.advance(LOOK_SECONDS)
    assert night.asked.take() == ""


def test_a_file_that_cannot_be_read_moves_nothing_and_is_said(night: Night):
    (night.folder / EXTEND).write_text("{")
    before = night.loop.course
    night.goes_on()
    assert night.loop.course is before
    (note,) = night.told(Noted)
    assert note.text.startswith("the deadline was not moved")
    assert not (night.folder / EXTEND).exists()


@pytest.mark.parametrize("jump", [-24 * HOUR, -HOUR])
def test_a_clock_set_back_is_told_and_never_makes_it_longer(night: Night, jump: float):
    night.clock.set_wall(night.clock.utc() + jump)
    night.goes_on(60.0)
    night.goes_on(60.0)
    (told,) = night.told(Jumped)
    assert told.wall_seconds == pytest.approx(jump)
    assert night.left == pytest.approx(10 * HOUR - 120.0)


def test_a_clock_set_forward_brings_an_instant_nearer_once_it_has_held(night: Night):
    night.clock.set_wall(night.clock.utc() + HOUR)
    night.goes_on(1.0)
    assert night.left == pytest.approx(10 * HOUR - 1.0)
    night.goes_on(31.0)
    assert night.left == pytest.approx(9 * HOUR - 32.0)
    night.clock.set_wall(night.clock.utc() - HOUR)
    night.goes_on(60.0)
    assert night.left == pytest.approx(9 * HOUR - 92.0)


def test_a_forward_jump_that_is_mended_within_half_a_minute_costs_nothing(night: Night):
    night.clock.set_wall(night.clock.utc() + 24 * HOUR)
    night.goes_on(10.0)
    night.clock.set_wall(night.clock.utc() - 24 * HOUR)
    night.goes_on(60.0)
    assert night.left == pytest.approx(10 * HOUR - 70.0)
    assert len(night.told(Jumped)) == 2


def test_a_length_minds_no_wall_clock(tmp_path: Path, clock: FakeClock):
    night = Night(tmp_path, clock, by_clock=False)
    clock.set_wall(clock.utc() + 56 * 365 * 24 * HOUR)  # 1970 until the time server was reached
    night.goes_on(1.0)
    night.goes_on(60.0)
    night.written.close()
    assert night.left == pytest.approx(10 * HOUR - 61.0)
    assert len(night.told(Jumped)) == 1


def test_sleep_inside_the_window_is_told_and_counts(night: Night):
    night.clock.sleep(3 * HOUR)
    night.goes_on(1.0)
    (told,) = night.told(Jumped)
    assert told.slept_seconds == pytest.approx(3 * HOUR)
    assert night.left == pytest.approx(7 * HOUR - 1.0)


def test_of_several_processes_only_the_first_heeds(night: Night):
    night.stage.teller.main = False
    extend(night, 2.0)
    night.goes_on()
    assert (night.folder / EXTEND).exists()

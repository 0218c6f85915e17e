"""Signs are told while the night runs, once, also by a night that goes on."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.fakes import FakeClock
from tests.training.nights import start, stepped

from overnight.story import diagnosis
from overnight.story.diagnosis import READ_SECONDS
from overnight.story.stage import Stage
from overnight.story.teller import Teller
from overnight.training import journal
from overnight.training.journal import Journal
from overnight.values.ledger import Evaluated, Loss, Rehearsed, Replanned, Stepped, Stopped
from overnight.values.troubles import Diagnosed

HORIZON = 200


class Night:
    """A stage whose teller is real, and a loop that only knows its horizon."""

    def __init__(self, folder: Path, *, main: bool = True) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.clock = folder, FakeClock()
        self.loop: Any = SimpleNamespace(
            happened=lambda event: event,
            course=SimpleNamespace(deadline=SimpleNamespace(horizon=HORIZON)),
        )
        self.main = main

    def on(self, written: Journal) -> Stage:
        unused: Any = None
        entries = journal.read(self.folder) or [written.note_start(start(self.clock))]
        teller = Teller(self.folder, written, self.clock, entries, main=self.main)
        return Stage(teller, unused, unused, unused, unused, unused)

    def live(
        self, *events: Any, rehearsing: bool = False, seconds: float = READ_SECONDS
    ) -> list[Diagnosed]:
        """One process of the night; all the signs that its journal has then."""
        with Journal.open(self.folder, self.clock) as written:
            on = self.on(written)
            on.rehearsing = rehearsing
            for event in events:
                self.clock.advance(seconds)
                on.teller.tell(event)
                diagnosis.watch(on, self.loop, event)
        return [e.event for e in journal.read(self.folder) if isinstance(e.event, Diagnosed)]


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path)


def steps(first: int, last: int, loss: float = 2.0) -> list[Stepped]:
    return [replace(stepped(step), loss=loss) for step in range(first, last + 1)]


def looked(step: int, loss: float, **more: Any) -> Evaluated:
    measured = Loss(loss=loss, low=loss, high=loss, n=20)
    return Evaluated(step=step, part="select", loss=measured, seconds=1.0, **more)


REHEARSED = Rehearsed(steps=5, seconds=5.0, tokens_per_second=1.0, peak_bytes=1)
PLANNED = Replanned(step=0, horizon=HORIZON, anchor_step=0, anchor_progress=0.0, warmup_steps=0,
                    why="the plan")  # fmt: skip


def test_a_flat_loss_is_told_at_half_of_the_night(night: Night):
    (told,) = night.live(*steps(1, 120))
    assert (told.sign, told.good) == ("plateau", False)
    assert 100 <= told.step <= 110


def test_a_rehearsal_is_no_half_of_a_night(night: Night):
    assert night.live(*steps(1, 190), rehearsing=True) == []


def test_what_was_told_is_not_told_again_by_a_night_that_goes_on(night: Night):
    first = night.live(PLANNED, REHEARSED, *steps(1, 120))
    assert night.live(*steps(100, 160)) == first


def test_what_was_read_counts_on_in_a_night_that_goes_on(night: Night):
    assert night.live(PLANNED, REHEARSED, *steps(1, 90)) == []
    (told,) = night.live(*steps(80, 120))
    assert told.sign == "plateau" and "steps 1" not in told.text


def test_figures_of_short_steps_are_read_together(night: Night):
    (told,) = night.live(*steps(1, 150), seconds=READ_SECONDS / 25)
    entries = [e.event for e in journal.read(night.folder)]
    assert entries.index(told) - told.step in range(2, 27)  # Started, and the steps read with it
    assert told == Night(night.folder / "slow").live(*steps(1, 150))[0]


def test_what_a_killed_process_had_not_read_is_told_by_the_next(night: Night):
    assert night.live(PLANNED, REHEARSED, *steps(1, 120), seconds=0.0) == []
    (told,) = night.live(*steps(121, 121))
    assert told.sign == "plateau" and 100 <= told.step <= 110


def test_the_end_is_read_at_once(night: Night):
    (told,) = night.live(*steps(1, 120), Stopped(step=120, reason="stop"), seconds=0.0)
    assert told.sign == "plateau"


def test_held_out_rows_are_read_and_test_rows_are_not(night: Night):
    test = replace(looked(30, 9.0), part="test")
    fall = [replace(step, loss=2.0 - 0.01 * step.step) for step in steps(1, 60)]
    looks = (looked(0, 2.5, base=True), *fall[:20], looked(20, 2.0), *fall[20:40],
             looked(40, 2.2), test, *fall[40:], looked(60, 2.4))  # fmt: skip
    (told,) = [sign for sign in night.live(*looks) if not sign.good]
    assert (told.sign, told.step) == ("overfitting", 60)


def test_other_processes_keep_silent(tmp_path: Path):
    assert Night(tmp_path, main=False).live(*steps(1, 120)) == []

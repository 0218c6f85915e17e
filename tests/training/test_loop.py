"""The loop: it does what is decided, tells what happened, and the journal tells the same."""

from dataclasses import replace

import pytest
from tests.fakes import FakeClock
from tests.training import tiny

from overnight.control.course import SETTLING, Course
from overnight.control.deadline import Deadline
from overnight.control.patience import LOST as IMPATIENT
from overnight.control.patience import Patience
from overnight.control.schedule import Schedule
from overnight.training.loop import Loop
from overnight.training.room import MemoryGone
from overnight.training.session import Taken
from overnight.values.cadence import Cadence
from overnight.values.decisions import Progress
from overnight.values.ledger import (
    Evaluated,
    Loss,
    Promoted,
    Replanned,
    Saved,
    StageBegan,
    Stepped,
    Stopped,
)
from overnight.values.troubles import Dropped, Rewound

NAN = float("nan")
WELL = Taken(taken=True, loss=2.0, grad_norm=1.0, tokens=100, learnt_tokens=50)
LOST = replace(WELL, taken=False, loss=NAN)


class FakeSession:
    """Steps of ten seconds that end as they are told to; 2.0 when nothing is left to be told."""

    def __init__(self, clock, *told, seconds=10.0):
        self._clock, self._told, self._seconds, self.peaks = clock, list(told), seconds, 0
        self.candidate, self.progress, self.rates = tiny.CANDIDATE, Progress(), []
        self.clips = []

    def enter(self, stage):
        if stage <= self.progress.stage:
            return None
        self.progress = replace(self.progress, stage=stage)
        return StageBegan(step=self.progress.step, stage=stage, stages=2, pool="all", rows=9,
                          rows_per_step=4)  # fmt: skip

    def step(self, rate, *, clip):
        taken = self._told.pop(0) if self._told else WELL
        if isinstance(taken, Exception):
            raise taken
        self._clock.advance(self._seconds)
        self.rates.append(rate)
        self.clips.append(clip)
        batch = self.progress.batch + 1
        self.progress = replace(self.progress, step=self.progress.step + taken.taken, batch=batch)
        return taken

    def rebuild(self, candidate):
        self.candidate = candidate

    def agreed(self, value):
        return value

    def peak_bytes(self):
        self.peaks += 1
        return 7


class FakeActs:
    """Saves of two seconds, evaluations of three; checkpoint-1 is what there is to go back to."""

    def __init__(
        self, clock, *, stop_after=10**9, refuses=False, gives_up=False, back="checkpoint-1"
    ):
        self._clock, self._left, self._refuses, self._back = clock, stop_after, refuses, back
        self._gives_up = gives_up

    def asked(self):
        self._left -= 1
        return "signal" if self._left < 0 else ""

    def save(self, session):
        self._clock.advance(2.0)
        step = session.progress.step
        done = Saved(step=step, name=f"checkpoint-{step}", parent="", seconds=2.0, bytes=1)
        return None if self._refuses else done

    def evaluate(self, session):
        self._clock.advance(3.0)
        loss = Loss(loss=2.0, low=2.0, high=2.0, n=2)
        seen = Evaluated(step=session.progress.step, part="select", loss=loss, seconds=3.0)
        return None if self._gives_up else seen

    def rewind(self, session, *, best=False):
        if self._back:
            session.progress = replace(session.progress, step=1)
        return self._back

    def promotions(self, event, health):
        if isinstance(event, Evaluated) and health.verdict == "well":
            return [Promoted(step=event.step, name=f"checkpoint-{event.step}", why="evaluated")]
        return []


def course(*, horizon=6, window=None, **cadence):
    deadline = Deadline(started_at=1_000.0, ends_at=None if window is None else 1_000.0 + window,
                        steps_wanted=horizon, tokens_per_step=100.0, publish_seconds=5.0,
                        cadence=Cadence(**cadence), horizon=horizon)  # fmt: skip
    schedule = Schedule(peak=1.0, horizon=horizon, warmup_steps=0, shape="constant")
    return Course(deadline=deadline, schedule=schedule)


def night(*told, begin=None, **acts):
    clock = FakeClock()
    session = FakeSession(clock, *told)
    begun = begin or course(save_steps=3, eval_steps=2)
    return Loop(session, begun, acts=FakeActs(clock, **acts), clock=clock.boot)


def kinds(events):
    return [type(event).__name__ for event in events]


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def test_steps_saves_and_looks_come_in_order_and_stopped_last():
    events = list(night(begin=course(horizon=6, save_steps=5, eval_steps=3)).train())
    # The first look comes with a save, for what one costs is not known yet.
    assert kinds(events) == [
        "Stepped", "Stepped", "Stepped", "Saved", "Evaluated", "Promoted",
        "Stepped", "Stepped", "Stepped", "Stopped",
    ]  # fmt: skip
    assert events[-1] == Stopped(step=6, reason="horizon")


@pytest.mark.parametrize(("every", "second"), [(2, "Evaluated"), (100, "Saved")])
def test_a_look_comes_after_a_save_only_where_a_save_is_cheap(every, second):
    begun = course(horizon=3 * every, save_steps=900, eval_steps=every)
    events = kinds(night(begin=begun).train())
    assert events[every] == "Saved"
    assert events[2 * every + 3] == second


def test_a_save_comes_when_it_is_due():
    events = kinds(night(begin=course(horizon=5, save_steps=2, eval_steps=900)).train())
    assert events == ["Stepped", "Stepped", "Saved", "Stepped", "Stepped", "Saved", "Stepped",
                      "Stopped"]  # fmt: skip


def test_a_step_tells_what_it_was():
    (first, *_) = night().train()
    assert first == Stepped(step=1, epoch=1.0, loss=2.0, tokens=100, learnt_tokens=50,
                            seconds=10.0, learning_rate=1.0, grad_norm=1.0,
                            peak_bytes=7)  # fmt: skip


@pytest.mark.parametrize(
    ("lost", "reason"),
    [(LOST, "the loss was not finite"),
     (replace(LOST, loss=2.0, grad_norm=NAN), "a gradient was not finite"),
     (replace(LOST, loss=2.0, settling=True), SETTLING)],
)  # fmt: skip
def test_a_dropped_step_says_why(lost, reason):
    (first, second, *_) = night(lost).train()
    assert first == Dropped(step=0, reason=reason, seconds=10.0)
    assert second.step == 1


def test_the_peak_is_asked_for_after_the_largest_step_yet_and_once_a_second():
    clock, larger = FakeClock(), replace(WELL, tokens=200)
    session = FakeSession(clock, WELL, WELL, larger, WELL, larger, WELL, seconds=0.25)
    loop = Loop(
        session,
        course(horizon=8, save_steps=99, eval_steps=99),
        acts=FakeActs(clock),
        clock=clock.boot,
    )
    seen = [session.peaks for event in loop.train() if isinstance(event, Stepped)]
    assert seen == [1, 1, 2, 2, 2, 2, 3, 3]


def test_a_scaler_that_settles_is_no_sickness():
    loop = night(*[replace(LOST, loss=2.0, settling=True)] * 9)
    assert not of(Rewound, loop.train())
    assert loop.course.health.dropped == 0


def test_sickness_goes_back_with_half_the_rate():
    loop = night(WELL, WELL, WELL, *[LOST] * 3)
    events = list(loop.train())
    (rewound,) = of(Rewound, events)
    assert (rewound.step, rewound.to_step, rewound.name) == (3, 1, "checkpoint-1")
    assert "3 steps in a row" in rewound.why
    assert loop.session.rates[:3] == [1.0, 1.0, 1.0]
    assert loop.course.schedule.rate_factor == rewound.rate_factor == 0.5
    assert max(loop.session.rates[6:]) <= 0.5
    assert (rewound.epoch, rewound.batch) == (0, 6)  # behind the six that were drawn
    assert events[-1] == Stopped(step=6, reason="horizon")


def test_after_three_rewinds_the_night_gives_up():
    events = list(night(*[LOST] * 99).train())
    assert len(of(Rewound, events)) == 3
    assert (events[-1].reason, len(of(Dropped, events))) == ("health", 12)


def test_without_a_way_back_sickness_ends_the_night():
    events = list(night(*[LOST] * 99, back=None).train())
    assert kinds(events) == ["Dropped"] * 3 + ["Stopped"]
    assert events[-1].reason == "health"


def test_a_stop_that_is_asked_for_ends_it_before_the_next_step():
    events = list(night(stop_after=2).train())
    assert kinds(events) == ["Stepped", "Stepped", "Stopped"]
    assert events[-1].reason == "signal"


def test_a_sick_night_that_is_asked_to_stop_stops():
    events = list(night(*[LOST] * 9, stop_after=3).train())
    assert events[-1].reason == "signal"


def test_a_window_ends_it_with_its_reserve_kept():
    loop = night(begin=course(horizon=1000, window=40.0, save_steps=900, eval_steps=900))
    events = list(loop.train())
    assert events[-1].reason == "window"
    left = 1_040.0 - loop._clock()
    assert loop.course.deadline.reserve.seconds <= left < loop.course.deadline.reserve.seconds + 10


def test_a_pace_that_differs_moves_the_horizon_and_the_schedule_lands_there():
    begun = course(horizon=1000, window=2_000.0, save_steps=900, eval_steps=900)
    loop = night(begin=replace(begun, schedule=replace(begun.schedule, shape="linear")))
    events = list(loop.train())
    moved = of(Replanned, events)
    assert moved
    assert loop.course.schedule.horizon == moved[-1].horizon == loop.course.deadline.horizon
    assert max(loop.session.rates) == loop.session.rates[0]
    assert loop.session.rates == sorted(loop.session.rates, reverse=True)
    assert loop.session.rates[-1] < 0.05


def test_a_refused_save_is_tried_again_only_after_another_interval():
    loop = night(begin=course(horizon=9, eval_steps=900, save_seconds=45.0), refuses=True)
    events = list(loop.train())
    assert not of(Saved, events)
    assert len(of(Stepped, events)) == 9
    assert loop._clock() - 1_000.0 == 9 * 10.0 + 2 * 2.0


def test_a_save_that_is_refused_every_time_keeps_no_night_from_its_steps():
    loop = night(begin=course(horizon=9, eval_steps=900, save_steps=3), refuses=True)
    assert len(of(Stepped, list(loop.train()))) == 9
    assert loop._clock() - 1_000.0 == 9 * 10.0 + 2 * 2.0


def test_a_look_that_is_given_up_every_time_keeps_no_night_from_its_steps():
    loop = night(begin=course(horizon=9, eval_steps=3, save_steps=900), gives_up=True)
    events = list(loop.train())
    assert len(of(Stepped, events)) == 9 and not of(Evaluated, events)


@pytest.mark.parametrize(
    "told",
    [(), (WELL, MemoryGone(48), LOST), (WELL, WELL, WELL, *[LOST] * 3), (*[LOST] * 99,)],
    ids=["well", "shrunk", "rewound", "given up"],
)
def test_the_journal_folded_is_the_loops_course(told):
    begun = course(horizon=40, window=500.0, save_steps=3, eval_steps=2)
    loop, folded = night(*told, begin=begun), begun
    for event in loop.train():
        folded = folded.after(event, loop._clock())
        assert folded == loop.course


def test_lost_patience_anneals_and_ends_before_the_planned_horizon():
    begun = replace(course(horizon=400, eval_steps=10), patience=Patience(limit=3))
    events = list(night(begin=begun).train())
    assert [event.why for event in of(Replanned, events)] == [IMPATIENT]
    assert len(of(Evaluated, events)) >= 4  # the first sets the best, three do not beat it
    assert of(Stepped, events)[-1].step == events[-1].step == 48  # 40 and a fifth more
    assert events[-1].reason == "patience"


@pytest.mark.tiny
def test_a_real_session_trains_through_the_loop_to_its_horizon(base):
    clock = FakeClock()
    session = tiny.session(base)
    begun = course(horizon=4, save_steps=2, eval_steps=900)
    loop = Loop(session, begun, acts=FakeActs(clock), clock=clock.boot)
    events = list(loop.train())
    assert kinds(events) == ["Stepped", "Stepped", "Saved", "Stepped", "Stepped", "Stopped"]
    assert session.progress.step == 4

"""What the world asks of a loop under way: an end, a save, more time."""

from dataclasses import replace
from itertools import pairwise

from tests.fakes import FakeClock
from tests.training.test_loop import FakeActs, FakeSession, course, kinds, of

from overnight.control.deadline import ASKED, MOVED
from overnight.training.loop import Loop
from overnight.values.ledger import Replanned, Saved, Stepped, Stopped


class Asks(FakeActs):
    """Asks for something from one decision on; a save only once."""

    def __init__(self, clock, what, *, at, **more):
        super().__init__(clock, **more)
        self._what, self._at, self.decisions = what, at, 0

    def asked(self):
        self.decisions += 1
        if self._what == "save":
            return "save" if self.decisions == self._at else ""
        return self._what if self.decisions >= self._at else ""


def night(what, *, at, begin, **acts):
    clock = FakeClock()
    session = FakeSession(clock)
    return Loop(session, begin, acts=Asks(clock, what, at=at, **acts), clock=clock.boot)


def test_a_stop_anneals_over_a_fifth_of_the_steps_done_and_ends_with_its_own_reason():
    begun = course(horizon=400, save_steps=900, eval_steps=900)
    begun = replace(begun, schedule=replace(begun.schedule, shape="linear"))
    loop = night("stop", at=51, begin=begun)
    events = list(loop.train())
    (planned,) = of(Replanned, events)
    assert (planned.step, planned.horizon, planned.why) == (50, 60, ASKED)
    assert events[-1] == Stopped(step=60, reason="stop")
    assert loop.session.rates[-1] < 0.06 < loop.session.rates[49]


def test_a_stop_never_goes_past_the_planned_end_or_the_deadline():
    begun = course(horizon=55, save_steps=900, eval_steps=900)
    assert list(night("stop", at=51, begin=begun).train())[-1].step == 55
    begun = course(horizon=400, window=560.0, save_steps=900, eval_steps=900)
    assert list(night("stop", at=51, begin=begun).train())[-1].step < 60


def test_a_stop_at_the_very_beginning_still_takes_a_step():
    begun = course(horizon=400, save_steps=900, eval_steps=900)
    events = list(night("stop", at=1, begin=begun).train())
    assert events[-1] == Stopped(step=1, reason="stop")


def test_a_save_that_is_asked_for_comes_before_the_next_step():
    begun = course(horizon=20, save_steps=900, eval_steps=900)
    events = list(night("save", at=8, begin=begun).train())
    assert [one.step for one in of(Saved, events)] == [7]
    assert len(of(Stepped, events)) == 20


def test_a_save_that_the_disk_refuses_is_asked_for_once_and_training_goes_on():
    begun = course(horizon=20, save_steps=900, eval_steps=900)
    events = list(night("save", at=8, begin=begun, refuses=True).train())
    assert kinds(events) == ["Stepped"] * 20 + ["Stopped"]


def test_more_time_on_the_way_is_more_steps_and_the_journal_folds_to_the_same_course():
    begun = course(horizon=10**6, window=1_000.0, save_steps=9_000, eval_steps=9_000)
    begun = replace(begun, schedule=replace(begun.schedule, shape="linear"))
    loop = night("", at=0, begin=begun)
    folded, seen = None, []
    for event in loop.train():
        seen.append(event)
        if folded is not None:
            folded = folded.after(event, loop._clock())
            assert folded == loop.course
        if len(seen) == 30:
            moved = loop.course.deadline.moved_to(1_000.0 + 2_000.0, None)
            folded = loop.course = replace(loop.course, deadline=moved)
    assert MOVED in [one.why for one in of(Replanned, seen)]
    assert 190 < len(of(Stepped, seen)) < 200
    rates = loop.session.rates
    assert max(abs(a - b) for a, b in pairwise(rates[10:])) < 0.05
    assert rates[-1] < 0.01

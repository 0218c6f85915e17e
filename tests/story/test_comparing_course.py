"""The course of a trial: its own time, its own end."""

from dataclasses import replace

import pytest
from tests.fakes import FakeClock
from tests.training import tiny

from overnight.control.course import Course
from overnight.story.comparing_course import Aim, OwnTime, course, with_margin
from overnight.values.curriculum import Curriculum, Leg
from overnight.values.decisions import Replan, Step, Stop
from overnight.values.ledger import Stepped


def begun(aim: Aim, warmup_ratio: float | None = None) -> Course:
    given = replace(aim.candidate, warmup_ratio=warmup_ratio)
    return course(replace(aim, candidate=given), tokens_per_step=10.0)


def taken(path: Course, own: float, seconds: float = 1.0) -> Course:
    """One more step that ended at `own`."""
    step = path.deadline.step + 1
    event = Stepped(step=step, epoch=0.0, loss=1.0, tokens=10, learnt_tokens=5, seconds=seconds,
                    learning_rate=1.0, grad_norm=1.0, peak_bytes=0)  # fmt: skip
    return path.after(event, own)


def test_own_time_goes_only_while_its_trial_trains(clock: FakeClock) -> None:
    own = OwnTime(clock.boot, 5.0)
    clock.advance(100.0)
    own.go()
    clock.advance(3.0)
    assert own() == 8.0
    own.halt()
    clock.advance(50.0)
    assert own() == 8.0


@pytest.mark.parametrize("seconds", [5.0, 50.0, 99.0, 500.0, 1e5])
def test_the_margin_of_every_deadline_lies_behind_the_trial(seconds: float) -> None:
    path = course(
        Aim(candidate=tiny.CANDIDATE, horizon=9, seconds=seconds),
        tokens_per_step=10.0,
    )
    reserve = path.deadline.reserve
    assert path.deadline.ends_at == with_margin(seconds)
    assert with_margin(seconds) - reserve.seconds == pytest.approx(seconds, rel=1e-3)


def test_a_trial_of_equal_time_ends_with_its_time_at_rate_zero() -> None:
    path = course(
        Aim(candidate=tiny.CANDIDATE, horizon=50, seconds=20.0),
        tokens_per_step=10.0,
    )
    own, rates = 0.0, []
    for _ in range(60):
        decision = path.decide(own, "")
        if isinstance(decision, Stop):
            break
        if isinstance(decision, Step):
            rates.append(path.schedule.rate(path.deadline.step))
            own += 1.0
            path = taken(path, own)
        else:
            assert isinstance(decision, Replan)  # the pace is half of what was expected
            deadline = path.deadline.replanned(decision.horizon, own)
            schedule = path.schedule.replanned(path.deadline.step, decision.horizon)
            path = replace(path, deadline=deadline, schedule=schedule)
    assert own == pytest.approx(20.0, abs=1.0)
    assert rates[-1] < 0.1 * max(rates)


def test_a_trial_of_equal_work_ends_with_its_steps_whatever_they_take() -> None:
    path = begun(Aim(candidate=tiny.CANDIDATE, horizon=3))
    for step in range(3):
        assert isinstance(path.decide(1e6 * step, ""), Step)
        path = taken(path, 1e6 * step)
    assert path.decide(1e7, "") == Stop(reason="horizon")


def test_a_given_share_of_warm_up_is_kept() -> None:
    aim = Aim(candidate=tiny.CANDIDATE, horizon=100)
    assert begun(aim, 0.5).schedule.warmup_steps == 50
    assert begun(aim).schedule.warmup_steps == 10


def test_stages_are_open_from_the_first_step_for_nothing_is_rehearsed() -> None:
    later = Curriculum(later=(Leg(rows_per_step=2, begins=0.5),))
    path = course(Aim(candidate=tiny.CANDIDATE, horizon=10), tokens_per_step=10.0,
                  stages=later)  # fmt: skip
    assert [path.deadline.stages.at(step) for step in (0, 4, 5, 9)] == [0, 0, 1, 1]

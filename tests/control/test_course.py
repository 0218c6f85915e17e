"""The course: what is decided, and what each event makes of the next decision."""

from dataclasses import replace

import pytest

from overnight.control.course import SETTLING, Course
from overnight.control.deadline import ASKED, MOVED, Deadline
from overnight.control.health import Health
from overnight.control.patience import LOST, OVERFIT, Guard, Patience
from overnight.control.schedule import Schedule
from overnight.values.cadence import Cadence
from overnight.values.decisions import Replan, Rewind, Save, Step, Stop
from overnight.values.ledger import Evaluated, Loss, Replanned, StageBegan, Stepped
from overnight.values.troubles import Dropped, Rewound

COURSE = Course(
    deadline=Deadline(started_at=0.0, ends_at=None, steps_wanted=100, tokens_per_step=1.0,
                      publish_seconds=1.0, horizon=100, step=50, saved_at=0.0, saved_step=50,
                      cadence=Cadence(save_steps=10**6, eval_steps=10**6)),
    schedule=Schedule(peak=1.0, horizon=100, warmup_steps=0, shape="linear"),
)  # fmt: skip
SICK = replace(COURSE, health=Health(dropped_in_a_row=3))


def replanned(horizon: int, why: str) -> Replanned:
    return Replanned(step=50, horizon=horizon, anchor_step=50, anchor_progress=0.5,
                     warmup_steps=0, why=why)  # fmt: skip


def test_where_nothing_is_wanted_the_next_step_is_taken() -> None:
    assert COURSE.decide(0.0, "") == Step()


def test_health_is_asked_before_the_clock() -> None:
    over = replace(SICK, deadline=replace(COURSE.deadline, step=100))
    assert isinstance(over.decide(0.0, ""), Rewind)


def test_a_signal_is_asked_before_health() -> None:
    assert SICK.decide(0.0, "signal") == Stop(reason="signal")


def test_a_wish_to_stop_anneals_and_is_heard_once() -> None:
    found = COURSE.decide(0.0, "stop")
    assert found == Replan(horizon=60, why=ASKED)
    after = COURSE.after(replanned(60, ASKED), 0.0)
    assert (after.deadline.steps_wanted, after.deadline.ending) == (60, "stop")
    assert not isinstance(after.decide(0.0, "stop"), Replan)


def test_a_wish_to_save_is_heard_once_a_step() -> None:
    fresh = replace(COURSE, deadline=replace(COURSE.deadline, step=51))
    assert fresh.decide(0.0, "save") == Save(why="asked")
    assert COURSE.decide(0.0, "save") == Step()


def test_lost_patience_anneals_and_begins_anew() -> None:
    course = replace(COURSE, patience=Patience(limit=1))
    for loss in (2.0, 3.0):
        measured = Loss(loss=loss, low=loss, high=loss, n=2)
        course = course.after(Evaluated(step=50, part="select", loss=measured, seconds=1.0), 0.0)
    assert course.decide(0.0, "") == Replan(horizon=60, why=LOST)
    assert not course.after(replanned(60, LOST), 0.0).patience.lost


@pytest.mark.parametrize(("reason", "dropped"), [(SETTLING, 0), ("the loss was not finite", 1)])
def test_a_scaler_that_settles_is_no_sickness(reason: str, dropped: int) -> None:
    course = COURSE.after(Dropped(step=50, reason=reason, seconds=1.0), 0.0)
    assert course.health.dropped_in_a_row == dropped


def test_a_rewind_goes_on_with_a_part_of_the_rate() -> None:
    event = Rewound(step=50, to_step=40, name="checkpoint-40", rate_factor=0.5, why="x")
    course = COURSE.after(event, 0.0)
    assert (course.schedule.rate_factor, course.deadline.step) == (0.5, 40)
    assert course.health.rewinds == 1


def test_more_time_is_used_as_if_it_had_been_known() -> None:
    longer = COURSE.after(replanned(200, MOVED), 0.0)
    assert longer.schedule.rate(190) > COURSE.after(replanned(200, "x"), 0.0).schedule.rate(190)


def risen() -> Course:
    """Three looks in a row were worse, rows being seen again."""
    guard = Guard(active=True).at(2.0)
    for loss in (1.0, 1.1, 1.2, 1.3):
        guard = guard.after(loss)
    return replace(COURSE, guard=guard)


def test_rows_learnt_by_heart_lead_back_to_the_best_checkpoint() -> None:
    assert risen().decide(0.0, "") == Rewind(why=OVERFIT, best=True)
    assert not isinstance(risen().decide(0.0, "signal"), Rewind)


def test_from_there_it_anneals_over_a_fifth_and_ends() -> None:
    back = Rewound(step=50, to_step=40, name="checkpoint-40", rate_factor=1.0, why=OVERFIT)
    then = risen().after(back, 0.0)
    assert then.decide(0.0, "") == Replan(horizon=48, why=OVERFIT)
    assert then.schedule.rate_factor == 1.0 and not then.health.rewinds
    told = Replanned(step=40, horizon=48, anchor_step=40, anchor_progress=0.4,
                     warmup_steps=50, why=OVERFIT)  # fmt: skip
    last = then.after(told, 0.0)
    assert last.decide(0.0, "") == Step() and last.schedule.rate(48) == 0.0
    over = replace(last, deadline=replace(last.deadline, step=48))
    assert over.decide(0.0, "") == Stop(reason="overfit")


@pytest.mark.parametrize(("pool", "verdict"), [("best", "well"), ("all", "rewind")])
def test_other_rows_may_have_losses_of_another_height(pool: str, verdict: str) -> None:
    course = replace(COURSE, health=Health(losses=(1.0,) * 50))
    began = StageBegan(step=50, stage=1, stages=2, pool=pool, rows=9, rows_per_step=4)  # type: ignore[arg-type]
    course = course.after(began, 1.0)
    for number in range(51, 57):
        high = Stepped(step=number, epoch=0.5, loss=3.0, tokens=9, learnt_tokens=9, seconds=1.0,
                       learning_rate=0.5, grad_norm=1.0, peak_bytes=0)  # fmt: skip
        course = course.after(high, 1.0)
    assert course.health.verdict == verdict

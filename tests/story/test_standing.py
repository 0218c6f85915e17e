"""Where a night stood at a checkpoint, from journals made by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.training import tiny
from tests.training.nights import Night, stepped

from overnight.control.course import Course
from overnight.control.deadline import Deadline
from overnight.control.schedule import Schedule
from overnight.story.standing import Standing, answering, last_step, standing
from overnight.values.curriculum import Curriculum, Leg
from overnight.values.ledger import Answered, Noted, Rehearsed, Replanned
from overnight.values.troubles import Rewound, Shrunk

REHEARSED = Rehearsed(steps=5, seconds=5.0, tokens_per_second=1.0, peak_bytes=1)
FIRST = Standing(
    course=Course(
        deadline=Deadline(started_at=0.0, ends_at=None, steps_wanted=100, tokens_per_step=1.0,
                          publish_seconds=1.0),
        schedule=Schedule(peak=1.0, horizon=1, warmup_steps=1, shape="linear"),
    ),
    candidate=tiny.CANDIDATE,
)  # fmt: skip
At = Callable[[str], Standing]


def replanned(step: int, horizon: int) -> Replanned:
    return Replanned(step=step, horizon=horizon, anchor_step=step, anchor_progress=0.0,
                     warmup_steps=2, why="x")  # fmt: skip


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """Rehearsed to a horizon of 100, saved at 5, moved to 60 at step 8, saved at 10."""
    night = Night(tmp_path).begin().add(replanned(0, 50))
    for step in range(1, 6):
        night.add(stepped(step))
    night.add(REHEARSED).add(replanned(5, 100)).save(5).add(stepped(6)).add(replanned(6, 60))
    return night.add(stepped(7)).save(10)


@pytest.fixture
def at(night: Night) -> At:
    return lambda name: standing(night.entries, name, FIRST, started_at=0.0, peak=2.0)


def test_a_resumed_course_is_that_of_its_checkpoint(at: At):
    at_five, at_ten = at("checkpoint-5").course, at("checkpoint-10").course
    assert (at_five.deadline.step, at_five.deadline.horizon) == (5, 100)
    assert (at_ten.deadline.step, at_ten.deadline.horizon) == (7, 60)
    assert at_five.schedule.horizon == 100 and at_ten.schedule.horizon == 60


def test_what_came_after_a_checkpoint_is_left_behind_by_a_resumption(at: At, night: Night):
    night.resume(5).add(stepped(6)).save(6)
    then = at("checkpoint-6")
    assert then.course.schedule.horizon == 100 and then.course.deadline.step == 6
    assert then.rehearsed


def test_a_checkpoint_before_the_end_of_the_rehearsal_rehearses_again(at: At):
    assert at("checkpoint-5").rehearsed
    assert not at("").rehearsed


def test_a_checkpoint_whose_save_was_not_journalled_any_more_has_the_newest_course(at: At):
    assert at("checkpoint-8").course.deadline.horizon == 60


def test_the_rehearsals_rate_is_that_of_the_steps_after_it(at: At):
    assert at("").course.schedule.peak == 1.0
    assert at("checkpoint-5").course.schedule.peak == 2.0


def rewound(night: Night) -> Night:
    return night.add(Rewound(step=12, to_step=10, name="checkpoint-10", rate_factor=0.5,
                             why="spike", epoch=1, batch=4))  # fmt: skip


def test_a_checkpoint_that_was_gone_back_to_is_left_as_it_was_left_then(at: At, night: Night):
    assert at("checkpoint-10").course.schedule.rate_factor == 1.0
    then = standing(rewound(night).entries, "checkpoint-10", FIRST, started_at=0.0, peak=2.0)
    assert then.course.schedule.rate_factor == 0.5
    assert then.course.health.rewinds == 1
    assert (then.epoch, then.batch) == (1, 4)


def test_a_checkpoint_written_anew_is_behind_its_rewind(night: Night):
    then = standing(rewound(night).save(10).entries, "checkpoint-10", FIRST, started_at=0.0,
                    peak=2.0)  # fmt: skip
    assert (then.epoch, then.batch, then.course.schedule.rate_factor) == (0, 0, 0.5)


def test_what_memory_took_is_taken_again_at_its_step(at: At, night: Night):
    night.add(Shrunk(step=12, per_device_train_batch_size=2, gradient_accumulation_steps=2,
                     most_tokens=30, why="x"))  # fmt: skip
    then = at("checkpoint-10")
    assert then.candidate == tiny.CANDIDATE
    assert [event.step for event in then.coming] == [12]
    assert at("checkpoint-12").candidate.max_tokens_per_micro_batch == 30


def test_the_newest_step_and_the_price_of_answers_are_read_off(night: Night):
    assert last_step(night.entries) == 7
    assert answering(night.entries) == 0.0
    night.add(Noted(text="x")).add(Answered(when="before", prompt="p", text="t"))
    assert answering(night.entries) == 1.0


def test_borders_of_stages_are_those_that_the_journal_moved(night: Night):
    stages = Curriculum(later=(Leg(rows_per_step=8, begins=0.1), Leg(rows_per_step=9, begins=0.5)))
    staged = replace(FIRST.course, deadline=replace(FIRST.course.deadline, stages=stages))
    first = replace(FIRST, course=staged)

    def borders(name: str) -> tuple[int, ...]:
        then = standing(night.entries, name, first, started_at=0.0, peak=2.0)
        return then.course.deadline.stages.borders

    assert borders("checkpoint-5") == (10, 50)
    assert borders("checkpoint-10") == (6, 30)  # cut from 100 to 60 steps at step 6
    night.add(stepped(8)).add(replanned(8, 200)).save(12)
    assert borders("checkpoint-12") == (6, 100)


def test_a_rewind_says_in_which_stage_the_data_goes_on(night: Night):
    back = Rewound(step=12, to_step=7, name="checkpoint-10", rate_factor=0.5, why="a spike",
                   epoch=1, batch=3, stage=1)  # fmt: skip
    night.add(back)
    then = standing(night.entries, "checkpoint-10", FIRST, started_at=0.0, peak=2.0)
    assert (then.stage, then.epoch, then.batch) == (1, 1, 3)

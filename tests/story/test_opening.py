"""How a night opens, fresh or resumed: read from a whole night, and from journals made by hand."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.fakes import FakeClock
from tests.small_nights import told
from tests.training.nights import Night, stepped

from overnight.codec import from_json
from overnight.control.deadline import Deadline
from overnight.control.schedule import Schedule
from overnight.story import opening
from overnight.training import export
from overnight.training.loop import Course
from overnight.values.ledger import (
    Answered,
    Evaluated,
    Event,
    Promoted,
    Rehearsed,
    Replanned,
    Saved,
    Stepped,
)
from overnight.values.plan import Plan
from overnight.values.request import Request

REHEARSED = Rehearsed(steps=5, seconds=5.0, tokens_per_second=1.0, peak_bytes=1)


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
def course_at(night: Night, monkeypatch: pytest.MonkeyPatch):
    """The course and whether the rehearsal was over when a checkpoint was saved."""
    start = Course(
        deadline=Deadline(started_at=0.0, ends_at=None, steps_wanted=100, tokens_per_step=1.0,
                          publish_seconds=1.0),
        schedule=Schedule(peak=1.0, horizon=1, warmup_steps=1, shape="linear"),
    )  # fmt: skip
    monkeypatch.setattr(opening, "_course", lambda on: start)
    stage: Any = SimpleNamespace(
        started_at=0.0, teller=SimpleNamespace(entries=night.entries, clock=FakeClock())
    )
    return lambda name: opening._told_course(stage, name)


def test_a_resumed_course_is_that_of_its_checkpoint(course_at):
    at_five, at_ten = course_at("checkpoint-5")[0], course_at("checkpoint-10")[0]
    assert (at_five.deadline.step, at_five.deadline.horizon) == (5, 100)
    assert (at_ten.deadline.step, at_ten.deadline.horizon) == (7, 60)
    assert at_five.schedule.horizon == 100 and at_ten.schedule.horizon == 60


def test_what_came_after_a_checkpoint_is_left_behind_by_a_resumption(course_at, night: Night):
    night.resume(5).add(stepped(6)).save(6)
    course, rehearsed = course_at("checkpoint-6")
    assert course.schedule.horizon == 100 and course.deadline.step == 6
    assert rehearsed


def test_a_checkpoint_before_the_end_of_the_rehearsal_rehearses_again(course_at, tmp_path):
    assert course_at("checkpoint-5")[1]
    assert not course_at("")[1]


def test_a_checkpoint_whose_save_was_not_journalled_any_more_has_the_newest_course(course_at):
    assert course_at("checkpoint-8")[0].deadline.horizon == 60


def kinds_before_the_first_step(run: Path) -> list[type[Event]]:
    kinds = [type(one.event) for one in told(run)]
    return kinds[: kinds.index(Stepped)]


@pytest.mark.tiny
def test_a_night_saves_and_measures_the_base_before_its_first_step(finished: Path):
    before = [one for one in kinds_before_the_first_step(finished) if one is not Answered]
    assert before[2:] == [Saved, Evaluated, Promoted, Evaluated, Replanned]
    base = [one.event for one in told(finished, Evaluated) if one.event.base]
    assert [(event.part, event.step) for event in base] == [("select", 0), ("test", 0)]


@pytest.mark.tiny
def test_answers_are_asked_for_before_and_after(finished: Path):
    answered = [one.event for one in told(finished, Answered)]
    assert [event.when for event in answered] == ["before"] * 2 + ["after"] * 2
    assert answered[0].prompt == answered[2].prompt and "What is" in answered[0].prompt


@pytest.mark.tiny
def test_the_plan_in_the_folder_is_the_whole_plan(finished: Path):
    written = json.loads((finished / opening.PLAN).read_text(encoding="utf-8"))
    plan = from_json(written["plan"], Plan)
    assert plan.candidate.max_steps == 60 and plan.candidate.save_steps == 10
    assert from_json(written["request"], Request).settings.max_steps == 60
    assert written["dataset"]["num_rows"] == 240 and written["model"]["num_layers"] == 2


@pytest.mark.tiny
def test_the_tokenizer_lies_ready_to_be_published(finished: Path):
    names = {path.name for path in (finished / export.TOKENIZER).iterdir()}
    assert names <= {path.name for path in (finished / "final").iterdir()}
    assert "tokenizer.json" in names

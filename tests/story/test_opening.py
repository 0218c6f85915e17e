"""How a night opens: read from a whole one."""

import json
import os
import signal
from pathlib import Path

import pytest
from tests.small_nights import Small, start, told, train, wait_until

from overnight.codec import from_json
from overnight.story import opening
from overnight.training import export, lineage
from overnight.values.choices import Rated
from overnight.values.ledger import (
    Answered,
    Evaluated,
    Event,
    Promoted,
    Replanned,
    Resumed,
    Saved,
    Stepped,
)
from overnight.values.plan import Plan
from overnight.values.request import Request


def kinds_before_the_first_step(run: Path) -> list[type[Event]]:
    kinds = [type(one.event) for one in told(run)]
    return kinds[: kinds.index(Stepped)]


@pytest.mark.tiny
def test_a_night_saves_and_measures_the_base_before_its_first_step(finished: Path):
    before = [one for one in kinds_before_the_first_step(finished) if one is not Answered]
    # Its base has learnt nothing yet, which the first look shows and the rate follows.
    assert before[2:] == [Saved, Evaluated, Promoted, Evaluated, Rated, Replanned]
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


@pytest.mark.tiny
def test_a_night_that_begins_again_can_always_be_published(small: Small, tmp_path: Path):
    run, words = tmp_path / "run", ("--set", "max_steps=40", "--set", "save_steps=1000")
    process = start(small, run, *words)
    wait_until(lambda: bool(run.is_dir() and told(run, Promoted)), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert train(small, run, *words).returncode == 0
    entries = told(run)
    again = next(place for place, one in enumerate(entries) if isinstance(one.event, Resumed))
    assert entries[again].event.name == "checkpoint-0"
    for end in range(again, len(entries)):  # wherever it was killed once more
        assert "checkpoint-0" in lineage.promoted(entries[:end])
    assert [one.event.step for one in told(run, Saved)] == [0, 40]

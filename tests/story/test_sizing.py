"""The rows of a step: chosen once, by measurement, without a trace."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.small_nights import Small
from tests.story.opened import again, kinds, opened
from tests.training import tiny

from overnight.codec import from_json
from overnight.story import opening, sizing
from overnight.story.stage import Stage
from overnight.training.losses import Head
from overnight.values.choices import Sized
from overnight.values.plan import Plan
from overnight.values.request import Settings

pytestmark = pytest.mark.tiny


@pytest.fixture
def on(small: Small, tmp_path: Path) -> Iterator[Stage]:
    with opened(small, tmp_path / "run") as stage:
        yield stage


def test_the_session_the_plan_and_the_journal_agree_on_what_was_chosen(on: Stage):
    weights, drawn = tiny.weights(on.session), torch.get_rng_state()
    sizing.size(on)
    (told,) = kinds(on, Sized)
    rows = told.per_device_train_batch_size
    assert len(told.paces) > 1 and told.tokens_per_second > 0.0
    assert on.session.order.rows_per_step == on.session.candidate.rows_per_step == rows
    written = json.loads((on.teller.run_folder / "plan.json").read_text(encoding="utf-8"))
    plan = from_json(written["plan"], Plan)
    assert plan.candidate == on.plan.candidate and plan.candidate.rows_per_step == rows
    assert plan.time.source == "rehearsal"
    assert tiny.same(tiny.weights(on.session), weights) and not on.session.optimizer.state
    assert torch.equal(torch.get_rng_state(), drawn) and on.session.progress.batch == 0


def test_it_is_decided_once(on: Stage):
    sizing.size(on)
    later = again(on)
    sizing.recall(later)
    assert later.found.sized == on.found.sized
    sizing.size(later)
    assert len(kinds(on, Sized)) == 1


def test_a_size_that_does_not_fit_is_not_taken(on: Stage, monkeypatch: pytest.MonkeyPatch):
    real, planned = Head.token_losses, on.session.candidate.rows_per_step
    most = planned * int(on.session.corpus.lengths.max())

    def tight(self: Head, model: torch.nn.Module, batch: dict[str, torch.Tensor]):
        if batch["input_ids"].numel() > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(self, model, batch)

    monkeypatch.setattr(Head, "token_losses", tight)
    sizing.size(on)
    (told,) = kinds(on, Sized)
    assert max(rows for rows, _ in told.paces) == planned
    assert on.session.order.rows_per_step <= planned


@pytest.mark.parametrize("settings", [
    Settings(per_device_train_batch_size=4), Settings(gradient_accumulation_steps=2),
], ids=str)  # fmt: skip
def test_rows_that_the_user_gave_are_kept(small: Small, tmp_path: Path, settings: Settings):
    with opened(small, tmp_path / "run", settings=settings) as on:
        planned = on.session.candidate
        sizing.size(on)
        assert on.session.candidate == planned and not kinds(on, Sized)


def test_without_a_clock_nothing_is_timed(on: Stage):
    on.ends_at = None
    sizing.size(on)
    assert not kinds(on, Sized)


def test_an_end_that_is_wanted_is_not_kept_waiting(on: Stage):
    on.wanted = lambda: "signal"
    sizing.size(on)
    assert not kinds(on, Sized)


def test_a_night_that_goes_on_begins_with_the_rate_of_the_chosen_rows(on: Stage):
    sizing.size(on)
    later = again(on)
    sizing.recall(later)
    assert opening._first(later).course.schedule.peak == kinds(on, Sized)[0].learning_rate

"""Pilots: what they decide, and that nothing is left of them, however they end."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.small_nights import Small
from tests.story.opened import WINDOW, again, kinds, opened
from tests.training import tiny

from overnight.codec import from_json
from overnight.planning import pilots as planned
from overnight.planning import rules, search
from overnight.story import opening, pilots
from overnight.story.look import question
from overnight.story.stage import Stage
from overnight.training.losses import Head
from overnight.training.room import MemoryGone
from overnight.training.session import Session
from overnight.values.choices import Piloted, Rated
from overnight.values.ledger import Evaluated, Loss, Noted
from overnight.values.plan import Plan
from overnight.values.request import Settings

pytestmark = pytest.mark.tiny
STEPS = 6
LOOP: Any = SimpleNamespace(course=SimpleNamespace(deadline=SimpleNamespace(select_seconds=0.01)))


@pytest.fixture
def on(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A night whose pilots are of six steps."""
    monkeypatch.setattr(planned, "steps", lambda **prices: STEPS * (prices["room"] > 1.0))
    with opened(small, tmp_path / "run") as stage:
        yield stage


def test_they_settle_the_rate_and_leave_nothing_else(on: Stage):
    weights, rule = tiny.weights(on.session), on.plan.candidate.learning_rate
    pilots.run(on, LOOP)
    flown, (rated,) = kinds(on, Piloted), kinds(on, Rated)
    assert 3 <= len(flown) <= planned.MOST and flown[0].learning_rate == rule
    assert all(one.steps == STEPS and math.isfinite(one.loss) for one in flown)
    best = min(flown, key=lambda one: one.loss).learning_rate
    assert rated.best is not None and best / 2 <= rated.best <= best * 2
    assert on.plan.candidate.learning_rate == rated.learning_rate < rated.best
    assert tiny.same(tiny.weights(on.session), weights)
    assert not on.session.optimizer.state and on.session.progress.step == 0


def test_the_plan_on_the_disk_has_the_rate_and_says_whence(on: Stage):
    pilots.run(on, LOOP)
    written = json.loads((on.teller.run_folder / "plan.json").read_text(encoding="utf-8"))
    plan = from_json(written["plan"], Plan)
    assert plan.candidate.learning_rate == kinds(on, Rated)[0].learning_rate
    (reason,) = [one for one in plan.reasons if one.setting == "learning_rate"]
    assert "pilots of 6 steps" in reason.why


def test_they_are_flown_once(on: Stage):
    pilots.run(on, LOOP)
    later = again(on)
    pilots.recall(later)
    pilots.run(later, LOOP)
    assert later.found.rated == on.found.rated and len(kinds(on, Rated)) == 1


def test_what_was_flown_before_a_crash_is_not_flown_again(on: Stage):
    first = on.plan.candidate.learning_rate
    on.teller.tell(Piloted(learning_rate=first, steps=STEPS, loss=1e-3, seconds=1.0))
    pilots.run(on, LOOP)
    rates = [one.learning_rate for one in kinds(on, Piloted)]
    assert len(rates) == len(set(rates)) and rates[0] == first
    assert kinds(on, Rated)[0].best == pytest.approx(first, rel=0.8)


def given_up(on: Stage) -> str:
    """Flies, and says why they were given up; nothing may be left of them."""
    weights, rule = tiny.weights(on.session), on.plan.candidate.learning_rate
    pilots.run(on, LOOP)
    (rated,) = kinds(on, Rated)
    assert rated.best is None and on.plan.candidate.learning_rate == rated.learning_rate == rule
    assert tiny.same(tiny.weights(on.session), weights) and on.session.progress.step == 0
    return str(rated.why)


def test_an_end_that_is_wanted_ends_them_and_settles_nothing(on: Stage):
    weights, plan = tiny.weights(on.session), on.plan
    on.wanted = lambda: "signal"
    pilots.run(on, LOOP)
    assert not kinds(on, Rated) and on.plan == plan
    assert tiny.same(tiny.weights(on.session), weights)


def test_what_takes_too_long_is_given_up(on: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pilots, "_room", lambda on: 1e-9)
    monkeypatch.setattr(planned, "steps", lambda **prices: STEPS)
    assert "too long" in given_up(on)


def test_one_beyond_the_edge_is_flown_only_where_there_is_time(on: Stage, monkeypatch: Any):
    monkeypatch.setattr(planned, "concluded", lambda tried: 1e-3)
    monkeypatch.setattr(planned, "following", lambda tried, first: first * 3.0 ** len(tried))
    monkeypatch.setattr(planned, "USUAL", 1)
    monkeypatch.setattr(pilots, "_flight", lambda series, rate: late(series))

    def late(series: Any) -> Any:
        series.until = -math.inf
        return series.counts * 1.0

    pilots.run(on, LOOP)
    assert len(kinds(on, Piloted)) == 1 and kinds(on, Rated)[0].best == 1e-3


def test_memory_that_runs_out_ends_them(on: Stage, monkeypatch: pytest.MonkeyPatch):
    def gone(self: Session, rate: float):
        raise MemoryGone(64, 32)

    monkeypatch.setattr(Session, "step", gone)
    assert "memory ran out" in given_up(on)


def test_rates_that_diverge_are_the_worst_and_no_failure(on: Stage, monkeypatch: Any):
    real, high = Head.token_losses, on.plan.candidate.learning_rate

    def sick(self: Head, model: Any, batch: Any):
        losses = real(self, model, batch)
        return losses * math.nan if on.session.optimizer.param_groups[0]["lr"] > high else losses

    monkeypatch.setattr(Head, "token_losses", sick)
    pilots.run(on, LOOP)
    told = {one.learning_rate: one.loss for one in kinds(on, Piloted)}
    assert any(math.isnan(loss) for loss in told.values())
    assert kinds(on, Rated)[0].best <= high


def test_without_a_window_or_with_a_rate_there_are_none(on: Stage, small: Small, tmp_path: Path):
    rich = replace(on.found.lessons, learning_rate=1e-3)
    assert not pilots._steps(replace(on, ends_at=None), LOOP)
    assert not pilots._steps(replace(on, found=replace(on.found, lessons=rich)), LOOP)
    given = replace(on.request, settings=Settings(learning_rate=1e-3))
    assert not pilots._steps(replace(on, request=given), LOOP)
    assert pilots._steps(on, LOOP) == STEPS


def test_a_short_window_has_none(on: Stage):
    short = replace(on.plan, window_seconds=WINDOW / 1e6)
    assert not pilots._steps(replace(on, plan=short), LOOP)


def base_loss(on: Stage, loss: float) -> None:
    told = Loss(loss=loss, low=loss, high=loss, n=20)
    on.teller.tell(Evaluated(step=0, part="select", loss=told, seconds=1.0, base=True))


@pytest.mark.parametrize(("share", "method", "factor"), [
    (1.0, "full", rules.UNTRAINED_FACTOR), (0.7, "full", 1.0), (1.0, "lora", 1.0),
], ids=str)  # fmt: skip
def test_a_base_that_only_guesses_gets_a_higher_rate(
    small: Small, tmp_path: Path, share: float, method: str, factor: float
):
    with opened(small, tmp_path / "run", method=method) as on:
        on.plan = replace(on.plan, window_seconds=1.0)
        rule = on.plan.candidate.learning_rate
        base_loss(on, share * math.log(on.found.model.vocab_size))
        pilots.run(on, LOOP)
        expected = min(factor * rule, rules.UNTRAINED_LIMIT) if factor > 1.0 else rule
        assert on.plan.candidate.learning_rate == pytest.approx(expected, rel=0.01)
        assert len(kinds(on, Rated)) == (factor > 1.0)
        noted = [one.text for one in kinds(on, Noted)]
        assert (pilots.FROZEN in noted) is (share == 1.0 and method == "lora")


def test_a_night_that_goes_on_begins_where_the_pilots_left_it(on: Stage):
    pilots.run(on, LOOP)
    later = again(on)
    pilots.recall(later)
    told = kinds(on, Rated)[0]
    assert opening._first(later).course.schedule.peak == told.learning_rate
    # The rehearsal's horizon is another: the pilots still speak for it.
    asked = question(later.request, later.found, WINDOW)
    longer = replace(on.plan, time=replace(on.plan.time, total_steps=STEPS * 10**6))
    rate = search.rated(longer, asked).candidate.learning_rate
    assert rate == pytest.approx(told.best / planned.MOST_CORRECTION, rel=0.01)

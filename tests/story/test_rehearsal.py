"""When a rehearsal is over, and what a whole night did with what it measured."""

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.small_nights import told
from tests.training.nights import stepped

from overnight.codec import from_json
from overnight.planning import timing
from overnight.story import rehearsal
from overnight.values.ledger import Evaluated, Forecast, Rehearsed, Replanned, Stepped
from overnight.values.plan import Plan


def enough(steps: int, window: float | None, horizon: int, done: int = 0) -> bool:
    """Whether the rehearsal is over after so many steps of one second."""
    on: Any = SimpleNamespace(
        steps=[stepped(step) for step in range(done + 1, done + steps + 1)],
        rehearsed=float(steps),
        plan=SimpleNamespace(window_seconds=window, time=SimpleNamespace(total_steps=horizon)),
    )
    return rehearsal._enough(on)


def first_enough(window: float | None, horizon: int = 100) -> int:
    return next(steps for steps in range(1, 1000) if enough(steps, window, horizon))


def test_without_a_window_it_is_two_per_cent_of_the_steps_or_eight():
    assert first_enough(None) == timing.REHEARSAL_STEPS == 8
    assert first_enough(None, horizon=2000) == 40


def test_without_a_window_a_resumed_rehearsal_ends_at_the_same_step():
    assert enough(2, None, 2000, done=38) and not enough(30, None, 2000, done=8)


def test_in_a_long_window_it_is_two_per_cent_of_it():
    assert first_enough(3600.0) == 72


def test_in_a_window_of_minutes_it_is_eight_steps():
    assert first_enough(120.0) == 8


def test_in_a_short_window_it_ends_at_fifteen_per_cent():
    assert first_enough(20.0) == 4


def replanned(run: Path) -> list[Replanned]:
    return [one.event for one in told(run, Replanned)]


@pytest.mark.tiny
def test_the_horizon_is_set_once_more_where_the_rehearsal_ends(finished: Path):
    (rehearsed,) = told(finished, Rehearsed)
    steps = [one.event for one in told(finished, Stepped) if one.t < rehearsed.t]
    assert rehearsed.event.steps == len(steps) == 8
    assert [(event.step, event.horizon) for event in replanned(finished)] == [(0, 60), (8, 60)]


@pytest.mark.tiny
def test_the_rate_goes_on_from_where_the_rehearsal_left_it(finished: Path):
    rates = [one.event.learning_rate for one in told(finished, Stepped)]
    leaps = [abs(b - a) for a, b in pairwise(rates)]
    assert leaps[7] <= 1.5 * max(leaps[:7])
    assert rates[-1] < 0.05 * max(rates)


@pytest.mark.tiny
def test_the_plan_on_the_disk_is_the_measured_one(finished: Path):
    written = json.loads((finished / "plan.json").read_text(encoding="utf-8"))
    plan, before = (from_json(written[key], Plan) for key in ("plan", "first_plan"))
    assert (before.time.source, plan.time.source) == ("catalogue", "rehearsal")
    assert plan.memory.how == "measured"
    pace = plan.time.tokens_per_second
    assert 0.0 < pace.low < pace.mid < pace.high
    assert plan.time.total_steps == 60


@pytest.mark.tiny
def test_a_forecast_follows_the_rehearsal_and_every_evaluation(finished: Path):
    (rehearsed,) = told(finished, Rehearsed)
    forecasts = told(finished, Forecast)
    assert all(one.t > rehearsed.t for one in forecasts)
    looked = {one.event.step for one in told(finished, Evaluated)} - {0, 60}
    assert {one.event.step for one in forecasts} >= {8, *looked - {5}} and len(looked) > 5
    assert all(f.event.low_utc <= f.event.mid_utc <= f.event.high_utc for f in forecasts)

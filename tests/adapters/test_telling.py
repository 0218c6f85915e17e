from dataclasses import replace
from types import SimpleNamespace

import pytest
from tests.adapters.test_pilot import MANNERS, Loop

from overnight.adapters import kept, telling


@pytest.fixture
def loop(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    return Loop(window=100.0)


def term(loop):
    return kept.term(by=None, within="100s", clock=loop.clock)


def test_the_first_line_says_until_when(loop):
    said = telling.begins(term(loop), loop.clock)
    assert said.startswith("by ")
    assert "1 m 40 s" in said


def test_before_anything_is_measured_only_the_clock_is_told(loop):
    told = telling.metrics(loop.pilot, term(loop), loop.clock)
    assert set(told) == {"training/elapsed_hours", "training/remaining_hours"}


def test_guide_fours_figures_of_a_run_under_way(loop):
    began = term(loop)
    loop.run(40)
    told = telling.metrics(loop.pilot, began, loop.clock)
    gone, left = told["training/elapsed_hours"], told["training/remaining_hours"]
    assert gone + left == pytest.approx(100.0 / 3600)
    assert told["training/on_track"] == 1.0
    eta = [told[f"training/eta_{name}hours"] for name in ("low_", "", "high_")]
    assert 0 < eta[0] <= eta[1] <= eta[2] < left
    assert told["optimization/estimated_hours"] == pytest.approx(98.0 / 3600, rel=0.03)


def test_the_accuracy_of_a_run_that_the_clock_ended_is_that_of_its_pace(loop):
    loop.run(40)
    loop.prices["step"] = 1.0
    loop.run()
    told = telling.summary(loop.pilot, loop.clock)
    assert told["optimization/actual_hours"] == pytest.approx(98.0 / 3600, rel=0.02)
    assert told["optimization/time_accuracy"] < 70.0


def test_the_accuracy_of_a_run_that_did_its_steps_is_that_of_its_hours(loop):
    loop = Loop(window=1000.0, manners=replace(MANNERS, steps=60))
    loop.run()
    told = telling.summary(loop.pilot, loop.clock)
    assert told["optimization/time_accuracy"] == pytest.approx(100.0, rel=0.05)


def test_the_finishing_time_is_said_with_its_interval(loop):
    loop.run(40)
    said = telling.forecast(loop.pilot, loop.clock)
    assert said.startswith("step 40: ")
    assert "of 10000 steps fit; done 08:" in said
    assert "(9 times in 10)" in said


def test_a_run_that_fell_behind_says_so(loop):
    loop.run(30)
    loop.prices["step"] = 1.0
    loop.run(40)
    assert "fewer than the" in telling.forecast(loop.pilot, loop.clock)


def test_the_end_has_its_reason(loop):
    assert "the window is over" in telling.ended(loop.pilot, loop.run(), loop.clock)


def test_a_last_evaluation_left_out_is_explained(loop):
    loop.take()
    assert "eval_on_start=True" in telling.no_look(loop.pilot)
    loop.look()
    assert telling.no_look(loop.pilot) == "it takes 1.0 s, more than there is left"


def test_a_log_line_is_a_figure_where_it_has_a_loss():
    state = SimpleNamespace(global_step=7, epoch=0.5)
    seen = telling.figure({"loss": 2.0, "grad_norm": 1.0}, state, 100)
    assert (seen.step, seen.loss, seen.held_out, seen.horizon) == (7, 2.0, None, 100)
    assert telling.figure({"eval_loss": 3.0}, state, 100).held_out == 3.0
    assert telling.figure({"train_runtime": 3.0}, state, 100) is None

"""Arithmetic of work, and what a rehearsal's steps say."""

from dataclasses import replace

import pytest
from tests.planning.facts import CARD, CPU, DATA, LARGE, MODEL, question

from overnight.planning import pace, search
from overnight.values.ledger import Stepped


def step(seconds: float, tokens: int = 100, number: int = 1) -> Stepped:
    return Stepped(step=number, epoch=0.0, loss=1.0, tokens=tokens, learnt_tokens=tokens,
                   seconds=seconds, learning_rate=1e-3, grad_norm=1.0, peak_bytes=7)  # fmt: skip


def test_full_tuning_of_8b_costs_six_flops_a_parameter():
    full = replace(search.choose(question(model=LARGE, hardware=CARD)).candidate, method="full")
    work = pace.flops_per_token(full, LARGE, 1.0)
    assert work == pytest.approx(6 * 8.0e9, rel=0.02)


def test_lora_costs_two_thirds_and_checkpointing_a_forward_more():
    lora = search.choose(question(model=LARGE, hardware=CARD)).candidate
    plain = pace.flops_per_token(lora, LARGE, 1.0)
    again = pace.flops_per_token(replace(lora, gradient_checkpointing=True), LARGE, 1.0)
    assert plain == pytest.approx(4 * 8.0e9, rel=0.05)
    assert again / plain == pytest.approx(1.46, abs=0.03)


def test_the_prior_is_an_interval_around_its_middle():
    candidate = search.choose(question()).candidate
    found = pace.tokens_per_second(candidate, MODEL, CPU, 100.0)
    assert 0 < found.low < found.mid < found.high


def test_first_steps_are_left_out_until_two_agree():
    steps = [step(9.0), step(3.0), step(1.0), step(1.05), step(1.0)]
    assert pace.settled(steps) == 2
    measured = pace.measure(steps)
    assert measured.tokens_per_second == pytest.approx(300 / 3.05)
    assert measured.warmup_seconds > 9.0
    assert measured.steps == 5


def test_a_single_step_is_a_measurement_too():
    measured = pace.measure([step(2.0)])
    assert measured.tokens_per_second == 50.0
    assert measured.peak_bytes == 7


def test_prior_prices_grow_with_what_is_held_out():
    candidate = search.choose(question()).candidate
    speed = pace.tokens_per_second(candidate, MODEL, CPU, 100.0)
    few = pace.prior_prices(candidate, MODEL, DATA, speed)
    more = pace.prior_prices(candidate, MODEL, replace(DATA, num_test=500), speed)
    assert more.evaluation.mid > few.evaluation.mid

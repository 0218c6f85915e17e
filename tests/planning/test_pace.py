"""Arithmetic of work."""

from dataclasses import replace

import pytest
from tests.planning.facts import CARD, CPU, LARGE, MODEL, question

from overnight.planning import pace, search


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

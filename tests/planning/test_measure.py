"""What a rehearsal's steps say."""

import pytest

from overnight.planning.measure import measure, settled
from overnight.values.ledger import Stepped


def step(seconds: float, tokens: int = 100, number: int = 1) -> Stepped:
    return Stepped(step=number, epoch=0.0, loss=1.0, tokens=tokens, learnt_tokens=tokens,
                   seconds=seconds, learning_rate=1e-3, grad_norm=1.0, peak_bytes=7)  # fmt: skip


def test_first_steps_are_left_out_until_two_agree():
    steps = [step(9.0), step(3.0), step(1.0), step(1.05), step(1.0)]
    assert settled(steps) == 2
    measured = measure(steps)
    assert measured.tokens_per_second == pytest.approx(300 / 3.05)
    assert measured.warmup_seconds > 9.0
    assert measured.steps == 5


def test_a_single_step_is_a_measurement_too():
    measured = measure([step(2.0)])
    assert measured.tokens_per_second == 50.0
    assert measured.peak_bytes == 7

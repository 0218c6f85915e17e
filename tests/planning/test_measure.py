"""What a rehearsal's steps say."""

import random

import pytest

from overnight.planning.measure import fit, measure, settled
from overnight.values.ledger import Stepped


def step(seconds: float, tokens: int = 100, number: int = 1) -> Stepped:
    return Stepped(step=number, epoch=0.0, loss=1.0, tokens=tokens, learnt_tokens=tokens,
                   seconds=seconds, learning_rate=1e-3, grad_norm=1.0, peak_bytes=7)  # fmt: skip


def test_first_steps_are_left_out_while_they_are_slow():
    assert settled([9.0, 3.0, 1.0, 1.05, 1.0]) == 2
    measured = measure([step(9.0), step(3.0), step(1.0), step(1.05), step(1.0)])
    assert measured.tokens_per_second == pytest.approx(300 / 3.05)
    assert measured.warmup_seconds > 9.0
    assert measured.steps == 5


def test_two_slow_first_steps_that_agree_have_not_settled():
    assert settled([9.0, 9.5, 6.0, 5.7, 5.9, 6.1, 6.4]) == 2


def test_steps_that_only_get_faster_are_kept_by_half():
    assert settled([9.0, 7.0, 5.0, 3.0, 2.0, 1.0]) == 3


def test_a_first_step_that_was_as_fast_as_the_later_ones_had_settled():
    assert settled([1.0, 2.0, 1.0, 2.0, 1.0, 2.0]) == 0


def test_a_single_step_is_a_measurement_too():
    measured = measure([step(2.0)])
    assert measured.tokens_per_second == 50.0
    assert measured.peak_bytes == 7


def test_two_lengths_tell_what_a_step_costs_whatever_it_holds():
    loads = [100.0, 400.0, 150.0, 300.0, 100.0, 350.0, 250.0, 120.0]
    found = fit([0.2 + 0.001 * load for load in loads], loads)
    assert found.seconds_per_load == pytest.approx(0.001, rel=0.1)
    assert found.seconds_per_load * (1000.0 + found.fixed_load) == pytest.approx(1.2, rel=0.06)


DEMO = [(0.485, 5932.0), (1.012, 10661.0), (0.37, 6201.0), (0.455, 7978.0), (0.395, 6717.0),
        (0.403, 6637.0), (0.575, 8939.0)]  # fmt: skip
"""The first seven steps of a real night that held more than those after them, which went at 13,243
tokens a second and held 4,569."""
SMALLER = [(0.137, 382.0), (0.135, 382.0), (0.243, 2280.0), (0.244, 2280.0)]
"""Steps of 4 and 24 rows in place of 48, timed before it."""


def test_steps_of_other_sizes_say_what_is_fixed_where_all_first_ones_are_long():
    seconds, loads = [one for one, _ in DEMO], [load for _, load in DEMO]

    def pace(others: list[tuple[float, float]]) -> float:
        found = fit(seconds, loads, others)
        return 4569.0 / (found.seconds_per_load * (4569.0 + found.fixed_load))

    assert pace(SMALLER) == pytest.approx(13_243, rel=0.08)
    assert pace([]) > pace(SMALLER) > 13_243


def test_equal_lengths_say_one_rate_and_no_more():
    found = fit([0.5] * 6, [100.0] * 6)
    assert found.seconds_per_load * (100.0 + found.fixed_load) == pytest.approx(0.5)
    assert found.fixed_load == pytest.approx(17.6, abs=1.5)
    assert found.spread == 0.0


def test_what_settling_took_is_told_apart():
    found = fit([3.0, 1.6, 1.0, 1.0, 1.0, 1.0], [100.0] * 6)
    assert found.settled == 2
    assert found.settling_seconds == pytest.approx(2.6)


def test_one_step_that_was_held_up_moves_the_pace_little():
    held_up = [1.0, 1.0, 1.0, 1.0, 30.0, 1.0, 1.0, 1.0]
    found = fit(held_up, [100.0] * 8)
    assert found.seconds_per_load * (100.0 + found.fixed_load) < 1.2


@pytest.mark.parametrize("seed", range(5))
def test_noisy_steps_give_the_pace_of_the_mean_step(seed):
    noise = random.Random(seed)
    loads = [noise.uniform(50, 300) for _ in range(20)]
    found = fit([(0.05 + 0.001 * load) * noise.gauss(1.0, 0.08) for load in loads], loads)
    usual = sum(loads) / len(loads)
    assert found.seconds_per_load * (usual + found.fixed_load) == pytest.approx(
        0.05 + 0.001 * usual, rel=0.08
    )

"""Scores: means, intervals by rows, and which of two models is better."""

import numpy as np
import pytest

from overnight.training import scores


def rows(n, *, seed=0):
    random = np.random.default_rng(seed)
    counts = random.integers(5, 50, n)
    return random.gamma(4.0, 0.5, n) * counts, counts


def test_the_loss_is_the_mean_over_tokens_not_over_rows():
    found = scores.held_out(np.array([10.0, 2.0]), np.array([5, 1]))
    assert (found.loss, found.n) == (2.0, 2)


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_encloses_the_mean(seed):
    found = scores.held_out(*rows(40, seed=seed))
    assert found.low < found.loss < found.high


def test_more_rows_give_a_narrower_interval():
    few, many = (scores.held_out(*rows(n)) for n in (20, 2000))
    assert many.high - many.low < (few.high - few.low) / 5


def test_the_interval_holds_what_it_promises():
    truth, hits = 2.0, 0
    for seed in range(100):
        found = scores.held_out(*rows(100, seed=seed))
        hits += found.low <= truth <= found.high
    assert 88 <= hits <= 100


def test_the_interval_is_the_same_at_every_look():
    np.random.seed(4)
    assert scores.held_out(*rows(30)) == scores.held_out(*rows(30))


def test_a_better_tuned_model_gains_above_zero_and_a_worse_one_below():
    base, counts = rows(30)
    assert scores.gain(base, base * 0.9, counts).low > 0
    assert scores.gain(base, base * 1.1, counts).high < 0


def test_pairing_finds_a_gain_that_is_smaller_than_the_intervals():
    base, counts = rows(30)
    tuned = base - 0.01 * counts
    apart = scores.held_out(base, counts), scores.held_out(tuned, counts)
    assert apart[1].high > apart[0].low
    assert scores.gain(base, tuned, counts).low > 0


def test_a_loss_that_is_no_number_stays_none():
    found = scores.held_out(np.array([1.0, np.nan]), np.array([1, 1]))
    assert np.isnan([found.loss, found.low, found.high]).all()


def test_rows_in_which_nothing_is_learnt_do_no_harm():
    assert scores.held_out(np.zeros(3), np.zeros(3, dtype=np.int64)).loss == 0.0

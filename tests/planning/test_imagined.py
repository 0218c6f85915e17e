"""Rows that nobody has shown are spread as real ones are."""

import pytest

from overnight.planning.imagined import imagined
from overnight.planning.lengths import mean_cut, quantile


def test_the_mean_is_the_one_that_was_given():
    made = imagined(8000, 500)
    assert mean_cut(made, 10**6) == pytest.approx(500, rel=0.01)
    assert made.avg_tokens_per_sample == 500


def test_the_longest_row_is_about_three_times_the_mean():
    assert 2.5 < imagined(8000, 500).length_percentiles[-1] / 500 < 3.5


def test_half_of_the_rows_are_shorter_than_the_mean():
    assert quantile(imagined(8000, 500), 0.5) < 500


def test_held_out_rows_are_not_trained_on():
    made = imagined(8000, 500)
    assert (made.num_train, made.num_select, made.num_test) == (7200, 400, 400)
    few = imagined(3, 10)
    assert few.num_train >= 1 and few.num_select >= 1

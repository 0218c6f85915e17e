"""How many looks and saves a stretch holds, by the intervals that the deadline keeps."""

from dataclasses import replace

import pytest

from overnight.values.cadence import COUNTED, Cadence, Stretch

AHEAD = Stretch(step=0, horizon=100, step_seconds=1.0, look_seconds=2.0, save_seconds=0.1)


def test_without_a_window_it_looks_twenty_times_and_not_at_the_end():
    assert Cadence().coming(AHEAD)[0] == 19
    assert Cadence().coming(replace(AHEAD, horizon=150))[0] == 21


def test_many_held_out_rows_are_looked_at_less_often():
    assert Cadence(least_steps=30).coming(AHEAD)[0] == 3
    assert Cadence(least_steps=30, eval_steps=10).coming(AHEAD)[0] == 9


def test_given_steps_win():
    looks, saves = Cadence(eval_steps=30, save_steps=40).coming(AHEAD)
    assert (looks, saves) == (3, 3)  # one before each look; 40 steps after the last none is due


def test_a_dear_save_is_not_made_before_every_look():
    dear = replace(AHEAD, save_seconds=1.0)
    looks, saves = Cadence(eval_steps=5, save_seconds=60.0).coming(dear)
    assert (looks, saves) == (19, 2)


def test_what_was_done_lately_is_not_due_yet():
    late = replace(AHEAD, step=50, looked_step=45, saved_step=50)
    assert Cadence(eval_steps=10, save_steps=1000).coming(late)[0] == 5
    just = replace(late, looked_step=50)
    assert Cadence(eval_steps=10, save_steps=1000).coming(just)[0] == 4


def test_in_a_window_the_clock_counts():
    window = replace(AHEAD, horizon=1000, window=1200.0, look_seconds=0.5)
    looks, saves = Cadence().coming(window)
    assert looks == pytest.approx(1000 / 60.5, abs=1.0)
    assert saves == pytest.approx(looks, abs=2.0)


def test_a_look_that_is_dear_for_the_window_comes_seldom():
    dear = replace(AHEAD, window=100.0, look_seconds=4.0)
    assert Cadence().coming(dear)[0] == 0
    assert Cadence().coming(replace(dear, look_seconds=0.6))[0] == 4


def test_nothing_lies_ahead_of_a_stretch_that_is_over():
    assert Cadence(eval_steps=1).coming(replace(AHEAD, step=100)) == (0, 0)


def test_a_long_stretch_is_counted_in_proportion():
    looks, _ = Cadence(eval_steps=1, save_steps=10**9).coming(replace(AHEAD, horizon=10**6,
                                                              save_seconds=10.0))  # fmt: skip
    assert looks > COUNTED and looks == pytest.approx(10**6, rel=0.02)

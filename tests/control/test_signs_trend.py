"""The course of a loss in the guide's words: it drops, it is stuck, it has levelled off."""

import math
import random
from collections.abc import Callable

import pytest
from tests.control.test_signs_steps import names, read

from overnight.control.figures import Figure, Sign
from overnight.control.signs_trend import Trend


def course(loss: Callable[[float], float], steps: int = 400, *, noise: float = 0.02,
           epochs: float = 1.0, seed: int = 5) -> list[Sign]:  # fmt: skip
    """The signs of a run whose loss is this function of the share done."""
    drawn = random.Random(seed)
    return read(Trend(), [
        Figure(step=n, loss=loss(n / steps) + drawn.gauss(0.0, noise), epoch=epochs * n / steps,
               horizon=steps)
        for n in range(1, steps + 1)
    ])  # fmt: skip


def test_the_guides_own_run_has_all_its_good_signs():
    guide = {100: 2.45, 500: 1.23, 1000: 0.89, 1500: 0.67, 2000: 0.54}
    figures = [Figure(step=step, loss=loss, horizon=2000) for step, loss in guide.items()]
    signs = read(Trend(), figures)
    assert set(names(signs)) == {"dropping", "below-one", "final"}
    assert all(sign.good for sign in signs)


def test_a_training_loss_that_falls_by_heart_alone_is_no_good_sign():
    steps = [Figure(step=n, loss=2 * 0.995**n, horizon=400) for n in range(1, 401)]
    looks = [Figure(step=20 * n, held_out=3.0 + 0.1 * n, horizon=400) for n in range(1, 21)]
    assert set(names(read(Trend(), steps))) == {"dropping", "below-one", "final"}
    assert read(Trend(), sorted([*looks, *steps], key=lambda figure: figure.step)) == []


def test_a_loss_that_never_falls_is_stuck_from_halfway_on():
    signs = course(lambda share: 2.2)
    assert (signs[0].name, signs[0].good) == ("plateau", False)
    assert 200 <= signs[0].step < 230
    assert "Loss stuck at same value" in signs[0].text


def test_two_losses_over_a_whole_run_are_enough_to_say_that_nothing_fell():
    figures = [Figure(step=100, loss=10.78, horizon=250), Figure(step=200, loss=10.77, horizon=250)]
    assert names(read(Trend(), figures)) == ["plateau"]


def test_nobody_says_so_before_half_or_where_the_length_is_not_known():
    flat = [Figure(step=n, loss=2.2, horizon=1000) for n in range(1, 499)]
    endless = [Figure(step=n, loss=2.2) for n in range(1, 2000)]
    assert read(Trend(), flat) == read(Trend(), endless) == []


def test_a_flat_first_epoch_of_two_may_still_fall_at_its_border():
    signs = course(lambda share: 1.08 if share < 0.5 else 0.72, epochs=2.0)
    assert signs and all(sign.good for sign in signs)


@pytest.mark.parametrize("seed", range(20))
def test_noise_in_which_nothing_can_be_seen_is_no_sign(seed: int):
    signs = course(lambda share: 0.7 - 0.1 * share, 120, noise=0.14, seed=seed)
    assert all(sign.good for sign in signs)


def test_held_out_rows_that_are_learnt_overrule_a_flat_training_loss():
    looks = [Figure(step=n, held_out=2.0 - 0.2 * n / 400, horizon=400) for n in range(0, 401, 20)]
    steps = [Figure(step=n, loss=2.2, horizon=400) for n in range(1, 401)]
    assert read(Trend(), sorted([*looks, *steps], key=lambda f: f.step)) == []


def test_a_loss_that_is_higher_than_it_began_increases():
    (first, *_) = course(lambda share: 1.0 + share)
    assert (first.name, first.good) == ("rising", False)
    assert "Loss increases" in first.text


def test_a_fall_that_ends_has_levelled_off_which_is_no_sickness():
    signs = course(lambda share: 3.4 + 1.5 * math.exp(-30 * share))
    levelled = next(sign for sign in signs if sign.name == "levelled-off")
    assert levelled.good and "lies within 0." in levelled.text


def test_where_there_are_held_out_rows_they_tell_it():
    looks = [Figure(step=40 * n, held_out=2.0 / n, horizon=400) for n in range(1, 9)]
    steps = [Figure(step=n, loss=3.4 + 1.5 * math.exp(-0.1 * n), horizon=400)
             for n in range(1, 401)]  # fmt: skip
    assert "levelled-off" in names(read(Trend(), steps))
    both = sorted([*looks, *steps], key=lambda figure: figure.step)
    assert "levelled-off" not in names(read(Trend(), both))


def test_a_step_of_a_staircase_is_no_level():
    signs = course(lambda share: (1.08, 0.72, 0.42)[min(int(3 * share), 2)], 1200, epochs=3.0)
    assert set(names(signs)) == {"dropping", "below-one", "final"}


def test_a_loss_that_still_falls_has_not_levelled_off():
    assert "levelled-off" not in names(course(lambda share: 3.0 - share, noise=0.05))


@pytest.mark.parametrize("loss", [0.0, 1e-4, -0.002])
def test_a_loss_near_zero_or_below_has_no_course(loss: float):
    assert course(lambda share: loss, noise=0.0) == []


def test_being_below_one_late_is_not_by_halfway():
    assert "below-one" not in names(course(lambda share: 2.0 if share < 0.7 else 0.8))

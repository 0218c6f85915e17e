"""What a few steps show: a loss that leaves, one that comes back, and nothing at all."""

import math
import random

import pytest

from overnight.control.figures import Figure, Reader, Sign
from overnight.control.signs_steps import IN_A_ROW, Nothing, Spikes


def read(reader: Reader, figures: list[Figure]) -> list[Sign]:
    said = []
    for figure in figures:
        reader = reader.after(figure)
        said += reader.says(figure)
    return said


def losses(*values: float, **more: float) -> list[Figure]:
    return [Figure(step=step, loss=loss, **more) for step, loss in enumerate(values, start=1)]


def names(signs: list[Sign]) -> list[str]:
    return list(dict.fromkeys(sign.name for sign in signs))


def test_a_loss_that_leaves_for_good_has_diverged_at_the_fifth_figure():
    signs = read(Spikes(), losses(1.0, 0.9, 4.0, 8.0, 12.0, 15.0, 18.0, 21.0))
    assert (signs[0].name, signs[0].step, signs[0].good) == ("divergence", 7, False)
    assert "since step 3, 5 figures in a row" in signs[0].text


def test_a_loss_that_jumps_to_where_nothing_is_known_has_diverged():
    signs = read(Spikes(), losses(1.6, 11.8, 11.6, *[10.4] * 7))
    assert signs[0].name == "divergence" and signs[0].step == 6


def test_a_spike_that_comes_back_is_named_and_is_no_sickness():
    (sign,) = read(Spikes(), losses(0.66, 0.80, 4.27, 0.77, 0.56, 0.82))
    assert (sign.name, sign.step, sign.good) == ("spike", 4, True)
    assert "4.27 at step 3" in sign.text


def test_steps_of_one_row_scatter_without_a_bad_sign():
    noise = random.Random(7)
    signs = read(Spikes(), losses(*[4.6 + noise.gauss(0.0, 1.1) for _ in range(2000)]))
    assert all(sign.good for sign in signs)


def test_a_loss_near_zero_may_double():
    noise = random.Random(8)
    assert read(Spikes(), losses(*[1e-3 * noise.random() for _ in range(500)], *[4e-3] * 50)) == []


def test_no_number_for_long_is_divergence_too():
    assert names(read(Spikes(), losses(2.0, *[math.nan] * IN_A_ROW))) == ["divergence"]


def test_a_loss_below_zero_is_no_likelihood_and_not_judged():
    assert read(Spikes(), losses(-0.01, 0.02, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3)) == []


def test_a_schedule_that_begins_anew_may_bring_other_data():
    before = [Figure(step=n, loss=0.01, learning_rate=1e-4 * (1 - n / 50)) for n in range(1, 50)]
    after = [Figure(step=n, loss=3.0, learning_rate=1e-6 * (n - 49)) for n in range(50, 90)]
    assert read(Spikes(), [*before, *after]) == []
    same = [Figure(step=n, loss=3.0, learning_rate=2e-6) for n in range(50, 90)]
    assert names(read(Spikes(), [*before, *same])) == ["divergence"]


def test_zero_loss_with_zero_gradient_is_nothing_learnt():
    (*_, sign) = read(Nothing(), losses(*[0.0] * IN_A_ROW, grad_norm=0.0))
    assert (sign.name, sign.step) == ("nothing-learnt", IN_A_ROW)
    assert "loss and gradient" in sign.text


def test_zero_loss_alone_is_enough_where_no_gradient_was_written_down():
    assert names(read(Nothing(), losses(*[0.0] * IN_A_ROW))) == ["nothing-learnt"]


def test_zero_gradient_alone_is_enough_whatever_the_loss():
    (sign,) = read(Nothing(), losses(*[2.5] * IN_A_ROW, grad_norm=0.0))
    assert "the gradient has been exactly 0" in sign.text


@pytest.mark.parametrize("grad_norm", [1e-3, math.nan])
def test_zero_loss_with_a_gradient_is_not(grad_norm: float):
    assert read(Nothing(), losses(*[0.0] * 20, grad_norm=grad_norm)) == []


def test_one_zero_among_losses_is_not():
    assert read(Nothing(), losses(*[3e-4, 2e-4, 0.0] * 9)) == []


def test_gradients_that_are_no_number_now_and_then_are_no_sign():
    figures = losses(*[2.0 - 0.01 * n for n in range(90)])
    sick = [Figure(step=f.step, loss=f.loss, grad_norm=math.nan) for f in figures[::7]]
    every = sorted([*figures, *sick], key=lambda f: f.step)
    assert read(Nothing(), every) == read(Spikes(), every) == []


def test_three_losses_in_a_row_that_are_no_number_are_told():
    (sign,) = read(Nothing(), losses(2.0, math.nan, math.inf, math.nan))
    assert (sign.name, sign.step) == ("not-finite", 4)

"""What held-out rows show: learning by heart, a loss that rises, and nothing trained."""

from tests.control.test_signs_steps import names, read

from overnight.control.figures import Figure, Sign
from overnight.control.signs_held_out import HeldOut


def looked(held_out: list[float], training: list[float]) -> list[Sign]:
    """A look after each twenty steps of the same training loss."""
    figures = []
    for n, (seen, loss) in enumerate(zip(held_out, training, strict=True), start=1):
        figures += [Figure(step=20 * n - k, loss=loss) for k in range(19, -1, -1)]
        figures.append(Figure(step=20 * n, held_out=seen))
    return read(HeldOut(), figures)


def test_held_out_rows_that_get_worse_while_training_gets_better_are_overfitting():
    signs = looked([0.96, 0.94, 0.96, 1.01, 1.07], [1.2, 0.9, 0.7, 0.5, 0.3])
    assert (signs[0].name, signs[0].step, signs[0].good) == ("overfitting", 80, False)
    assert "1.01 now, 0.94 at step 40" in signs[0].text


def test_both_getting_worse_is_a_loss_that_increases():
    signs = looked([0.96, 0.94, 1.2, 1.5], [1.2, 0.9, 1.4, 2.0])
    assert names(signs) == ["held-out-rising"]


def test_one_look_that_is_worse_is_an_accident():
    assert looked([0.37, 0.28, 0.34, 0.25, 0.23], [0.4, 0.3, 0.3, 0.2, 0.2]) == []


def test_a_rise_by_a_few_per_cent_is_nothing():
    assert looked([2.17, 2.18, 2.19, 2.23, 2.20], [2.5, 2.4, 2.3, 2.2, 2.1]) == []


def test_near_zero_a_twentieth_is_nothing():
    assert looked([0.010, 0.012, 0.014, 0.016], [0.01, 0.008, 0.006, 0.004]) == []


def test_the_same_loss_to_the_last_digit_from_the_beginning_means_nothing_is_trained():
    signs = looked([2.3456789] * 3, [2.3, 2.4, 2.3])
    assert (signs[0].name, signs[0].step) == ("untrained", 60)
    assert "at all 3 looks" in signs[0].text


def test_the_same_loss_at_the_end_of_a_run_is_only_a_flat_one():
    assert looked([0.7, 0.5, 0.4614, 0.4614, 0.4614, 0.4614], [1.0, 0.8, 0.7, 0.6, 0.5, 0.5]) == []


def test_looks_at_one_and_the_same_step_say_nothing():
    assert read(HeldOut(), [Figure(step=0, held_out=2.0)] * 5) == []

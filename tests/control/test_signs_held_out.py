"""What held-out rows show: learning by heart, a loss that rises, and nothing trained."""

from tests.control.test_signs_steps import names, read

from overnight.control.figures import Figure, Sign
from overnight.control.signs_held_out import HeldOut


def looked(held_out: list[float], training: list[float], horizon: int | None = None) -> list[Sign]:
    """A look after each twenty steps of the same training loss."""
    figures = []
    for n, (seen, loss) in enumerate(zip(held_out, training, strict=True), start=1):
        figures += [Figure(step=20 * n - k, loss=loss) for k in range(19, -1, -1)]
        figures.append(Figure(step=20 * n, held_out=seen, horizon=horizon))
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


def falls(levels: list[float], horizon: int, base: float | None = None) -> list[Sign]:
    """Looks at every twentieth step, with training losses that go on falling."""
    first = [Figure(step=0, held_out=base)] if base is not None else []
    looks = [
        Figure(step=20 * n, held_out=loss, horizon=horizon) for n, loss in enumerate(levels, 1)
    ]
    return read(HeldOut(), [*first, *looks])


def test_a_held_out_loss_that_fell_and_stays_has_levelled_off_which_is_no_sickness():
    (sign, *_) = falls([2.0, 1.5, 1.0, *[0.995] * 9], 240)
    assert (sign.name, sign.step, sign.good) == ("held-out-level", 120, True)
    assert "1 at step 60, 0.995 at best in the 3 looks since" in sign.text


def test_one_that_never_became_better_than_the_base_does_not_decrease():
    (sign, *_) = falls([8.30 - 0.001 * n for n in range(12)], 240, base=8.33)
    assert (sign.name, sign.good) == ("held-out-stuck", False)
    assert "Loss not decreasing" in sign.text


def test_one_that_falls_slowly_but_surely_is_neither():
    assert falls([2.0 - 0.01 * n for n in range(20)], 400, base=2.1) == []


def test_before_half_of_the_run_nothing_has_levelled_off():
    assert falls([2.0, 1.0, *[0.999] * 7], 400) == []


def test_one_that_has_risen_is_not_called_level():
    assert names(falls([1.0, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6], 160)) == []

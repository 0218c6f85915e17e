"""Epochs that repeat to the last digit, and those that only look alike."""

import random

from tests.control.test_signs_steps import read

from overnight.control.figures import Figure
from overnight.control.signs_epochs import IN_A_ROW, KEPT, Epochs


def epochs(*each: list[float]) -> list[Figure]:
    """One figure a loss; the last of an epoch has its whole number."""
    pairs = [
        (n + (i + 1) / len(one), loss) for n, one in enumerate(each) for i, loss in enumerate(one)
    ]
    return [
        Figure(step=s, epoch=epoch, loss=loss) for s, (epoch, loss) in enumerate(pairs, start=1)
    ]


def drawn(n: int, seed: int) -> list[float]:
    noise = random.Random(seed)
    return [round(1.0 + 0.2 * noise.random(), 4) for _ in range(n)]


def test_an_epoch_that_repeats_the_one_before_is_told_at_its_fifth_loss():
    sign, *_ = read(Epochs(), epochs(drawn(8, 1), drawn(8, 1)))
    assert (sign.name, sign.step, sign.good) == ("repeating", 8 + IN_A_ROW, False)
    assert "epoch 2 repeats" in sign.text


def test_epochs_of_the_same_rows_that_are_learnt_do_not_repeat():
    assert read(Epochs(), epochs(*(drawn(50, seed) for seed in range(6)))) == []


def test_a_loss_that_begins_constant_does_not_repeat():
    assert read(Epochs(), epochs(*([0.6931] for _ in range(20)))) == []
    assert read(Epochs(), epochs([0.5] * 30, [0.5] * 30)) == []


def test_a_frozen_model_is_found_where_an_epoch_is_longer_than_what_is_kept():
    losses = drawn(KEPT + 50, 3)
    assert read(Epochs(), epochs(losses, losses))[0].name == "repeating"

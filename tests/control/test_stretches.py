"""A long series in a few numbers, right wherever it is asked."""

import math
import random

import pytest

from overnight.control.stretches import BLOCKS, Stretch, Stretches


def told(losses: list[float]) -> Stretches:
    series = Stretches()
    for step, loss in enumerate(losses, start=1):
        series = series.after(loss, step)
    return series


@pytest.mark.parametrize("n", [1, 5, 32, 33, 64, 65, 1000, 4097])
def test_nothing_is_lost_and_little_is_kept(n: int):
    series = told([float(loss) for loss in range(n)])
    assert series.n == n
    assert len(series.blocks) <= BLOCKS
    assert sum(block.total for block in series.blocks) == sum(range(n))


@pytest.mark.parametrize("n", [40, 100, 777, 5000])
def test_the_beginning_is_the_first_losses_and_a_sixteenth_at_most(n: int):
    beginning = told([float(loss) for loss in range(n)]).beginning()
    assert (beginning.first, beginning.last) == (1, beginning.n)
    assert n / 34 <= beginning.n <= n / 16
    assert beginning.mean == (beginning.n - 1) / 2


@pytest.mark.parametrize("n", [40, 100, 777, 5000])
def test_the_ending_is_the_last_losses_and_a_tenth_at_most(n: int):
    ending = told([float(loss) for loss in range(n)]).ending()
    assert ending.last == n and ending.first == n - ending.n + 1
    assert n / 34 <= ending.n <= n / 8


@pytest.mark.parametrize("n", [4, 40, 100, 777, 5000])
def test_quarters_follow_each_other_and_are_about_equal(n: int):
    parts = told([1.0] * n).quarters()
    assert [part.first for part in parts[1:]] == [part.last + 1 for part in parts[:-1]]
    assert (parts[0].first, parts[-1].last) == (1, n)
    assert all(abs(part.n - n / 4) <= n / 12 for part in parts)


def test_there_are_fewer_quarters_while_there_are_few_losses():
    assert [part.mean for part in told([3.0, 2.0]).quarters()] == [3.0, 2.0]
    assert Stretches().quarters() == []
    assert math.isnan(Stretches().beginning().mean)


def test_a_trend_is_no_noise():
    noise = random.Random(1)
    flat = told([2.0 + noise.gauss(0.0, 0.1) for _ in range(400)])
    falling = told([9.0 - 0.01 * n + noise.gauss(0.0, 0.1) for n in range(400)])
    assert math.sqrt(flat.noise) == pytest.approx(0.1, rel=0.3)
    assert math.sqrt(falling.noise) == pytest.approx(0.1, rel=0.3)


def test_the_error_of_a_difference_is_that_of_both_means():
    series = told([1.0, 3.0, 1.0, 3.0])
    assert series.error(Stretch(2, 4.0, 1, 2), Stretch(2, 4.0, 3, 4)) == pytest.approx(
        1.414, rel=1e-3
    )
    assert told([1.0]).error(Stretch(1, 1.0, 1, 1)) == math.inf

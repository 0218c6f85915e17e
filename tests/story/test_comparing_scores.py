"""Intervals of losses, differences and ratios."""

import math

import numpy as np
import pytest

from overnight.story import comparing_scores as scores
from overnight.values.comparison import Spread

COUNTS = np.arange(5, 105)
RANDOM = np.random.default_rng(7)
NOISE = RANDOM.normal(0.0, 0.3, len(COUNTS))
BASE = COUNTS * (5.0 + NOISE)


def sums(loss: float) -> scores.Sums:
    """Row sums that move with the base's, as those of a tuned model do."""
    return np.asarray(COUNTS * (loss + NOISE))


def alone(logs: list[float]) -> Spread:
    """The ratio of a comparison of two."""
    return scores.ratio(logs, scores.Noise.of([logs]))


def test_a_ratio_that_never_varies_has_no_width_and_one_alone_tells_nothing() -> None:
    same = alone([math.log(2.0)] * 4)
    assert (same.low, same.mid, same.high) == pytest.approx((2.0, 2.0, 2.0)) and same.known
    assert not alone([math.log(2.0)]).known


def test_the_interval_of_a_ratio_holds_as_often_as_it_says() -> None:
    random, held = np.random.default_rng(1), 0
    for _ in range(1000):
        found = alone(list(random.normal(math.log(1.5), 0.2, 4)))
        held += found.low <= 1.5 <= found.high
    assert 930 <= held <= 970


def test_few_slices_of_each_of_several_settings_tell_the_noise_together() -> None:
    random, held, widths = np.random.default_rng(2), 0, []
    for _ in range(1000):
        groups = [list(random.normal(math.log(times), 0.2, 2)) for times in (1.0, 1.5, 3.0)]
        found = scores.ratio(groups[1], scores.Noise.of(groups))
        held += found.low <= 1.5 <= found.high
        widths.append(found.high / found.low)
    assert 930 <= held <= 970 and float(np.median(widths)) < 3.0


def test_student_falls_to_the_normal_quantile() -> None:
    values = [scores.student(freedom) for freedom in (1, 2, 10, 11, 30, 1000)]
    assert values == sorted(values, reverse=True)
    assert scores.student(11) == pytest.approx(2.201, abs=0.005)
    assert scores.student(1000) == pytest.approx(1.962, abs=0.002)


def test_pairs_tell_what_two_losses_alone_cannot() -> None:
    pairs = [(sums(3.0), sums(3.05))]
    found = scores.difference(pairs, COUNTS)
    apart = scores.loss([pairs[0][0]], COUNTS)
    assert found.high < 0 and found.mid == pytest.approx(-0.05)
    assert found.high - found.low < 0.01 < apart.high - apart.low


def test_seeds_that_disagree_widen_the_interval() -> None:
    alike = scores.difference([(sums(3.0), sums(3.1))] * 2, COUNTS)
    apart = scores.difference([(sums(3.0), sums(3.1)), (sums(3.2), sums(3.1))], COUNTS)
    assert alike.high < 0 and apart.low < 0 < apart.high


def test_quality_is_the_share_of_what_the_reference_gains() -> None:
    found = scores.quality([(sums(4.0), sums(3.0))], BASE, COUNTS)
    assert found is not None and found.mid == pytest.approx(50.0)
    assert found.low <= 50.0 <= found.high


def test_where_the_reference_gains_nothing_there_is_no_share() -> None:
    assert scores.quality([(sums(4.0), sums(5.0))], BASE, COUNTS) is None
    assert scores.quality([(sums(4.0), sums(float("nan")))], BASE, COUNTS) is None


def test_a_loss_that_is_no_number_has_no_interval() -> None:
    found = scores.loss([sums(float("nan"))], COUNTS)
    assert math.isnan(found.mid) and not found.known

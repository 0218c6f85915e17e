"""Losses of several seeds on the same rows -> means, differences and shares with intervals.

In: summed token losses row by row, one array a seed; logarithms of ratios. Out: `Spread` values.
Never: a model, an unseeded draw.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from overnight.training import scores
from overnight.values.comparison import Spread

Sums = NDArray[np.float64]
Counts = NDArray[np.int64]
Pairs = Sequence[tuple[Sums, Sums]]
"""A setting's sums and the reference's, seed by seed."""
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""95 % of Student's distribution lies within, at 1 to 10 degrees of freedom; the table of any
textbook. Beyond, the expansion about the normal quantile (Abramowitz and Stegun 26.7.5)."""
NORMAL = 1.96
SEED = 20260102
"""Of the bootstrap over rows and seeds."""


def student(freedom: int) -> float:
    """What 95 % lie within, in standard errors, where these are estimated from few."""
    if freedom <= len(STUDENT):
        return STUDENT[max(freedom, 1) - 1]
    z = NORMAL
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


@dataclass(frozen=True, slots=True)
class Noise:
    """How much ratios of like slices vary on this machine, whatever is compared."""

    deviation: float
    freedom: int

    @classmethod
    def of(cls, groups: Sequence[Sequence[float]]) -> "Noise":
        """Pooled over groups of logarithms: few slices of one setting alone tell hardly any."""
        squares = sum(sum((one - fmean(logs)) ** 2 for one in logs) for logs in groups if logs)
        freedom = sum(len(logs) - 1 for logs in groups if logs)
        return cls(math.sqrt(squares / freedom) if freedom else 0.0, freedom)


def ratio(logs: Sequence[float], noise: Noise) -> Spread:
    """Geometric mean of ratios given as logarithms, 95 % by Student's distribution; at least one.

    One ratio tells no variation.
    """
    middle = fmean(logs)
    wide = student(noise.freedom) * noise.deviation / math.sqrt(len(logs))
    low, mid, high = (math.exp(middle + side * wide) for side in (-1.0, 0.0, 1.0))
    return Spread(mid=mid, low=low, high=high, n=len(logs) if noise.freedom else 1)


def loss(looks: Sequence[Sums], counts: Counts) -> Spread:
    """Mean loss a token over the seeds (also of differences of sums), 95 % by bootstrap."""
    middle = fmean(float(one.sum() / max(counts.sum(), 1)) for one in looks)
    return _spread(middle, _drawn(looks, counts), len(counts))


def difference(pairs: Pairs, counts: Counts) -> Spread:
    """Loss minus the reference's, paired by row and seed."""
    return loss([mine - theirs for mine, theirs in pairs], counts)


def quality(pairs: Pairs, base: Sums, counts: Counts) -> Spread | None:
    """Per cent of the reference's gain over the base; None where that cannot be told from nothing.

    Numerator and denominator are of the same resamples.
    """
    mine = _drawn([base - one for one, _ in pairs], counts)
    theirs = _drawn([base - one for _, one in pairs], counts)
    finite = bool(np.isfinite(mine).all() and np.isfinite(theirs).all())
    if not finite or np.percentile(theirs, scores.LOW) <= 0.0:
        return None
    gained = [sum(float((base - one[at]).sum()) for one in pairs) for at in (0, 1)]
    return _spread(100.0 * gained[0] / gained[1], 100.0 * mine / theirs, len(counts))


def _drawn(looks: Sequence[Sums], counts: Counts) -> Sums:
    """Mean loss a token of each resample of rows and seeds: shape (RESAMPLES,)."""
    random, rows, seeds = np.random.default_rng(SEED), len(counts), len(looks)
    some = random.multinomial(rows, np.full(rows, 1.0 / rows), size=scores.RESAMPLES)
    which = random.multinomial(seeds, np.full(seeds, 1.0 / seeds), size=scores.RESAMPLES)
    losses = (some @ np.stack(looks).T) / np.maximum(some @ counts, 1)[:, None]
    return np.asarray((losses * which).sum(axis=1) / seeds, dtype=np.float64)


def _spread(mid: float, samples: Sums, rows: int) -> Spread:
    if not np.isfinite(samples).all():
        return Spread(mid=mid, low=mid, high=mid, n=1)
    low, high = np.percentile(samples, [scores.LOW, scores.HIGH])
    return Spread(mid=mid, low=float(low), high=float(high), n=rows)

"""Row losses -> held-out losses with intervals, and the paired difference of two models.

In: summed token losses and counts of supervised tokens, row by row. Out: Loss values. Never: a
model, an unseeded draw. Rows are resampled, since the tokens of a row are not independent.
"""

import numpy as np
from numpy.typing import NDArray

from overnight.values.ledger import Loss

Sums = NDArray[np.float64]
Counts = NDArray[np.int64]

RESAMPLES = 2000
SEED = 20260101
LOW, HIGH = 2.5, 97.5
"""Percentiles of the 95 % bootstrap interval."""


def _resampled(sums: Sums, counts: Counts) -> Sums:
    """Mean loss a token of each bootstrap sample of rows: shape (RESAMPLES,)."""
    rows = len(sums)
    random = np.random.default_rng(SEED)
    draws = random.multinomial(rows, np.full(rows, 1.0 / rows), size=RESAMPLES)
    tokens = np.maximum(draws @ counts, 1)
    return np.asarray((draws @ sums) / tokens, dtype=np.float64)


def _loss(middle: float, samples: Sums, rows: int) -> Loss:
    low, high = np.percentile(samples, [LOW, HIGH])
    return Loss(loss=middle, low=float(low), high=float(high), n=rows)


def held_out(sums: Sums, counts: Counts) -> Loss:
    """Mean negative log-likelihood a supervised token (nats)."""
    middle = float(sums.sum() / max(counts.sum(), 1))
    if not np.isfinite(middle):
        return Loss(loss=middle, low=middle, high=middle, n=len(sums))
    return _loss(middle, _resampled(sums, counts), len(sums))


def gain(base: Sums, tuned: Sums, counts: Counts) -> Loss:
    """Base minus tuned, paired by row: above zero the tuned model is better."""
    return held_out(base - tuned, counts)

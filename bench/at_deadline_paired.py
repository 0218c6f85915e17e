"""Paired comparison of row losses: pure numpy, nothing of the product's own evaluation.

In: summed losses by seed and row, counted tokens by row. Out: token means, differences with their
intervals. Never: files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
Sums = NDArray[np.float64]
"""Seeds x rows: summed loss (nats) of a row's learnt tokens."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval."""

    mid: float
    low: float
    high: float


def token_mean(sums: Sums, counts: Sums) -> float:
    """Mean loss a learnt token (nats), over seeds."""
    return float(sums.sum(axis=-1).mean() / counts.sum())


def paired(ours: Sums, theirs: Sums, counts: Sums, *, draws: int = DRAWS) -> Interval:
    """Theirs minus ours a token, above 0 where ours is better.

    The interval is a bootstrap over seeds and rows (95 %, percentiles); seed i of the one is held
    against seed i of the other, a row against itself.
    """
    apart = theirs - ours
    seeds, rows = apart.shape
    random = np.random.default_rng(0)
    drawn = np.empty(draws)
    for at in range(draws):
        row = random.integers(rows, size=rows)
        seed = random.integers(seeds, size=seeds)
        drawn[at] = apart[seed][:, row].sum(axis=1).mean() / counts[row].sum()
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Interval(token_mean(apart, counts), float(low), float(high))


def together(rows: Sequence[Sequence[float]]) -> Sums:
    """The row losses of several seeds as one array."""
    return np.asarray(rows, dtype=np.float64)


def reached(curve: Sequence[tuple[float, float]], wanted: float, shift: float) -> float | None:
    """When a curve of (seconds, loss) first lies at `wanted` or under it, the loss moved by
    `shift`; None: never."""
    return next((seconds for seconds, loss in curve if loss + shift <= wanted), None)

"""Gradient norms of the steps taken -> how long the next gradient may be.

In: the norm of each step, before clipping. Out: a limit that only a spike exceeds. Never: touches a
gradient; whoever takes the step clips. A function of the steps taken alone, so a resumed night
finds the same limits in its journal.
"""

import math
from dataclasses import dataclass

KEPT = 0.97
"""Weight of the past at each step, and ..."""
WARM_UP = 25
"""... steps that are only looked at, as in ZClip (Kumar et al. 2025, arXiv 2504.02507)."""
SPIKE = 6.0
"""Standard deviations above the mean. ZClip's 2.5 touches one in twenty gradients of real healthy
runs, this one in a thousand (bench/results/signs.md has the rule as it stands), ..."""
AT_LEAST = 4.0
"""... and with so many times the mean hardly any: gradients of a few short rows often double."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Norms:
    """A moving mean and variance of gradient norms; each step replaces it."""

    seen: int = 0
    mean: float = 0.0
    variance: float = 0.0

    @property
    def limit(self) -> float:
        """The longest gradient that is not a spike; no limit while warming up."""
        if self.seen < WARM_UP:
            return math.inf
        return max(self.mean + SPIKE * math.sqrt(self.variance), AT_LEAST * self.mean)

    def after(self, norm: float) -> "Norms":
        """With one more step: a spike counts only as far as it was let through."""
        if not math.isfinite(norm):
            return self
        weight = max(1.0 / (self.seen + 1), 1.0 - KEPT)
        off = min(norm, self.limit) - self.mean
        mean = self.mean + weight * off
        variance = (1.0 - weight) * (self.variance + weight * off * off)
        return Norms(seen=self.seen + 1, mean=mean, variance=variance)

"""A long series of losses in a few numbers: its mean over any stretch, at a constant price.

In: one loss after another. Out: means over the first, the last and any middle share. Never: keeps
the series; what is kept is 32 blocks at most, which double in size as it grows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

BLOCKS = 32
NOISE_WEIGHT = 0.02
"""Of the newest difference in the noise: it is that of the last fifty figures or so."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Losses in a row: how many, their sum, and the steps that they reach from and to."""

    n: int = 0
    total: float = 0.0
    first: int = 0
    last: int = 0

    @property
    def mean(self) -> float:
        """Of the losses."""
        return self.total / self.n if self.n else math.nan

    def __add__(self, other: "Stretch") -> "Stretch":
        """Both, one behind the other."""
        if not (self.n and other.n):
            return self if self.n else other
        return Stretch(self.n + other.n, self.total + other.total, self.first, other.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretches:
    """Blocks of equally many losses; the last may be under way."""

    blocks: tuple[Stretch, ...] = ()
    size: int = 1
    """Losses in a block."""
    newest: float = math.nan
    noise: float = math.nan
    """Variance of a single loss about its neighbours, so that no trend counts as noise."""

    def after(self, loss: float, step: int) -> "Stretches":
        """With one more loss."""
        one, blocks = Stretch(1, loss, step, step), self.blocks
        if blocks and blocks[-1].n < self.size:
            blocks = (*blocks[:-1], blocks[-1] + one)
        else:
            blocks = (*blocks, one)
        grown = replace(self, blocks=blocks, newest=loss, noise=self._noise(loss))
        return grown if len(blocks) <= BLOCKS else grown._halved()

    def _noise(self, loss: float) -> float:
        apart = 0.5 * (loss - self.newest) ** 2
        if math.isnan(self.noise):
            return apart
        return self.noise + NOISE_WEIGHT * (apart - self.noise)

    def _halved(self) -> "Stretches":
        pairs = zip(self.blocks[::2], (*self.blocks[1::2], Stretch()), strict=False)
        return replace(self, blocks=tuple(a + b for a, b in pairs), size=2 * self.size)

    @property
    def n(self) -> int:
        """Losses so far."""
        return sum(block.n for block in self.blocks)

    @property
    def whole(self) -> bool:
        """Whether the last block is full: once in as many losses as a block holds."""
        return bool(self.blocks) and self.blocks[-1].n == self.size

    def beginning(self) -> Stretch:
        """The first block: between a 32nd and a 16th of the losses so far."""
        return self.blocks[0] if self.blocks else Stretch()

    def ending(self) -> Stretch:
        """The last full block, and what has come since."""
        return sum(self.blocks[-1:] if self.whole else self.blocks[-2:], Stretch())

    def quarters(self) -> Sequence[Stretch]:
        """The losses so far in four, as equal as whole blocks allow; fewer while there are few."""
        count = len(self.blocks)
        cuts = [count * part // 4 for part in range(5)]
        parts = [self.blocks[a:b] for a, b in pairwise(cuts) if a < b]
        return [sum(part, Stretch()) for part in parts]

    def error(self, *stretches: Stretch) -> float:
        """Standard error of the difference of two means; infinite where no noise is known."""
        if math.isnan(self.noise):
            return math.inf
        return math.sqrt(sum(self.noise / max(one.n, 1) for one in stretches))

"""How steady a night's pace has been: its steps in a few blocks, at a constant price.

In: seconds and load of steps, a block at a time. Out: what the pace of one quarter differed by from
that of the next. Never: keeps the steps; the time, decisions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

BLOCKS = 16
"""At most; then two and two become one."""
QUARTERS = 4
STEPS = 8
"""Of a block at first: quarters are compared once there are four times as many steps."""
Block = tuple[float, float, int]
"""Seconds, load without what each step costs besides, and steps."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """Blocks of `size` steps each."""

    blocks: tuple[Block, ...] = ()
    size: int = STEPS
    seconds: float = 0.0
    """Of all their steps."""

    def after(self, block: Block) -> "Tempo":
        """With one more whole block."""
        blocks, size = (*self.blocks, block), self.size
        if len(blocks) == BLOCKS:
            blocks, size = _halved(blocks), 2 * size
        return Tempo(blocks, size, self.seconds + block[0])

    @property
    def quarter_steps(self) -> int:
        """Of the shortest quarter, once quarters are compared."""
        return self.size * (len(self.blocks) // QUARTERS)

    def differences(self, fixed_load: float) -> tuple[float, ...]:
        """Of each quarter's pace to that of the one before, relatively; none while there are few
        steps, or where what they held is not known."""
        if len(self.blocks) < QUARTERS:
            return ()
        cuts = [len(self.blocks) * part // QUARTERS for part in range(QUARTERS + 1)]
        rates = [_rate(self.blocks[a:b], fixed_load) for a, b in pairwise(cuts)]
        if not all(rate > 0 and math.isfinite(rate) for rate in rates):
            return ()
        return tuple((b - a) / (0.5 * (a + b)) for a, b in pairwise(rates))


def _rate(blocks: Sequence[Block], fixed_load: float) -> float:
    load = sum(held + steps * fixed_load for _, held, steps in blocks)
    return sum(took for took, _, _ in blocks) / load if load > 0 else 0.0


def _halved(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    pairs = zip(blocks[::2], blocks[1::2], strict=True)
    return tuple((a[0] + b[0], a[1] + b[1], a[2] + b[2]) for a, b in pairs)

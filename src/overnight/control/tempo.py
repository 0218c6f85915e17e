"""How steady a night's pace has been: its steps in a few blocks, at a constant price.

In: seconds and load of one step after another. Out: what the pace of one quarter differed by from
that of the next. Never: keeps the steps; the time, decisions.
"""

import math
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
    """Blocks of equally many steps; the last may be under way."""

    blocks: tuple[Block, ...] = ()
    size: int = STEPS
    seconds: float = 0.0
    """Of all steps so far."""

    def after(self, seconds: float, load: float) -> "Tempo":
        """With one more step."""
        blocks, size = self.blocks, self.size
        if blocks and blocks[-1][2] < size:
            took, held, steps = blocks[-1]
            blocks = (*blocks[:-1], (took + seconds, held + load, steps + 1))
        else:
            if len(blocks) == BLOCKS:
                blocks, size = _halved(blocks), 2 * size
            blocks = (*blocks, (seconds, load, 1))
        return Tempo(blocks, size, self.seconds + seconds)

    @property
    def quarter_steps(self) -> int:
        """Of the shortest quarter, once quarters are compared."""
        return self.size * (sum(block[2] == self.size for block in self.blocks) // QUARTERS)

    def differences(self, fixed_load: float) -> tuple[float, ...]:
        """Of each quarter's pace to that of the one before, relatively; none while there are few
        steps, or where what they held is not known."""
        whole = [block for block in self.blocks if block[2] == self.size]
        if len(whole) < QUARTERS:
            return ()
        cuts = [len(whole) * part // QUARTERS for part in range(QUARTERS + 1)]
        rates = [_rate(whole[a:b], fixed_load) for a, b in pairwise(cuts)]
        if not all(rate > 0 and math.isfinite(rate) for rate in rates):
            return ()
        return tuple((b - a) / (0.5 * (a + b)) for a, b in pairwise(rates))


def _rate(blocks: list[Block], fixed_load: float) -> float:
    load = sum(held + steps * fixed_load for _, held, steps in blocks)
    return sum(took for took, _, _ in blocks) / load if load > 0 else 0.0


def _halved(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    pairs = zip(blocks[::2], blocks[1::2], strict=True)
    return tuple((a[0] + b[0], a[1] + b[1], a[2] + b[2]) for a, b in pairs)

"""Pilots: short annealed runs with rates of their own, before the night's first step.

In: prices, what was tried so far. Out: how long a pilot is, which rate comes next, which one they
speak for. Never: runs one (story/pilots.py), a rate where the user gave one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

SHARE = 0.15
"""Of the window, rehearsal included: what all of them may take (DESIGN 6)."""
EACH = 0.015
"""Of the steps of the night: a pilot. All of them cost about slope x ln(1 / (1 - share)) of loss,
and what is learnt in short nights falls by 0.4 nats with each e-fold of steps: there the rule,
which is within twice the best rate, is the cheaper guess (bench/results/rule.md)."""
LEAST_STEPS = 100
"""A shorter one says little: its best rate is far from the night's."""
APART = 3.0
"""Factor between two rates. Within 2 of the best a rate costs less than 0.02 nats."""
USUAL, MOST = 3, 4
"""Pilots: three around the best; one more where the best is at an edge and there is time."""
HORIZON_EXPONENT = 0.3
"""The best rate falls with the number of steps (Bjorck et al., ICLR 2025, arXiv:2409.19913)."""
MOST_CORRECTION = 4.0
"""That factor is not followed further than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What one pilot came to."""

    learning_rate: float
    loss: float
    """Infinite where it diverged."""
    tied: bool = False
    """Whether the paired interval of its difference to the best holds zero."""


def steps(*, horizon: int, step_seconds: float, look_seconds: float, room: float) -> int:
    """Steps of one pilot; 0 where so few would tell nothing, or `room` (seconds) does not hold as
    many as are usual."""
    wanted = math.ceil(EACH * horizon)
    if wanted < LEAST_STEPS:
        return 0
    needed = USUAL * (wanted * step_seconds + look_seconds)
    return wanted if needed <= room else 0


def following(tried: Sequence[Tried], first: float) -> float | None:
    """The rate to try next; None once the best lies between two that are worse."""
    if len(tried) >= MOST:
        return None
    if not tried:
        return first
    best = min(tried, key=lambda one: one.loss)
    known = [one.learning_rate for one in tried]
    if best.learning_rate == max(known) and math.isfinite(best.loss):
        return best.learning_rate * APART
    if best.learning_rate == min(known) or not math.isfinite(best.loss):
        return min(known) / APART
    return None


def concluded(tried: Sequence[Tried]) -> float | None:
    """The rate that the pilots speak for, at their own length; None where none has a loss.

    A near tie goes to the lower rate: the night is longer than a pilot, and wants a lower one.
    """
    sound = sorted((one for one in tried if math.isfinite(one.loss)),
                   key=lambda one: one.learning_rate)  # fmt: skip
    if not sound:
        return None
    best = min(sound, key=lambda one: one.loss)
    place = sound.index(best)
    if place > 0 and sound[place - 1].tied:
        return math.sqrt(best.learning_rate * sound[place - 1].learning_rate)
    if 0 < place < len(sound) - 1:
        return _vertex(*sound[place - 1 : place + 2])
    return best.learning_rate


def _vertex(below: Tried, best: Tried, above: Tried) -> float:
    """Where a parabola through three losses is lowest, in the logarithm of the rate."""
    low, mid, high = (math.log(one.learning_rate) for one in (below, best, above))
    left, right = below.loss - best.loss, above.loss - best.loss
    bend = left * (high - mid) + right * (mid - low)
    if bend <= 0.0:
        return best.learning_rate
    shift = (left * (high - mid) ** 2 - right * (mid - low) ** 2) / (2.0 * bend)
    return math.exp(min(max(mid + shift, (low + mid) / 2), (mid + high) / 2))


def for_horizon(rate: float, *, pilot_steps: int, steps: int) -> float:
    """The rate that suits so many steps, from the one that suited a pilot's."""
    longer = (max(steps, 1) / max(pilot_steps, 1)) ** HORIZON_EXPONENT
    return float(f"{rate / min(max(longer, 1.0), MOST_CORRECTION):.3g}")

"""Losses and gradients -> well, or what is wrong.

In: the loss and the gradient norm of each step. Out: a verdict in a word and a sentence, and how
long the next gradient may be. Never: a filtered figure (a NaN is a NaN), a clock, a model.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Literal

from overnight.control.clipping import Norms

WINDOW = 100
"""Steps that a spike is judged against."""
SPIKE_STEPS = 5
"""Steps in a row above the line: a single one recovers by itself."""
LEAST = 0.1
"""Nats that a spike rises by: near zero a loss may be many times another and mean nothing."""
DROPS_IN_A_ROW = 3
DROPS_SHARE = 0.01
SETTLING_STEPS = 40
"""Steps in a row in which a loss scaler may look for its scale: it begins at 2^16, and halved so
often it is under the smallest number of fp16."""
REWINDS = 3
"""The ladder of DESIGN 10."""

Verdict = Literal["well", "rewind", "give-up"]


def _spike(loss: float, losses: Sequence[float]) -> bool:
    """A loss above median + 6 MAD, and half as much again as the median at least."""
    middle = median(losses)
    if loss <= max(1.5 * middle, middle + LEAST):
        return False
    return loss > middle + 6.0 * median(abs(one - middle) for one in losses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the last steps say about the run; a value that each step replaces."""

    losses: tuple[float, ...] = ()
    high: int = 0
    """Steps in a row above the spike line."""
    dropped_in_a_row: int = 0
    dropped: int = 0
    settling_in_a_row: int = 0
    """Steps dropped while fp16's loss scaler looked for its scale."""
    steps: int = 0
    rewinds: int = 0
    norms: Norms = field(default_factory=Norms)
    """Of the gradients: a spike is clipped before anything else is done about it."""

    def after_step(self, loss: float, grad_norm: float = math.nan) -> "Health":
        """Health after a step was taken with this loss (nats a token) and gradient norm."""
        settled = len(self.losses) >= WINDOW // 5
        high = settled and _spike(loss, self.losses)
        return Health(
            losses=self.losses if high else (*self.losses, loss)[-WINDOW:],
            high=self.high + 1 if high else 0,
            dropped=self.dropped,
            steps=self.steps + 1,
            rewinds=self.rewinds,
            norms=self.norms.after(grad_norm),
        )

    def after_drop(self) -> "Health":
        """Health after a step's gradients were not finite and were thrown away."""
        return replace(
            self,
            dropped_in_a_row=self.dropped_in_a_row + 1,
            dropped=self.dropped + 1,
            steps=self.steps + 1,
        )

    def after_settling(self) -> "Health":
        """Health after a step in which the loss scaler looked for its scale: well, for a while."""
        waiting = replace(self, settling_in_a_row=self.settling_in_a_row + 1)
        return waiting if waiting.settling_in_a_row <= SETTLING_STEPS else waiting.after_drop()

    def after_rewind(self) -> "Health":
        """Health after going back: the counts begin anew, the rewinds are remembered."""
        return Health(rewinds=self.rewinds + 1, losses=self.losses, norms=self.norms)

    def anew(self) -> "Health":
        """Health after going back to weights that were well: what came later is no measure."""
        return Health(rewinds=self.rewinds, norms=self.norms)

    def elsewhere(self) -> "Health":
        """Health where other rows are drawn from here on: their losses may be of another height."""
        return replace(self, losses=(), high=0)

    @property
    def calm(self) -> bool:
        """Whether nothing is wrong, nor may be about to be: the time to trust what was saved."""
        return self.verdict == "well" and not self.high

    @property
    def trouble(self) -> str:
        """One sentence when something is wrong, else empty."""
        if self.dropped_in_a_row >= DROPS_IN_A_ROW:
            return f"{self.dropped_in_a_row} steps in a row had no finite loss or gradient"
        if self.dropped > max(DROPS_IN_A_ROW, DROPS_SHARE * self.steps):
            return f"{self.dropped} of {self.steps} steps had no finite loss or gradient"
        if self.high >= SPIKE_STEPS:
            middle = median(self.losses)
            return f"the loss has been far above its median of {middle:.3f} for {self.high} steps"
        return ""

    @property
    def verdict(self) -> Verdict:
        """What is to be done: nothing, go back, or end with the best that there is."""
        if not self.trouble:
            return "well"
        return "rewind" if self.rewinds < REWINDS else "give-up"


def finite(*figures: float) -> bool:
    """Whether every figure is an ordinary number."""
    return all(math.isfinite(figure) for figure in figures)

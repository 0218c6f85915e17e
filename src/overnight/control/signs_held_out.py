"""Signs that held-out rows show: overfitting, a loss that rises, one that nothing moves.

In: figures with a held-out loss now and then. Out: signs. Never: ends a run; patience.py does,
where somebody asked for it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from overnight.control.figures import Figure, Sign

ABOVE = 0.05
"""Of the best held-out loss: generalisation lost (GL5), and ..."""
RISES = 2
"""... looks in a row at which it rose (UP2): Prechelt, Early Stopping - But When?, 1998."""
LEAST = 0.02
"""Nats: near zero a twentieth is nothing."""
EQUAL_LOOKS = 3
"""Looks that are the same to the last digit: two may be where figures are written in 16 bits."""
EQUAL_STEPS = 10
WEIGHT = 0.1
"""Of the newest training loss in its level."""
BETTER = 0.01
"""Of the loss: a best one that is better by less is none, ..."""
LEVEL_SHARE = 0.25
"""... and for so much of the run there was no other, ..."""
LEVEL_LOOKS = 3
"""... at so many looks at least, ..."""
HALF = 0.5
"""... once half of the run is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """The looks at held-out rows, and where the training loss was at the best one."""

    first: float = math.nan
    last: float = math.nan
    best: float = math.inf
    best_step: int = 0
    rises: int = 0
    equal: int = 0
    """Looks so far, all the same to the last digit; 0 once one was not."""
    since: int = 0
    """Step of the first."""
    anchor: float = math.inf
    """The last loss that was clearly better than those before it, ..."""
    anchor_step: int = 0
    looks: int = 0
    """... and the looks since."""
    level: float = math.nan
    """Of the training loss: now, ..."""
    then: float = math.nan
    """... and at the best look."""

    def after(self, figure: Figure) -> "HeldOut":
        """With one more figure."""
        here = self
        if figure.loss is not None and math.isfinite(figure.loss):
            level = self.level + WEIGHT * (figure.loss - self.level)
            here = replace(here, level=figure.loss if math.isnan(self.level) else level)
        seen = figure.held_out
        if seen is None or not math.isfinite(seen):
            return here
        if math.isnan(self.first):
            here = replace(here, first=seen, since=figure.step, equal=1)
        else:
            equal = here.equal + 1 if here.equal and seen == here.first else 0
            rises = here.rises + 1 if seen > here.last else 0
            here = replace(here, equal=equal, rises=rises)
        if seen < self.anchor - BETTER * abs(self.anchor) or math.isinf(self.anchor):
            here = replace(here, anchor=seen, anchor_step=figure.step, looks=0)
        else:
            here = replace(here, looks=self.looks + 1)
        if seen < here.best:
            here = replace(here, best=seen, best_step=figure.step, then=here.level)
        return replace(here, last=seen)

    def says(self, figure: Figure) -> Iterator[Sign]:
        """What this look says; nothing between two looks."""
        if figure.held_out is None:
            return
        if self.equal >= EQUAL_LOOKS and figure.step - self.since >= EQUAL_STEPS:
            text = (f"Nothing is trained: the held-out loss is {self.first:.6g} at all "
                    f"{self.equal} looks, to the last digit. Are the adapters attached, does the "
                    "optimizer step?")  # fmt: skip
            yield Sign(name="untrained", step=figure.step, text=text)
        if figure.held_out - self.best > max(ABOVE * self.best, LEAST):
            if self.rises >= RISES:
                yield self._risen(figure.step, figure.held_out)
        elif figure.share >= HALF and self.looks >= LEVEL_LOOKS:
            yield from self._level(figure)

    def _level(self, figure: Figure) -> Iterator[Sign]:
        """No look was clearly better for long: since a fall, or not even better than the base."""
        apart = figure.step - self.anchor_step
        if self.anchor < LEAST or apart < LEVEL_SHARE * (figure.horizon or 0):
            return
        said = (f"{self.anchor:.3g} at step {self.anchor_step:,}, {self.best:.3g} at best in the "
                f"{self.looks} looks since")  # fmt: skip
        if self.anchor_step == 0:
            text = f"Loss not decreasing: the held-out loss was {said}. Is the rate too low?"
            yield Sign(name="held-out-stuck", step=figure.step, text=text)
            return
        text = (f"The held-out loss has levelled off: {said}. Nothing is sick; an early stop would "
                "save time.")  # fmt: skip
        yield Sign(name="held-out-level", step=figure.step, text=text, good=True)

    def _risen(self, step: int, now: float) -> Sign:
        said = (f"held-out loss rises: {now:.3g} now, {self.best:.3g} at step "
                f"{self.best_step:,} was its best")  # fmt: skip
        if self.level > self.then:
            text = f"Loss increases: the {said}, and the training loss rises too."
            return Sign(name="held-out-rising", step=step, text=text)
        text = (
            f"Overfitting: the {said}, while training loss goes on falling. Fewer steps would do."
        )
        return Sign(name="overfitting", step=step, text=text)

"""Evaluations without improvement -> whether it is time to anneal and end.

In: *select* losses, epochs done. Out: whether patience is lost, whether rows are being learnt by
heart. Never: ends anything by itself; without a number of evaluations patience is never lost, and
without leave to act the guard never fires, however the loss goes (DESIGN 6).
"""

import math
from dataclasses import dataclass, replace

LOST = "the held-out loss has not improved for as long as --patience allows"
OVERFIT = "the held-out loss rises while rows are seen again"
RISES = 3
"""Looks in a row at which the smoothed loss rose."""
SMOOTHING = 0.5
"""Of the newest look in the smoothed loss: half of what a single look is off by is left."""
ABOVE = 0.01
"""Of the best smoothed loss: at a high rate the loss of looks goes up and down by less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The best *select* loss, and how many evaluations have not beaten it."""

    limit: int | None = None
    best: float | None = None
    waited: int = 0

    def after(self, loss: float) -> "Patience":
        """Patience after an evaluation; a loss that is no number is no improvement."""
        if self.best is None or loss < self.best:
            return replace(self, best=loss, waited=0)
        return replace(self, waited=self.waited + 1)

    @property
    def lost(self) -> bool:
        """Whether as many evaluations as were allowed have gone by."""
        return self.limit is not None and self.waited >= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The smoothed *select* loss once rows are seen again, and how often in a row it rose."""

    active: bool = False
    """Whether it may act: in nights whose epochs the user left open (DESIGN 6)."""
    epoch: float = 0.0
    smooth: float | None = None
    best: float = math.inf
    """The lowest smoothed loss."""
    rises: int = 0
    back: bool = False
    """Gone back to the best checkpoint; what is left is the anneal."""

    def at(self, epoch: float) -> "Guard":
        """The guard when so many epochs are done."""
        return replace(self, epoch=epoch) if self.active else self

    def after(self, loss: float) -> "Guard":
        """The guard after a look; one that is no number says nothing."""
        if not self.active or not math.isfinite(loss):
            return self
        before = loss if self.smooth is None else self.smooth
        now = before + SMOOTHING * (loss - before)
        rises = self.rises + 1 if now > before and self.epoch > 1.0 else 0
        return replace(self, smooth=now, best=min(self.best, now), rises=rises)

    @property
    def fires(self) -> bool:
        """Whether it is time to go back to the best checkpoint and anneal from there."""
        risen = self.rises >= RISES and (self.smooth or 0.0) > (1.0 + ABOVE) * self.best
        return self.active and not self.back and risen

"""Evaluations without improvement -> whether it is time to anneal and end.

In: *select* losses. Out: whether patience is lost. Never: ends anything by itself; without a
number of evaluations it is never lost, however the loss goes (DESIGN 6).
"""

from dataclasses import dataclass, replace

LOST = "the held-out loss has not improved for as long as --patience allows"


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

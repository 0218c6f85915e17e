"""Seconds of one thing after another, without a gap.

In: a clock, and the moments at which things end. Out: what each took. Never: what the things are.
"""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stopwatch:
    """Seconds of each thing, one after another; `now` is asked for once a thing."""

    now: Callable[[], float]
    mark: float = field(init=False)
    carried: float = 0.0

    def __post_init__(self) -> None:
        self.mark = self.now()

    def lap(self) -> float:
        """Seconds since the last thing ended."""
        since, self.mark = self.mark, self.now()
        return self.mark - since

    def carry(self) -> None:
        """What went by belongs to the next step, not to what comes first."""
        self.carried += self.lap()

    def step(self) -> float:
        """Seconds of a step, with what was carried over to it."""
        seconds, self.carried = self.lap() + self.carried, 0.0
        return seconds

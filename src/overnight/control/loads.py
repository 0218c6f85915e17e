"""What the steps of the path hold: the unit that a pace is counted in.

In: what is known of each step's load, and what a step costs whatever it holds. Out: loads of
stretches, and whole steps for an amount of work. Never: time, decisions.
"""

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loads:
    """The path's steps, in any one unit of work."""

    known: tuple[float, ...]
    """`known[n]` is what the first n steps hold; empty where only the mean is known."""
    fixed: float
    """What a step costs whatever it holds."""
    otherwise: float
    """What a step is expected to hold where nothing is known."""

    def to(self, step: int) -> float:
        """What all steps up to this one hold, with what each costs besides."""
        sure = min(step, max(len(self.known) - 1, 0))
        held = self.known[sure] + sure * self.fixed if sure else 0.0
        return held + (step - sure) * self.mean

    @property
    def mean(self) -> float:
        """Of a step about which nothing is known but the others."""
        known = max(len(self.known) - 1, 0)
        return (self.known[known] / known if known else self.otherwise) + self.fixed

    def within(self, step: int, room: float) -> int:
        """Whole steps after `step` that so much work has room for, by what they hold."""
        reached = self.to(step) + room
        known = range(step, max(len(self.known), step + 1))
        steps = bisect_right(known, reached, key=self.to) - 1
        if steps + 1 < len(known):
            return max(steps, 0)
        more = reached - self.to(known[-1])
        return len(known) - 1 + max(0, int(more / max(self.mean, 1e-12)))

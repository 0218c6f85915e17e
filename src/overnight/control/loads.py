"""What the steps of the path hold: the unit that a pace is counted in.

In: what is known of each step's load, and what a step costs whatever it holds. Out: loads of
stretches, and whole steps for an amount of work. Never: time, decisions.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

MOST_STEPS = 2**40
"""Of a night: a guard against a pace of nothing."""


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

    def step(self, number: int) -> float:
        """What one step holds, without what each costs besides: the `number`th, from 1 on."""
        if 0 < number < len(self.known):
            return self.known[number] - self.known[number - 1]
        return self.mean - self.fixed

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


@dataclass(frozen=True, slots=True)
class Path:
    """Steps of several stages, each with loads of its own."""

    legs: tuple[Loads, ...]
    borders: tuple[int, ...]
    """Steps done when each of them but the first begins; rising."""

    def to(self, step: int) -> float:
        """What all steps up to this one hold, with what each costs besides."""
        total, begun = 0.0, 0
        for loads, end in zip(self.legs, (*self.borders, step), strict=True):
            steps = min(end, step) - begun
            if steps <= 0:
                continue
            total += loads.to(steps)
            begun += steps
        return total

    def step(self, number: int) -> float:
        """What one step holds, without what each costs besides: the `number`th, from 1 on."""
        leg = sum(border < number for border in self.borders)
        first = self.borders[leg - 1] if leg else 0
        return self.legs[leg].step(number - first)


def farthest(step: int, room: float, paths: Callable[[int], Path]) -> int:
    """The last horizon that so much work after `step` has room for; `paths` gives the path to any
    horizon, whose stages depend on it."""

    def spent(horizon: int) -> float:
        path = paths(horizon)
        return path.to(horizon) - path.to(step)

    ahead = 1
    while spent(step + ahead) <= room and ahead < MOST_STEPS:
        ahead *= 2
    return bisect_right(range(step, step + ahead), room, key=spent) + step - 1

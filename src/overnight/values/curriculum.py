"""The stages of a night: which rows, how many a step, and from which step on.

In: shares of the horizon, horizons as they are set anew. Out: frozen values; the stage of a step.
Never: rows, the time, why there are stages (planning/curriculum.py).
"""

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One stage."""

    rows_per_step: int
    begins: float = 0.0
    """Share of the horizon's steps that lies before it."""
    step: int | None = None
    """It begins at this step already, where that share of the horizon comes later."""
    pool: Literal["all", "best"] = "all"
    loads: tuple[float, ...] = ()
    """What its steps hold, each with all before it in the stage: as `Deadline.loads`."""

    def border(self, horizon: int) -> int:
        """The step at which it begins in a night of so many steps."""
        share = round(self.begins * horizon)
        return share if self.step is None else min(share, self.step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curriculum:
    """The stages after the first; none, where everything is alike."""

    later: tuple[Leg, ...] = ()
    borders: tuple[int, ...] = ()
    """Steps done when each of them begins, at the present horizon."""
    passed: int = 0
    """Of them those that have begun: a border that was passed is never moved."""
    begun: bool = False
    """Whether the rehearsal is over: until then the horizon is a guess, and the first stage's."""

    def at(self, step: int) -> int:
        """Which stage the step after `step` finished ones belongs to; 0 is the first."""
        if not self.begun:
            return 0
        return max(self.passed, sum(border <= step for border in self.borders))

    def to(self, step: int, horizon: int) -> "Curriculum":
        """The same for another horizon: borders that are still to come move with it."""
        if not self.later:
            return self
        passed = self.at(step)
        wanted = (max(leg.border(horizon), step) for leg in self.later[passed:])
        return replace(self, borders=(*self.borders[:passed], *wanted), passed=passed)

    def opened(self) -> "Curriculum":
        """The rehearsal is over; the borders by its guess are forgotten until it is corrected."""
        return replace(self, begun=True, borders=())

    def rewound(self, step: int, to_step: int) -> "Curriculum":
        """After a rewind from `step`: what had begun goes on; its border is now where it is gone
        back to."""
        passed = self.at(step)
        kept = tuple(min(border, to_step) for border in self.borders[:passed])
        return replace(self, borders=(*kept, *self.borders[passed:]), passed=passed)

"""The Trainer's own learning-rate schedule, stretched or squeezed so that it ends at the horizon.

In: the scheduler that the Trainer made for all its steps, and how far the run is. Out: the rates of
the next step, in the optimizer. Never: a shape of its own; a clock; torch, before it is called.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from overnight.control.schedule import Schedule

WARM_AGAIN = 3
"""Steps in which a warm-up ends that was begun for another horizon, as the rehearsal's does."""
LAMBDA = "LambdaLR"
"""Class of every schedule of `transformers.get_scheduler` but two, which follow the loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """Where the rate is on its way to the horizon: two schedules of control/, moved together."""

    left: Schedule
    """What is left of the decay, from 1 to 0."""
    warm: Schedule
    """The warm-up, from 0 to 1."""

    @staticmethod
    def over(horizon: int, warmup_steps: int) -> "Descent":
        """A course from the first step to `horizon`."""
        return Descent(
            left=Schedule(peak=1.0, horizon=horizon, warmup_steps=0),
            warm=Schedule(peak=1.0, horizon=horizon, warmup_steps=warmup_steps, shape="constant"),
        )

    def progress(self, step: int) -> float:
        """How far the decay has come in the middle of the step after `step`, 0 to 1."""
        return 1.0 - self.left.rate(step)

    def warmth(self, step: int) -> float:
        """The warm-up's factor, 0 to 1."""
        return self.warm.rate(step)

    def replanned(self, step: int, horizon: int, *, warmup_steps: int | None = None) -> "Descent":
        """The same with its horizon moved, going on from where it is."""
        return Descent(
            left=self.left.replanned(step, horizon),
            warm=self.warm.replanned(step, horizon, warmup_steps=warmup_steps),
        )

    def lengthened(self, step: int, horizon: int) -> "Descent":
        """The same for a run that had landed and goes on: it climbs back and lands again."""
        return replace(self, left=self.left.lengthened(step, horizon))


class Stretched:
    """The scheduler's own factors, read at the progress of the run in place of its step count."""

    def __init__(self, factors: Sequence[Callable[[float], float]], steps: int, warmup: int):
        self._factors, self._steps, self._warmup = factors, steps, warmup

    @classmethod
    def of(cls, scheduler: Any, *, steps: int, warmup: int) -> "Stretched | None":
        """Of a scheduler made for `steps` steps; None where it has no factors that can be read."""
        inner = inside(scheduler)
        if not any(kind.__name__ == LAMBDA for kind in type(inner).__mro__):
            return None
        return cls([_readable(one) for one in inner.lr_lambdas], steps, min(warmup, steps - 1))

    def factors(self, course: Descent, step: int) -> list[float]:
        """One for each parameter group, on its peak rate."""
        span = self._steps - self._warmup
        place = self._warmup + course.progress(step) * span
        return [course.warmth(step) * factor(place) for factor in self._factors]


def _readable(factor: Callable[[float], float]) -> Callable[[float], float]:
    """Those of transformers take any number; one that a user wrote may want a whole step."""
    if hasattr(factor, "keywords") or getattr(factor, "__module__", "").startswith("transformers"):
        return factor
    return lambda place: factor(int(place))


def inside(scheduler: Any) -> Any:
    """The scheduler itself where accelerate has wrapped it."""
    return getattr(scheduler, "scheduler", scheduler)


def put(optimizer: Any, scheduler: Any, factors: Sequence[float]) -> float:
    """Sets the rates of the next step; the Trainer's log reads them from the scheduler."""
    inner = inside(scheduler)
    rates = [peak * factor for peak, factor in zip(inner.base_lrs, factors, strict=True)]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        if hasattr(group["lr"], "fill_"):
            group["lr"].fill_(rate)  # a tensor, where steps are captured or compiled
        else:
            group["lr"] = rate
    inner._last_lr = rates
    return float(rates[0])

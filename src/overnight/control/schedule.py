"""Progress -> learning rate, continuous across every re-plan of the horizon.

In: a step number. Out: the factor on the peak rate. Never: a clock; a horizon in steps comes from
control/deadline.py.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

Shape = Literal["linear", "constant", "cosine", "wsd"]

WSD_ANNEAL = 0.2
"""Share of the horizon in which `wsd` anneals: 10-20 % is enough (arXiv:2405.18392, 2404.06395)."""


LEAST_WARMUP = 10
"""Steps of a warm-up on the way, at least ..."""
WARM_SHARE = 0.03
"""... and this share of the steps to come, as at the beginning."""


def shape_factor(shape: Shape, progress: float) -> float:
    """The factor on the peak rate at `progress` (0 to 1) of the schedule, warm-up aside.

    `linear` falls to zero at the horizon: best or near best under a budget (arXiv:1905.04753,
    2502.15938). `wsd` holds, then anneals over the last fifth.
    """
    left = 1.0 - min(max(progress, 0.0), 1.0)
    if shape == "linear":
        return left
    if shape == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * (1.0 - left)))
    return min(1.0, left / WSD_ANNEAL) if shape == "wsd" else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A learning-rate schedule that lands at its horizon, wherever that is moved.

    A re-plan moves the horizon and keeps the progress reached: from `anchor_step` on, progress runs
    from `anchor_progress` to 1. So the rate never jumps, whatever the shape.
    """

    peak: float
    horizon: int
    """Optimizer steps after which training is over."""
    warmup_steps: int
    shape: Shape = "linear"
    anchor_step: int = 0
    anchor_progress: float = 0.0
    warm_step: int = 0
    """Where the present warm-up began ..."""
    warm_factor: float = 0.0
    """... and with which factor."""
    rate_factor: float = 1.0
    """Halved by each rewind."""

    def _position(self, step: float) -> float:
        span = max(self.horizon - self.anchor_step, 1)
        share = (step - self.anchor_step) / span
        return self.anchor_progress + (1.0 - self.anchor_progress) * share

    def _warmth(self, step: float) -> float:
        if step >= self.warmup_steps:
            return 1.0
        share = (step - self.warm_step) / max(self.warmup_steps - self.warm_step, 1)
        return self.warm_factor + (1.0 - self.warm_factor) * share

    def rate(self, step: int) -> float:
        """The learning rate of the step after `step` finished ones: that of its middle.

        The look-ahead of half a step matters when steps are few: read at a step's start the last
        rate would be one step's share too high.
        """
        middle = step + 0.5
        return self.peak * self.rate_factor * min(self._warmth(middle), 1.0) * self._falling(middle)

    def replanned(self, step: int, horizon: int, *, warmup_steps: int | None = None) -> "Schedule":
        """The same schedule with its horizon moved, going on from where it is."""
        return replace(
            self,
            horizon=max(horizon, step),
            anchor_step=step,
            anchor_progress=self._position(step),
            warm_step=step if warmup_steps is not None else self.warm_step,
            warm_factor=self._warmth(step) if warmup_steps is not None else self.warm_factor,
            warmup_steps=self.warmup_steps if warmup_steps is None else warmup_steps,
        )

    def lengthened(self, step: int, horizon: int) -> "Schedule":
        """The schedule that the longer horizon would have had from the beginning.

        A warm-up leads to it from the present rate, which may have fallen to zero already.
        """
        there = replace(self, horizon=horizon, anchor_step=0, anchor_progress=0.0)
        now, then = self._falling(step), there._falling(step)
        if horizon <= self.horizon or step < self.warmup_steps or then <= now:
            return self.replanned(step, horizon)
        warmup = step + max(LEAST_WARMUP, round(WARM_SHARE * (horizon - step)))
        return replace(there.replanned(step, horizon, warmup_steps=min(warmup, horizon)),
                       warm_factor=now / then)  # fmt: skip

    def _falling(self, step: float) -> float:
        return shape_factor(self.shape, self._position(step))

    def rewound(self, step: int, factor: float) -> "Schedule":
        """The same schedule from `step` on with its rate multiplied by `factor`, warmed up anew."""
        warmup = min(step + LEAST_WARMUP, self.horizon)
        warmer = self.replanned(step, self.horizon, warmup_steps=warmup)
        return replace(warmer, rate_factor=self.rate_factor * factor, warm_factor=0.0)

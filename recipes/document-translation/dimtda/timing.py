"""Where a step's seconds go: data, forward, backward, optimizer.

Measured in the first steps by hooks on the model and the Trainer's own callbacks; on a card each of
these waits for it, which is why only some steps are measured.
"""

import time
from statistics import median
from typing import Any

import torch
from transformers import TrainerCallback

MEASURED, SETTLING = 20, 2
PARTS = ("data", "forward", "backward", "optimizer")


class Timing(TrainerCallback):
    """Seconds of each part, step by step."""

    def __init__(self, model: Any) -> None:
        self.steps: list[dict[str, float]] = []
        self._now, self._last, self._since = dict.fromkeys(PARTS, 0.0), "data", 0.0
        self._hooks = [model.register_forward_pre_hook(lambda *_: self._mark("forward")),
                       model.register_forward_hook(lambda *_: self._mark("backward"))]  # fmt: skip

    def _mark(self, following: str) -> None:
        """What goes on until now belongs to the last part."""
        if len(self.steps) >= MEASURED:
            return
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        if self._since:
            self._now[self._last] += now - self._since
        self._last, self._since = following, now

    def on_train_begin(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        """The first batch is fetched from here on."""
        self._mark("data")

    def on_substep_end(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        """A micro-batch is over."""
        self._mark("data")

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        """All gradients are there, and clipped."""
        self._mark("optimizer")

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        """The weights have moved."""
        self._mark("data")

    def on_step_end(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        """The step is over."""
        self._mark("data")
        if len(self.steps) < MEASURED:
            self.steps.append(self._now)
            self._now = dict.fromkeys(PARTS, 0.0)
        if len(self.steps) == MEASURED:
            for hook in self._hooks:
                hook.remove()
            self._hooks = []

    def shares(self) -> dict[str, float]:
        """Median seconds of each part over the steps after the first two."""
        counted = self.steps[SETTLING:] or self.steps
        return {part: median(step[part] for step in counted) for part in PARTS} if counted else {}

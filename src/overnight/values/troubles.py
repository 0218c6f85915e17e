"""What went wrong in a night, or looked so, and how it was mended: events like any other.

In: nothing. Out: frozen values, members of `ledger.Event`. Never: decides what follows from them.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A step's gradients were thrown away; weights and optimizer are untouched."""

    step: int
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """Memory ran out; the same step goes on with a smaller micro-batch."""

    step: int
    per_device_train_batch_size: int
    gradient_accumulation_steps: int
    why: str
    gradient_checkpointing: bool = False
    checkpoint_every: int = 1
    """With `gradient_checkpointing`: every n-th layer."""
    most_tokens: int = 0
    """Padded tokens that a micro-batch may hold from here on; 0: any number."""
    where: Literal["gradients", "optimizer", "host"] = "gradients"
    """What ran out of memory: forward or backward, the optimizer, or the machine itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clipped:
    """A gradient far above what is usual here was clipped to `limit` before the step was taken."""

    step: int
    grad_norm: float
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosed:
    """What the figures so far say about the run, in words; it changes nothing."""

    step: int
    sign: str
    """`plateau`, `divergence`, `nothing-learnt`, `repeating`, `overfitting`, `dropping`, ..."""
    text: str
    good: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Jumped:
    """The wall clock was set, or the machine slept: both clocks went by different amounts."""

    wall_seconds: float
    """By how much the wall clock is now ahead of where it would have been; below 0: set back."""
    slept_seconds: float = 0.0
    """Of the time since the last look: suspended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewound:
    """Training went back to an earlier checkpoint with a lower rate."""

    step: int
    to_step: int
    name: str
    rate_factor: float
    why: str
    epoch: int = 0
    """Where the data goes on: in this epoch ..."""
    batch: int = 0
    """... behind so many of its batches; what was drawn before is not taken again."""
    stage: int = 0
    """Of the night, where the data goes on: one that has begun is not begun again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashed:
    """The training process died; the supervisor says how."""

    exit_status: int
    why: str
    attempt: int

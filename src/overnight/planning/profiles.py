"""The four priorities: what each weighs when candidates that fit are ranked.

In: a priority's name. Out: its weights. Never: a number about speed or memory (pace.py, memory.py).
"""

from dataclasses import dataclass

from overnight.values.request import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How candidates are ranked: larger wins, the first that differs decides."""

    priority: Priority
    rows_factor: float
    """On the usual micro-batch: smaller steps are more steps, so usually a lower loss."""
    memory_share: float
    """Of the memory that is free, how much may be planned with."""
    words: str


PROFILES = (
    Weights(priority="fast", rows_factor=1.0, memory_share=0.9,
            words="one epoch at the highest pace"),
    Weights(priority="balanced", rows_factor=1.0, memory_share=0.9,
            words="at most four epochs, the smallest batch near the best pace"),
    Weights(priority="quality", rows_factor=0.5, memory_share=0.9,
            words="the whole window, smaller steps"),
    Weights(priority="memory_efficient", rows_factor=0.25, memory_share=0.5,
            words="at most four epochs in half of the memory"),
)  # fmt: skip


def weights(priority: Priority) -> Weights:
    """The profile of that name."""
    return next(profile for profile in PROFILES if profile.priority == priority)

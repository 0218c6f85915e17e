"""The four priorities: what each weighs when candidates that fit are ranked.

In: a priority's name. Out: its weights. Never: a number about speed or memory (pace.py, memory.py).
"""

from dataclasses import dataclass

from overnight.values.request import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How candidates are ranked: of those near the best pace, the smallest step."""

    priority: Priority
    pace_share: float
    """Of the best pace that fits, how much must be kept: less of it pays for smaller steps, which
    are more of them, so usually a lower loss."""
    memory_share: float
    """Of the memory that is free, how much may be planned with."""
    words: str


PROFILES = (
    Weights(priority="fast", pace_share=0.99, memory_share=1.0,
            words="one epoch at the highest pace"),
    Weights(priority="balanced", pace_share=0.95, memory_share=1.0,
            words="at most four epochs, the smallest step within 5 % of the best pace"),
    Weights(priority="quality", pace_share=0.8, memory_share=1.0,
            words="the whole window, the smallest step within 20 % of the best pace"),
    Weights(priority="memory_efficient", pace_share=0.95, memory_share=0.5,
            words="at most four epochs in half of the memory"),
)  # fmt: skip
"""The shares are judgements; 95 % is DESIGN 7's."""


def weights(priority: Priority) -> Weights:
    """The profile of that name."""
    return next(profile for profile in PROFILES if profile.priority == priority)

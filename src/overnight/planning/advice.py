"""One sentence for the next night, from how this one went.

In: figures of a night that is over. Out: a sentence, or nothing where there is nothing to change.
Never: a setting changed by itself.
"""

from dataclasses import dataclass

from overnight.values.plan import Candidate
from overnight.values.request import Priority

SLOWER, FASTER = GOOD_ACCURACY = (85.0, 115.0)
"""Planned over actual time in per cent: outside of guide 4's band the next plan should differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a night went."""

    candidate: Candidate
    priority: Priority
    accuracy: float | None
    """Planned over actual time of the steps done, in per cent; None where it is not known."""
    shrunk: bool
    """Whether memory ran out."""
    better: bool | None
    """Whether the model beat the base; None where that was not measured, or not clear."""
    used: float | None
    """Share of the window that was used; None without a window."""


def next_night(outcome: Outcome) -> str:
    """What most deserves a change: memory, then quality, then time (guide 4's rules)."""
    return _memory(outcome) or _quality(outcome) or _time(outcome)


def _memory(outcome: Outcome) -> str:
    if not outcome.shrunk or outcome.priority == "memory_efficient":
        return ""
    return "Memory ran out on the way: --priority memory_efficient plans with half of it."


def _quality(outcome: Outcome) -> str:
    """Smaller steps first, then the rate."""
    if outcome.better is not False:
        return ""
    rows, rate = outcome.candidate.rows_per_step, outcome.candidate.learning_rate
    if rows > 1:
        half = max(outcome.candidate.per_device_train_batch_size // 2, 1)
        smaller = f"--set per_device_train_batch_size={half}"
        if outcome.candidate.gradient_accumulation_steps > 1:
            smaller += " --set gradient_accumulation_steps=1"
        return f"For a better model try smaller steps first ({smaller}), then half the rate."
    return f"For a better model try half the rate (--learning-rate {rate / 2:.2g})."


def _time(outcome: Outcome) -> str:
    if outcome.accuracy is None:
        return ""
    ratio = outcome.accuracy / 100.0
    if outcome.accuracy < SLOWER and outcome.priority != "fast":
        return f"It went at {ratio:.2f} times the planned pace: --priority fast would do more."
    spare = outcome.used is not None and outcome.used < 0.5
    if (outcome.accuracy > FASTER or spare) and outcome.priority != "quality":
        why = f"at {ratio:.2f} times the planned pace" if outcome.accuracy > FASTER else "quickly"
        return f"It went {why}: --priority quality would use the time that was left."
    return ""

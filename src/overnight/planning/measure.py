"""The steps of a rehearsal -> what they say about pace and memory.

In: the loop's first steps. Out: a Measurement. Never: a clock; a prior.
"""

from collections.abc import Sequence
from statistics import mean, pstdev

from overnight.values.facts import Measurement
from overnight.values.ledger import Stepped


def settled(steps: Sequence[Stepped], agreement: float = 0.15) -> int:
    """How many first steps to leave out: those before two in a row agree in seconds a token."""
    rates = [step.seconds / max(step.tokens, 1) for step in steps]
    for index in range(len(rates) - 1):
        if abs(rates[index + 1] - rates[index]) <= agreement * rates[index]:
            return index
    return max(len(steps) - 1, 0)


def measure(steps: Sequence[Stepped]) -> Measurement:
    """What the steps of a rehearsal say about pace and memory (at least one step)."""
    steady = steps[settled(steps) :]
    rates = [step.seconds / max(step.tokens, 1) for step in steady]
    early = steps[: len(steps) - len(steady)]
    usual = mean(step.seconds for step in steady)
    total = sum(step.seconds for step in steady)
    return Measurement(
        steps=len(steps),
        step_seconds=usual,
        step_seconds_spread=pstdev(rates) / mean(rates),
        tokens_per_second=sum(step.tokens for step in steady) / total,
        warmup_seconds=sum(max(step.seconds - usual, 0.0) for step in early),
        peak_bytes=max(step.peak_bytes for step in steps),
    )

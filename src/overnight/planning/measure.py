"""The steps of a rehearsal -> what they say about pace and memory.

In: seconds, tokens and loads of the loop's first steps. Out: a Measurement, a Fit. Never: a clock;
how much work a step holds (a load is in any unit, such as operations by the arithmetic).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median, pstdev

from overnight.values.facts import Measurement
from overnight.values.ledger import Stepped

AGREEMENT = 0.15
"""A step that is slower than most of those after it by no more is past the settling."""
FIXED_SHARE = 0.15
"""Of a step's seconds that it takes whatever it holds, before its steps have said so ..."""
FIXED_DOUBT = 0.2
"""... and how far it may be off: 0 to 0.42 in seven models of 0.1 to 20 M parameters on a CPU."""
NOISE = 0.05
"""Relative scatter of single steps on a quiet machine, at the least."""
OUTLIER = 1.4
"""Times the median rate: a step that was slower was held up by something else, in part."""
HUBER = 1.5
"""Scatters from which on a step counts as held up (Huber 1964)."""
SHARES = tuple(share / 50 for share in range(46))
"""Fixed shares that are tried: 0 to 90 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Seconds of a step: `seconds_per_load` times (its load + `fixed_load`)."""

    settled: int
    """First steps that were left out."""
    settling_seconds: float
    """What those took beyond what a later step of their load takes."""
    seconds_per_load: float
    fixed_load: float
    spread: float
    """Relative standard deviation of a step's seconds from the fit."""


def settled(rates: Sequence[float]) -> int:
    """How many first steps to leave out: those that are slower than most after them, at most half.

    Two slow steps in a row are not enough to call it settled: a step that is the longest so far
    asks the system for memory as the first one does.
    """
    for index in range(len(rates) // 2):
        if rates[index] <= (1.0 + AGREEMENT) * median(rates[index + 1 :]):
            return index
    return len(rates) // 2


def fit(
    seconds: Sequence[float],
    loads: Sequence[float],
    others: Sequence[tuple[float, float]] = (),
    *,
    settling: bool = True,
) -> Fit:
    """The pace of steps with these loads (at least one), what a step costs besides its load apart.

    Where the loads hardly differ the fixed share stays what is usual: one rate and its doubt.
    `others` are (seconds, load) of steps of another size: they say what a step costs whatever it
    holds, and nothing about the pace. Without `settling` the first steps count like all others.
    """
    besides = mean(loads) * FIXED_SHARE / (1.0 - FIXED_SHARE)
    rates = [took / (load + besides) for took, load in zip(seconds, loads, strict=True)]
    first = settled(rates) if settling else 0
    took, held = seconds[first:], loads[first:]
    fixed = _fixed_load([*zip(took, held, strict=True), *others], usual=mean(held))
    rate = _rate(took, [load + fixed for load in held])
    expected = [rate * (load + fixed) for load in loads]
    early = zip(seconds[:first], expected[:first], strict=True)
    return Fit(
        settled=first,
        settling_seconds=sum(max(one - then, 0.0) for one, then in early),
        seconds_per_load=rate,
        fixed_load=fixed,
        spread=pstdev(one / then for one, then in zip(took, expected[first:], strict=True)),
    )


def _rate(seconds: Sequence[float], loads: Sequence[float]) -> float:
    """Seconds a unit of load over all steps; one that was held up counts as an outlier at most."""
    rates = [took / load for took, load in zip(seconds, loads, strict=True)]
    most = OUTLIER * median(rates)
    return sum(min(rate, most) * load for rate, load in zip(rates, loads, strict=True)) / sum(loads)


def _fixed_load(steps: Sequence[tuple[float, float]], *, usual: float) -> float:
    """The fixed load that explains (seconds, load) best; one that is an unusual share of a step of
    the `usual` load only if they insist."""
    off = {share: _off(usual * share / (1.0 - share), steps) for share in SHARES}
    scatter = max(1.5 * min(median(one) for one in off.values()), NOISE)

    def misfit(share: float) -> float:
        unusual = ((share - FIXED_SHARE) / FIXED_DOUBT) ** 2
        return sum(_pull(one / scatter) for one in off[share]) + unusual

    best = min(SHARES, key=misfit)
    return usual * best / (1.0 - best)


def _off(fixed: float, steps: Sequence[tuple[float, float]]) -> list[float]:
    """How far each (seconds, load) is off the best pace with this fixed load, relatively."""
    whole = [(took, load + fixed) for took, load in steps]
    rate = _rate([took for took, _ in whole], [load for _, load in whole])
    return [abs(took / (rate * load) - 1.0) for took, load in whole]


def _pull(off: float) -> float:
    """Huber's loss: what is far off pulls with its distance, not with its square."""
    return off * off if off < HUBER else HUBER * (2.0 * off - HUBER)


def measure(steps: Sequence[Stepped]) -> Measurement:
    """What the steps of a rehearsal say about pace and memory (at least one step)."""
    rates = [step.seconds / max(step.tokens, 1) for step in steps]
    early = settled(rates)
    steady = steps[early:]
    usual = mean(step.seconds for step in steady)
    total = sum(step.seconds for step in steady)
    return Measurement(
        steps=len(steps),
        step_seconds=usual,
        tokens_per_second=sum(step.tokens for step in steady) / total,
        warmup_seconds=sum(max(step.seconds - usual, 0.0) for step in steps[:early]),
        peak_bytes=max(step.peak_bytes for step in steps),
    )

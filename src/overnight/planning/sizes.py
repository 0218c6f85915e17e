"""Rows a step by measured pace: which sizes are tried, and which of them is taken.

In: candidates that fit, steps that were timed. Out: sizes, and a choice with its reason. Never: a
clock; a size that nobody could have planned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from overnight.planning import candidates, ranking
from overnight.planning.measure import fit
from overnight.planning.question import Question
from overnight.values.plan import Candidate

STEPS = 2
"""Steps of each, taken twice: what counts is the second time, when every shape has been met."""
SHARE = 0.01
"""Of the window, for all of it: on two cores the planned size was the right one each time, so it
must cost next to nothing."""
NOISE_TOKENS, NOISE_AHEAD = 3000.0, 150_000.0
"""Tokens a step from which on twice as many do not halve the steps needed, where so many are
trained on in all: a 260k-parameter Llama on GSM8K was best at 500 to 800 tokens a step where a step
cost as much as 176 (bench/results/rule.md) ..."""
NOISE_EXPONENT = 0.47
"""... and they grow with the tokens ahead (Zhang et al., arXiv:2410.21676)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One step that was taken for its time."""

    rows: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A size, and what it was chosen by."""

    rows: int
    tokens_per_second: float
    fixed_tokens: float
    spread: float
    """Relative standard deviation of the steps from the fit."""
    why: str


def tried(sizes: Sequence[int], planned: int, *, afford: float) -> tuple[int, ...]:
    """The planned size, then the smallest and the largest that `afford` (in steps of the planned
    one) still holds; none at all where that is the planned one alone."""
    each = 2.0 * STEPS
    left, found = afford - each, [planned]
    smallest = min(sizes)
    if 2 * smallest <= planned and each * smallest <= left * planned:
        found.append(smallest)
        left -= each * smallest / planned
    larger = [size for size in sizes if size >= 2 * planned and each * size <= left * planned]
    found += larger[-1:]
    return tuple(found) if len(found) > 1 else ()


def chosen(
    timed: Sequence[Timed],
    sizes: Sequence[int],
    *,
    row_tokens: float,
    share: float,
    ahead: float | None,
) -> Choice:
    """The size to take: the smallest that is fast enough, by a line through all timed steps; a
    smaller one where so few steps would come of it that the target is reached sooner without.

    `row_tokens` are those of a mean row, `share` is how much of the best pace must be kept,
    `ahead` how many tokens are to be trained on in all; None where the pace alone counts.
    """
    found = fit([one.seconds for one in timed], [float(one.tokens) for one in timed],
                settling=False)  # fmt: skip

    def pace(rows: int) -> float:
        tokens = rows * row_tokens
        return tokens / (found.seconds_per_load * (tokens + found.fixed_load))

    best = max(pace(rows) for rows in sizes)
    enough = min(rows for rows in sizes if pace(rows) >= share * best)
    soonest = enough
    if ahead is not None:
        noise = NOISE_TOKENS * (ahead / NOISE_AHEAD) ** NOISE_EXPONENT
        soonest = min(sizes, key=lambda rows: needed(rows * row_tokens, found.fixed_load, noise))
    rows = min(enough, soonest)
    why = f"the smallest that keeps {100 * share:.0f} % of the best pace"
    if soonest < enough:
        kept = 100 * pace(rows) / best
        why = f"{kept:.0f} % of the best pace; fewer, larger steps would come less far in this time"
    return Choice(rows=rows, tokens_per_second=pace(rows), fixed_tokens=found.fixed_load,
                  spread=found.spread, why=why)  # fmt: skip


def needed(tokens: float, fixed: float, noise: float) -> float:
    """Time to a target with steps of so many tokens, in any unit (McCandlish et al. 2018).

    Steps needed fall as 1 + noise / tokens, a step's time grows as tokens + fixed; their product is
    lowest at the root of noise x fixed, flat below and steep above it.
    """
    return (1.0 + noise / tokens) * (tokens + fixed)


def paces(timed: Sequence[Timed]) -> tuple[tuple[int, float], ...]:
    """(rows, tokens per second) as they were measured, the smallest first."""
    found = []
    for rows in sorted({one.rows for one in timed}):
        mine = [one for one in timed if one.rows == rows]
        found.append((rows, sum(one.tokens for one in mine) / sum(one.seconds for one in mine)))
    return tuple(found)


def alike(question: Question, planned: Candidate) -> list[Candidate]:
    """The planned candidate with every number of rows that fits and needs no accumulation."""
    every = candidates.of(question, planned.method, planned.max_length)
    whole = [one for one in every if one.gradient_accumulation_steps == 1]
    rows = {one.per_device_train_batch_size: one.adam_beta2 for one in whole}
    kin = [
        replace(planned, per_device_train_batch_size=size, gradient_accumulation_steps=1,
                adam_beta2=beta2)
        for size, beta2 in sorted(rows.items())
    ]  # fmt: skip
    return [one for one in kin if ranking.fits(question, ranking.judge(question, one))]

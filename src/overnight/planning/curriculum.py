"""Which rows and how many a step, by progress: the stages of each strategy.

In: a candidate, how much longer the best rows are than the others. Out: `Leg`s, the rows of so many
steps, the steps of so many rows. Never: rows themselves (training/stages.py), time.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from overnight.planning.lengths import mean_cut, quantile
from overnight.values.curriculum import Leg
from overnight.values.facts import DatasetProfile
from overnight.values.plan import Candidate

ALL_SHARE = 2.0 / 3.0
"""Of the training time of `two-stage`: guide 2's 8 of 12 hours, for all rows."""
FACTORS = (0.5, 1.0, 2.0)
"""Times the batch, by thirds of the training time: every schedule that is reported to pay ascends
(arXiv:1711.00489, 2505.23971, cramming's ramp)."""
GUIDE_ROWS = (64, 32, 16)
GUIDE_STEPS = (500, 1500)
GUIDE_SHARES = (0.17, 0.5)
"""Guide 2's progressive batch, which descends: 500 steps of 64 rows, 1,000 of 32, then 16. Its
63,000 rows are used up before the third begins; shorter nights take a sixth and a half."""
MARKS = 32
"""Places at which the lengths of the best rows are read off the data's quantiles."""


def legs(candidate: Candidate, *, longer: float = 1.0) -> tuple[Leg, ...]:
    """The stages of a candidate, at least one; `longer`: the mean length of the best rows over
    that of all."""
    rows = candidate.rows_per_step
    if candidate.strategy == "two-stage":
        shares = _shares((ALL_SHARE, 1.0 - ALL_SHARE), (rows, rows * longer))
        return (Leg(rows_per_step=rows), Leg(rows_per_step=rows, begins=shares[0], pool="best"))
    if candidate.strategy == "progressive":
        sizes = [max(1, round(factor * rows)) for factor in FACTORS]
        first, second = _shares((1.0, 1.0, 1.0), sizes)
        begins = (0.0, first, second)
        return tuple(Leg(rows_per_step=size, begins=at)
                     for size, at in zip(sizes, begins, strict=True))  # fmt: skip
    if candidate.strategy == "progressive-guide":
        marks = ((0.0, None), *zip(GUIDE_SHARES, GUIDE_STEPS, strict=True))
        return tuple(Leg(rows_per_step=size, begins=share, step=step)
                     for size, (share, step) in zip(GUIDE_ROWS, marks, strict=True))  # fmt: skip
    return (Leg(rows_per_step=rows),)


def _shares(work: Sequence[float], loads: Sequence[float]) -> tuple[float, ...]:
    """Shares of the steps at which stages end, but for the last: each has its share of the work,
    and steps of another load."""
    steps = [part / load for part, load in zip(work, loads, strict=True)]
    whole = sum(steps)
    return tuple(done / whole for done in accumulate(steps[:-1]))


def rows_of(stages: Sequence[Leg], steps: int) -> int:
    """Rows that a night of so many steps draws."""
    return round(sum(size * count for size, count in _parts(stages, steps)))


def fullest(candidate: Candidate) -> Candidate:
    """The same in the stage whose steps hold most: what must fit into the memory."""
    rows = max(leg.rows_per_step for leg in legs(candidate))
    together = candidate.per_device_train_batch_size * candidate.processes
    if rows <= candidate.rows_per_step:
        return candidate
    return replace(candidate, gradient_accumulation_steps=-(-rows // together))


def row_shares(stages: Sequence[Leg]) -> tuple[tuple[float, float], ...]:
    """For each stage, between which shares of all rows that a night draws its own lie."""
    ends = [*(leg.begins for leg in stages[1:]), 1.0]
    rows = [(end - leg.begins) * leg.rows_per_step for leg, end in zip(stages, ends, strict=True)]
    marks = [0.0, *(done / sum(rows) for done in accumulate(rows))]
    return tuple(pairwise(marks))


def load_of(stages: Sequence[Leg], steps: int, *, longer: float) -> float:
    """Rows of the mean length that the steps of a night are worth, one step in the mean."""
    weighed = ((longer if leg.pool == "best" else 1.0) for leg in stages)
    parts = zip(_parts(stages, steps), weighed, strict=True)
    return sum(size * count * weight for (size, count), weight in parts) / max(steps, 1)


def _parts(stages: Sequence[Leg], steps: int) -> list[tuple[int, float]]:
    """(rows a step, steps) of each stage."""
    borders = [*(min(_border(leg, steps), steps) for leg in stages), steps]
    return [
        (leg.rows_per_step, max(end - begin, 0.0))
        for leg, (begin, end) in zip(stages, pairwise(borders), strict=True)
    ]


def _border(leg: Leg, steps: int) -> float:
    """Where a stage begins, not yet rounded: so that rows rise with steps."""
    share = leg.begins * steps
    return share if leg.step is None else min(share, leg.step)


def steps_for(stages: Sequence[Leg], rows: float) -> int:
    """The fewest steps that draw so many rows."""
    low, high = 0, max(1, round(rows) + 1)
    while low + 1 < high:
        middle = (low + high) // 2
        enough = sum(size * count for size, count in _parts(stages, middle)) >= rows - 1e-6
        low, high = (low, middle) if enough else (middle, high)
    return high


def told(candidate: Candidate, dataset: DatasetProfile) -> str:
    """What a strategy does, for people."""
    sizes = [leg.rows_per_step for leg in legs(candidate)]
    if candidate.strategy == "two-stage":
        rank = f"by `{dataset.engagement}`" if dataset.engagement else "the longest"
        best = min(candidate.stage2_rows, dataset.num_train)
        return (f"all rows in two thirds of the training time, then the best {best:,} ({rank}) "
                "in the last third, under one schedule")  # fmt: skip
    if candidate.strategy == "progressive":
        return (f"{sizes[0]}, {sizes[1]} and {sizes[2]} rows a step, each for a third of the "
                "training time")  # fmt: skip
    if candidate.strategy == "progressive-guide":
        return ("guide 2's 64, 32 and 16 rows a step, from steps 500 and 1,500 on, or at 17 % and "
                "50 % of a shorter night; batches that were reported to pay ascend")  # fmt: skip
    return "every step holds as many rows, drawn from all"


def longer(candidate: Candidate, dataset: DatasetProfile) -> float:
    """The mean length of the best rows over that of all, as far as the data's profile tells."""
    share = candidate.stage2_rows / max(dataset.num_train, 1)
    if candidate.strategy != "two-stage" or share >= 1.0 or dataset.engagement:
        return 1.0  # the best by engagement may be of any length
    marks = (1.0 - share * (mark + 0.5) / MARKS for mark in range(MARKS))
    best = sum(min(quantile(dataset, mark), candidate.max_length) for mark in marks) / MARKS
    return best / mean_cut(dataset, candidate.max_length)

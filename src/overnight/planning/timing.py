"""Prices and a pace -> the phases of a night, and how many steps they leave room for.

In: a candidate, the data's profile, prices, a window. Out: a TimeEstimate and its Reserve. Never: a
clock; what is spent already is given as an argument.
"""

import math
from dataclasses import dataclass

from overnight.planning.prices import Prices
from overnight.values.facts import DatasetProfile, Interval
from overnight.values.plan import (
    Candidate,
    Reserve,
    Source,
    TimeEstimate,
    margin_seconds,
)

REHEARSAL_SHARE = 0.02
REHEARSAL_STEPS = 5
REHEARSAL_LIMIT = 0.15
"""2 % of the window or five steps, whichever is more, at most 15 % (DESIGN 6)."""
LOOKING_SHARE = 0.05
"""What evaluations (3 %) and saves (3.5 % at most, usually far less) take of the training time."""


def reserve(prices: Prices, window: float | None) -> Reserve:
    """What is kept for the ending, from the prices as they are known."""
    return Reserve(
        save=1.5 * prices.save.mid,
        evaluation=prices.evaluation.mid,
        publish=prices.publish.mid,
        margin=margin_seconds(window),
    )


def steps_per_epoch(candidate: Candidate, dataset: DatasetProfile) -> int:
    """Optimizer steps in one pass over the training rows."""
    return max(1, math.ceil(dataset.num_train / candidate.rows_per_step))


def steps_wanted(candidate: Candidate, dataset: DatasetProfile) -> int | None:
    """Steps that max_steps or num_train_epochs ask for; max_steps wins, as in transformers."""
    if candidate.max_steps is not None:
        return candidate.max_steps
    if candidate.num_train_epochs is None:
        return None
    return max(1, round(candidate.num_train_epochs * steps_per_epoch(candidate, dataset)))


def step_seconds(candidate: Candidate, dataset: DatasetProfile, pace: Interval) -> Interval:
    """Seconds of one optimizer step at a pace in tokens per second."""
    tokens = dataset.train_tokens / steps_per_epoch(candidate, dataset)
    return Interval(low=tokens / pace.high, mid=tokens / pace.mid, high=tokens / pace.low)


def rehearsal_seconds(step: float, window: float | None) -> float:
    """How long the rehearsal goes on."""
    five = REHEARSAL_STEPS * step
    if window is None:
        return five
    return min(max(REHEARSAL_SHARE * window, five), REHEARSAL_LIMIT * window)


def _room(step: float, free: float) -> int:
    return max(0, int(free * (1.0 - LOOKING_SHARE) / max(step, 1e-9)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which circumstances a night is estimated."""

    window: float | None
    source: Source
    asked: bool = False
    """Whether the user asked for the epochs or steps; else they are the priority's at most."""
    spent: float = 0.0
    """Seconds of the window that are gone."""
    steps_done: int = 0
    """Steps taken in them."""


def ending(prices: Prices, window: float | None) -> Interval:
    """What the ending takes: the reserve at most, less its margin as is expected."""
    kept = reserve(prices, window)
    expected = kept.seconds - kept.margin - kept.save / 3.0
    return Interval(low=0.7 * expected, mid=expected, high=kept.seconds)


def estimate(
    candidate: Candidate, dataset: DatasetProfile, prices: Prices, *, pace: Interval, terms: Terms
) -> TimeEstimate:
    """How long each phase takes and which horizon they leave."""
    step = step_seconds(candidate, dataset, pace)
    wanted = steps_wanted(candidate, dataset)
    begin = Interval.exactly(terms.spent) if terms.spent else prices.start + prices.evaluation
    end = ending(prices, terms.window)
    room = None
    if terms.window is not None:
        room = terms.steps_done + _room(step.mid, terms.window - begin.mid - end.high)
    limits = [limit for limit in (room, wanted) if limit is not None]
    total = min(limits, default=0)
    training = step.scaled(max(total - terms.steps_done, 0))
    if room is not None and total == room:
        # The clock ends it: the pace decides how many steps fit, not how long they take.
        training = Interval.exactly(training.mid)
    looking = training.scaled(LOOKING_SHARE / (1.0 - LOOKING_SHARE))
    return TimeEstimate(
        phases={"start": begin, "training": training, "looking": looking, "ending": end},
        total_steps=total,
        epochs=total / steps_per_epoch(candidate, dataset),
        tokens_per_second=pace,
        source=terms.source,
        fits_in_window=room is None or (room >= 1 and not (terms.asked and (wanted or 0) > room)),
        steps_wanted=wanted,
    )


def shortest_window(spent: float, reserve: Reserve) -> float:
    """Seconds of the shortest window with room for a few steps, with a tenth to spare.

    `spent` is what came before the first step, `reserve` what the ending needs.
    """
    return 1.1 * (spent + reserve.seconds + 5.0)

"""A window divided among settings that are compared: how long each trains, how often they swap.

In: what a few steps of each setting have shown, the seconds that are left. Out: a `Division`, or
the shortest window that works. Never: a clock, a measurement.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median_low

from overnight.values.trials import Kind, Tried

LEAST_STEPS = 8
"""Of the slowest setting in a trial, where there is a choice between more seeds and longer runs: a
judgement. A run of fewer is all warm-up and landing."""
FEWEST_STEPS = 3
"""With fewer steps in a trial nothing is compared."""
ROUNDS = (8, 6, 4, 2, 1)
"""Slices of a trial. Even numbers let drift of the machine cancel: A B B A."""
SWITCH_SHARE = 0.1
"""Of a slice, what changing from one setting to the next may cost."""
SLICE_STEPS = 1
"""Steps of the middle one of the settings in a slice, at least. One whose steps are longer has its
turn in fewer rounds."""
SAME_SECONDS = 0.03
"""Of a trial's planned seconds: with so much less its rate lands all the same."""
ROUNDING = 1e-6
SAME_WORK = 0.05
"""Trials of equal time whose supervised tokens lie within this share of the work count for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """Who trains how long."""

    seconds: float
    """Of training in each trial of equal time."""
    seeds: int
    work: bool
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is divided."""

    left: float
    """Seconds for trials, looks and changes together."""
    seeds: int
    look_seconds: float
    """One look at the held-out rows."""


def divide(settings: Sequence[Tried], terms: Terms) -> Division | None:
    """The longest trials that fit, with everything that was asked for as long as they are not
    too short: first the seeds but one are given up, then equal work. None: not even then."""
    fullest = dict.fromkeys(((terms.seeds, True), (1, True), (1, False)))
    for least, choices in ((LEAST_STEPS, fullest), (FEWEST_STEPS, ((1, False),))):
        for seeds, work in choices:
            shortest = least * slowest_step(settings)
            found = _divided(settings, replace(terms, seeds=seeds), work=work, least=shortest)
            if found is not None:
                return found
    return None


def _divided(
    settings: Sequence[Tried], terms: Terms, *, work: bool, least: float
) -> Division | None:
    """With as many slices as changing between them allows, in trials of `least` seconds."""
    for rounds in ROUNDS:
        fixed = _fixed(settings, terms, work=work, rounds=rounds)
        seconds = (terms.left - fixed) / (terms.seeds * _share(settings, work=work))
        whole = rounds == 1 or seconds / rounds >= _least_slice(settings)
        if whole and seconds >= least:
            return Division(seconds=seconds, seeds=terms.seeds, work=work, rounds=rounds)
    return None


def _least_slice(settings: Sequence[Tried]) -> float:
    dearest = max(one.switch_seconds for one in settings)
    usual = median_low(one.step_seconds for one in settings)
    return max(dearest / SWITCH_SHARE, SLICE_STEPS * usual)


def _share(settings: Sequence[Tried], *, work: bool) -> float:
    """Training of one seed, in trials of equal time: the faster ones do the work in less."""
    slowest = slowest_pace(settings)
    again = sum(slowest / one.learnt_per_second for one in extra(settings)) if work else 0.0
    return len(settings) + again


def _fixed(settings: Sequence[Tried], terms: Terms, *, work: bool, rounds: int) -> float:
    """Seconds that are no training."""
    trials: list[Tried] = [*settings, *(extra(settings) if work else ())]
    switches = rounds * sum(one.switch_seconds for one in trials)
    return terms.seeds * (switches + len(trials) * terms.look_seconds)


def extra(settings: Sequence[Tried]) -> list[Tried]:
    """Settings whose trial of equal time does more than the equal work: they need another."""
    slowest = slowest_pace(settings)
    return [one for one in settings if one.learnt_per_second > (1.0 + SAME_WORK) * slowest]


def slowest_pace(settings: Sequence[Tried]) -> float:
    """Supervised tokens a second of the setting that does least."""
    return min(one.learnt_per_second for one in settings)


def slowest_step(settings: Sequence[Tried]) -> float:
    """Seconds of the longest optimizer step."""
    return max(one.step_seconds for one in settings)


def shortest(settings: Sequence[Tried], terms: Terms) -> float:
    """Seconds that trials, looks and changes take at the very least."""
    one = replace(terms, seeds=1)
    fixed = _fixed(settings, one, work=False, rounds=1)
    return fixed + FEWEST_STEPS * slowest_step(settings) * len(settings)


def fitted(planned: float, spent: Sequence[float], *, room: float, step: float) -> float | None:
    """Seconds of the trials of a heat, so that what is left of them fits into `room` seconds of
    training: the same for all, never longer than planned.

    None where they could not be over in time, or would be cut off before their rate can land:
    `step` is the longest one.
    """
    far = max(spent, default=0.0)
    fair = (room + sum(spent)) / max(len(spent), 1)
    seconds = min(planned, max(fair, far))
    if sum(max(seconds - one, 0.0) for one in spent) > max(room, 0.0) + ROUNDING:
        return None
    if seconds >= (1.0 - SAME_SECONDS) * planned:
        return seconds
    enough = FEWEST_STEPS * step if far == 0.0 else step
    return seconds if seconds - far >= enough else None


def turns(settings: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """(round from 1, setting) in the order A B C, C B A, A B C ..."""
    for number in range(1, rounds + 1):
        order = settings if number % 2 else tuple(reversed(settings))
        for setting in order:
            yield number, setting


def heats(division: Division) -> Iterator[tuple[int, Kind]]:
    """(seed, kind) of the trials that take turns, in the order in which they are worth most."""
    for seed in range(1, division.seeds + 1):
        yield seed, "time"
        if division.work:
            yield seed, "work"


def same_work(learnt: float, work: float) -> bool:
    """Whether a trial's supervised tokens count as the equal work."""
    return abs(learnt - work) <= SAME_WORK * work

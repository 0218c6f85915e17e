"""What a comparison's journal says: every setting's figures, with what they varied between.

In: the journal's entries. Out: a `Comparison`. Never: files, a clock, an unseeded draw; a figure of
a trial that was not trained to its end.
"""

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from overnight.story import comparing_scores as scores
from overnight.story.comparing_told import Told
from overnight.values.comparison import Compared, Comparison, Outcome, Spread
from overnight.values.ledger import Entry, Noted, Started
from overnight.values.trials import Divided, Kind, Sliced, Trial


def compared(entries: Sequence[Entry], *, data: str, model: str, machine: str,
             names: Sequence[str]) -> Comparison:  # fmt: skip
    """The comparison as far as it has come; `names` in the order asked.

    Raises:
        ValueError: not two settings were tried.
    """
    told = Told.of(entries)
    begun = told.every(Started)[0]
    order = [name for name in names if name in told.entered()]
    if len(order) < 2:
        raise ValueError("fewer than two settings were tried")
    base, plan = told.base(), told.divided()
    noise = scores.Noise.of([_ratios(told, name, order[0]) for name in order[1:]])
    settings = tuple(_setting(told, name, order[0], noise) for name in order)
    seconds = min((one.seconds for one in told.every(Divided)), default=0.0)
    return Comparison(
        data=data,
        model=model,
        machine=machine,
        versions=", ".join(f"{name} {version}" for name, version in begun.versions.items()),
        when_utc=begun.started_utc,
        window_seconds=begun.window_seconds or 0.0,
        settings=settings,
        base_loss=_mean(base.sums, base.counts) if base else None,
        rows=len(base.sums) if base else 0,
        seeds=max((len(one.at_time.seeds) for one in settings if one.at_time), default=0),
        seconds=seconds,
        work=told.work(),
        refused=told.refused(),
        whole=_whole(told, order, plan),
        notes=tuple(one.text for one in told.every(Noted)),
    )


def _whole(told: Told, order: Sequence[str], plan: Divided | None) -> bool:
    """Whether every trial that was planned was looked at."""
    if plan is None:
        return False
    kinds: tuple[Kind, ...] = ("time", "work") if plan.work else ("time",)
    left = set(order) - set(told.refused())
    return all(len(told.trials(name, kind)) == plan.seeds for name in left for kind in kinds)


def _mean(sums: Sequence[float], counts: Sequence[int]) -> float:
    return sum(sums) / max(sum(counts), 1)


def _setting(told: Told, name: str, reference: str, noise: scores.Noise) -> Compared:
    entered, slices = told.entered()[name], told.slices(name)
    paces = [one.tokens / one.seconds for one in slices]
    learnt = [one.learnt_tokens / one.seconds for one in slices]
    seconds = [one.seconds / one.steps for one in slices]
    tried = told.tried()[name]
    pace = _around(paces, _rate(slices, "tokens"), tried.tokens_per_second)
    steps = sum(one.steps for one in slices)
    step = sum(one.seconds for one in slices) / steps if steps else tried.step_seconds
    tokens = entered.job_tokens
    job = Spread(mid=tokens / pace.mid, low=tokens / pace.high, high=tokens / pace.low, n=pace.n)
    return Compared(
        name=name,
        candidate=entered.candidate,
        tokens_per_second=pace,
        learnt_per_second=_around(learnt, _rate(slices, "learnt_tokens"), tried.learnt_per_second),
        step_seconds=_around(seconds, step, tried.step_seconds),
        speed=_speed(told, name, reference, noise),
        job_steps=entered.job_steps,
        job_epochs=entered.job_epochs,
        job_seconds=job,
        peak_bytes=max((one.peak_bytes for one in slices), default=tried.peak_bytes),
        at_time=_outcome(told, name, reference, "time"),
        at_work=_outcome(told, name, reference, "work"),
        troubles=_troubles(told, name),
        notes=entered.notes,
    )


def _rate(slices: Sequence[Sliced], tokens: str) -> float | None:
    seconds = sum(one.seconds for one in slices)
    return sum(getattr(one, tokens) for one in slices) / seconds if seconds else None


def _around(seen: Sequence[float], mid: float | None, tried: float) -> Spread:
    """The mean over everything, between the slices' extremes; before any slice, as tried."""
    if not seen or mid is None:
        return Spread(mid=tried, low=tried, high=tried, n=1)
    return Spread(mid=mid, low=min(seen), high=max(seen), n=len(seen))


def _troubles(told: Told, name: str) -> dict[str, int]:
    every = [one for one in told.every(Sliced) if one.trial.setting == name]
    kinds = [kind for one in every for kind in one.troubles]
    found = {kind: sum(one.troubles.get(kind, 0) for one in every) for kind in dict.fromkeys(kinds)}
    lost = sum(one.over == "health" for one in every)
    return found | ({"gave up": lost} if lost else {})


def _speed(told: Told, name: str, reference: str, noise: scores.Noise) -> Spread:
    """Supervised tokens a second over the reference's."""
    if name == reference:
        return Spread(mid=1.0, low=1.0, high=1.0, n=0)
    logs, tried = _ratios(told, name, reference), told.tried()
    first = math.log(tried[name].learnt_per_second / tried[reference].learnt_per_second)
    return scores.ratio(logs, noise) if logs else scores.ratio([first], scores.Noise(0.0, 0))


def _ratios(told: Told, name: str, reference: str) -> list[float]:
    """Logarithms of what one trains over the other, slice by slice of the same round: what the
    machine does to both cancels."""
    mine, theirs = _by_round(told.slices(name)), _by_round(told.slices(reference))
    return [math.log(mine[place] / theirs[place]) for place in sorted(set(mine) & set(theirs))]


def _by_round(slices: Sequence[Sliced]) -> dict[tuple[int, str, int], float]:
    """Supervised tokens a second of each round; a round that was interrupted has two slices."""
    rounds: dict[tuple[int, str, int], list[Sliced]] = {}
    for one in slices:
        rounds.setdefault((one.trial.seed, one.trial.kind, one.round), []).append(one)
    return {place: sum(one.learnt_tokens for one in some) / sum(one.seconds for one in some)
            for place, some in rounds.items()}  # fmt: skip


def _outcome(told: Told, name: str, reference: str, kind: Kind) -> Outcome | None:
    """The losses of one setting's trials, beside the reference's of the same seeds."""
    base, mine, theirs = told.base(), told.trials(name, kind), told.trials(reference, kind)
    if base is None or not mine:
        return None
    counts = np.asarray(base.counts, dtype=np.int64)
    looks = {seed: _sums(told, trial) for seed, trial in mine.items()}
    pairs = [(looks[seed], _sums(told, theirs[seed])) for seed in mine if seed in theirs]
    beside = bool(pairs) and name != reference
    ends = [one for trial in mine.values() if (one := told.newest(trial)) is not None]
    return Outcome(
        loss=scores.loss(list(looks.values()), counts),
        seeds=tuple(float(one.sum() / max(counts.sum(), 1)) for one in looks.values()),
        steps=fmean(one.step for one in ends),
        learnt_tokens=fmean(one.learnt for one in ends),
        seconds=fmean(one.spent for one in ends),
        difference=scores.difference(pairs, counts) if beside else None,
        quality=scores.quality(pairs, np.asarray(base.sums), counts) if beside else None,
    )


def _sums(told: Told, trial: Trial) -> scores.Sums:
    look = told.look(trial)
    return np.asarray(look.sums if look else (), dtype=np.float64)

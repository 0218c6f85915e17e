"""Prices and a pace -> the phases of a night, and how many steps they leave room for.

In: a candidate, the data's profile, prices, a window. Out: a TimeEstimate and its Reserve. Never: a
clock; what is spent already is given as an argument.
"""

import math
from dataclasses import dataclass

from overnight.planning import curriculum
from overnight.planning.prices import Prices
from overnight.values.cadence import LOOK_SHARE, Cadence, Stretch
from overnight.values.curriculum import Leg
from overnight.values.facts import DatasetProfile, Interval
from overnight.values.plan import (
    Candidate,
    Reserve,
    Source,
    TimeEstimate,
    margin_seconds,
)

REHEARSAL_SHARE = 0.02
REHEARSAL_STEPS = 8
REHEARSAL_LIMIT = 0.15
"""2 % of the window (of the steps, without one) or eight steps, whichever is more, and at most 15 %
of a window (DESIGN 6)."""
HORIZONS = 3
"""Times that a horizon and the mean step in it are worked out from each other: with stages by step
numbers either depends on the other."""
NOTHING = Interval.exactly(0.0)
EXIT = 0.1
"""Seconds from the last word of the training process until publishing begins."""


def reserve(prices: Prices, window: float | None) -> Reserve:
    """What is kept for the ending, from the prices as they are known."""
    return Reserve(
        save=1.5 * prices.save.mid,
        evaluation=prices.evaluation.mid,
        publish=prices.publish.mid,
        margin=margin_seconds(window),
    )


def steps_per_epoch(candidate: Candidate, dataset: DatasetProfile) -> int:
    """Optimizer steps that draw as many rows as there are to train on."""
    if candidate.strategy == "one-stage":
        return max(1, math.ceil(dataset.num_train / candidate.rows_per_step))
    return curriculum.steps_for(stages(candidate, dataset), dataset.num_train)


def stages(candidate: Candidate, dataset: DatasetProfile) -> tuple[Leg, ...]:
    """The stages as far as the data's profile tells."""
    return curriculum.legs(candidate, longer=curriculum.longer(candidate, dataset))


def steps_wanted(candidate: Candidate, dataset: DatasetProfile) -> int | None:
    """Steps that max_steps or num_train_epochs ask for; max_steps wins, as in transformers."""
    if candidate.max_steps is not None:
        return candidate.max_steps
    if candidate.num_train_epochs is None:
        return None
    if candidate.strategy != "one-stage":
        rows = candidate.num_train_epochs * dataset.num_train
        return curriculum.steps_for(stages(candidate, dataset), rows)
    return max(1, round(candidate.num_train_epochs * steps_per_epoch(candidate, dataset)))


def step_tokens(candidate: Candidate, dataset: DatasetProfile, steps: int) -> float:
    """Tokens of one optimizer step in the mean of a night of so many."""
    if candidate.strategy == "one-stage":
        return dataset.train_tokens / steps_per_epoch(candidate, dataset)
    found = stages(candidate, dataset)
    weight = curriculum.longer(candidate, dataset)
    usual = dataset.train_tokens / max(dataset.num_train, 1)
    return usual * curriculum.load_of(found, max(steps, 1), longer=weight)


def step_seconds(
    candidate: Candidate, dataset: DatasetProfile, pace: Interval, steps: int | None = None
) -> Interval:
    """Seconds of one optimizer step at a pace in tokens per second, in a night of so many steps
    (None: of one epoch)."""
    whole = steps_per_epoch(candidate, dataset) if steps is None else steps
    tokens = step_tokens(candidate, dataset, whole)
    return Interval(low=tokens / pace.high, mid=tokens / pace.mid, high=tokens / pace.low)


def rehearsal_seconds(step: float, window: float) -> float:
    """How long the rehearsal goes on in a window, by the seconds of a step."""
    return min(max(REHEARSAL_SHARE * window, REHEARSAL_STEPS * step), REHEARSAL_LIMIT * window)


def rehearsal_steps(horizon: int) -> int:
    """How many steps it has without a window: the same whatever the clock shows."""
    return max(REHEARSAL_STEPS, round(REHEARSAL_SHARE * horizon))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which circumstances a night is estimated."""

    window: float | None
    source: Source
    asked: bool = False
    """Whether the user asked for the epochs or steps; else they are the priority's at most."""
    trials: Interval = NOTHING
    """Seconds of what is tried before the first step (planning/trials.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Between:
    """What comes between the steps, and how often."""

    cadence: Cadence
    look: Interval
    """Seconds of one evaluation of the *select* part."""
    save: Interval
    window: float | None

    def stretch(self, steps: int, step: float) -> Stretch:
        return Stretch(step=0, horizon=steps, step_seconds=max(step, 1e-9), window=self.window,
                       look_seconds=self.look.mid, save_seconds=self.save.mid)  # fmt: skip

    def room(self, step: float, free: float) -> int:
        """Steps that fit into so many seconds together with what comes between them."""
        ahead = self.stretch(1, step)
        taken = self.look.mid / self.cadence.look_interval(ahead)
        taken += self.save.mid / max(self.cadence.save_interval(ahead), 1e-9)
        steps = max(0, int(free / (1.0 + taken) / max(step, 1e-9)))
        between = sum(phase.mid for phase in self.phases(steps, step).values())
        return steps + max(0, int((free - between) / max(step, 1e-9)) - steps)

    def phases(self, steps: int, step: float) -> dict[str, Interval]:
        looks, saves = self.cadence.coming(self.stretch(steps, step))
        return {"evaluations": self.look.scaled(looks), "saves": self.save.scaled(saves)}


def least_steps(candidate: Candidate, dataset: DatasetProfile) -> int:
    """Steps between two looks in which as many rows are trained on as are looked at."""
    return max(1, math.ceil(dataset.num_select / candidate.rows_per_step))


def cadence(candidate: Candidate, dataset: DatasetProfile) -> Cadence:
    """How often is looked and saved, as far as it was given."""
    minutes = candidate.save_minutes
    return Cadence(
        eval_steps=candidate.eval_steps,
        save_steps=candidate.save_steps,
        save_seconds=60.0 * minutes if minutes else None,
        least_steps=least_steps(candidate, dataset),
    )


def _between(
    candidate: Candidate, dataset: DatasetProfile, prices: Prices, window: float | None
) -> _Between:
    share = dataset.num_select / max(dataset.num_select + dataset.num_test, 1)
    look = _allowed(prices.evaluation.scaled(share), window)
    return _Between(cadence=cadence(candidate, dataset), look=look, save=prices.save, window=window)


def _allowed(look: Interval, window: float | None) -> Interval:
    """One look at one part: a window bounds it."""
    most = math.inf if window is None else LOOK_SHARE * window
    return Interval(low=min(look.low, most), mid=min(look.mid, most), high=min(look.high, most))


def ending(prices: Prices, look: Interval, window: float | None) -> Interval:
    """What the ending takes before publishing: a save, both parts looked at, the process gone."""
    expected = prices.save.mid + 2.0 * look.mid + EXIT
    margin = margin_seconds(window)
    return Interval(
        low=0.7 * expected, mid=expected, high=expected + 0.5 * prices.save.mid + margin
    )


def estimate(
    candidate: Candidate, dataset: DatasetProfile, prices: Prices, *, pace: Interval, terms: Terms
) -> TimeEstimate:
    """How long each phase takes and which horizon they leave, before anything is measured."""
    between = _between(candidate, dataset, prices, terms.window)
    begin = {
        "imports": prices.imports,
        "tokenising": prices.tokenising,
        "loading": prices.loading,
        "first look": prices.save + between.look.scaled(2.0),
        "settling": prices.settling,
    }
    if terms.trials.high:
        begin["trials"] = terms.trials
    end = {"ending": ending(prices, between.look, terms.window), "publish": prices.publish}
    spent = sum(phase.mid for phase in begin.values()) + sum(phase.high for phase in end.values())
    wanted = steps_wanted(candidate, dataset)
    step, room, total = step_seconds(candidate, dataset, pace), None, wanted or 0
    for _ in range(1 if candidate.strategy == "one-stage" else HORIZONS):
        if terms.window is not None:
            room = between.room(step.mid, terms.window - spent)
            total = room if wanted is None else min(room, wanted)
        step = step_seconds(candidate, dataset, pace, total)
    middle = {"training": step.scaled(total), **between.phases(total, step.mid)}
    if room is not None and total == room:
        # The clock ends it: the pace decides how many steps fit, not how long they take.
        middle = {name: Interval.exactly(phase.mid) for name, phase in middle.items()}
    return told(candidate, dataset, begin | middle | end, steps=total, pace=pace, terms=terms)


def epochs(candidate: Candidate, dataset: DatasetProfile, steps: int) -> float:
    """What so many steps are in passes over the training rows."""
    if candidate.strategy == "one-stage":
        return steps / steps_per_epoch(candidate, dataset)
    drawn = curriculum.rows_of(stages(candidate, dataset), steps)
    return drawn / max(dataset.num_train, 1)


def told(
    candidate: Candidate, dataset: DatasetProfile, phases: dict[str, Interval], *, steps: int,
    pace: Interval, terms: Terms,
) -> TimeEstimate:  # fmt: skip
    """Phases as they are expected or measured, `steps` in all, as one estimate."""
    wanted = steps_wanted(candidate, dataset)
    cut = terms.asked and (wanted or 0) > steps
    return TimeEstimate(
        phases=phases,
        total_steps=steps,
        epochs=epochs(candidate, dataset, steps),
        tokens_per_second=pace,
        source=terms.source,
        fits_in_window=terms.window is None or (steps >= 1 and not cut),
        steps_wanted=wanted,
    )


def shortest_window(spent: float, reserve: Reserve) -> float:
    """Seconds of the shortest window with room for a few steps, with a tenth to spare.

    `spent` is what came before the first step, `reserve` what the ending needs.
    """
    return 1.1 * (spent + reserve.seconds + 5.0)

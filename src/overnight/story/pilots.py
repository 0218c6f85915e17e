"""Pilots: a few short annealed runs that look for the learning rate, before the night's first step.

In: the live stage, its base measured. Out: `Piloted` events and a `Rated`; the plan with the rate.
Never: leaves anything of them in weights, optimizer, random states or the order of rows; costs the
night more than the rule's rate where one of them fails.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from overnight.control.schedule import Schedule
from overnight.planning import pilots, rules, search, trials
from overnight.planning.pilots import Tried
from overnight.planning.question import Question
from overnight.probe import container, host
from overnight.story.look import question
from overnight.story.plan_file import write_plan
from overnight.story.stage import Stage
from overnight.training import scores
from overnight.training.evaluation import OutOfTime
from overnight.training.loop import Loop
from overnight.training.room import MemoryGone, OptimizerMemoryGone
from overnight.training.snapshot import Snapshot, bytes_kept
from overnight.values.choices import Piloted, Rated
from overnight.values.ledger import Evaluated

UNTRAINED = "the base model has learnt nothing yet, so it may be higher than the rule's"
FROZEN = (
    "the base model has learnt nothing yet, and adapters beside frozen weights that know nothing "
    "learn little: --method full trains all of them"
)
"""GSM8K on random weights, 64 wide, equal time: 5.85 nats with LoRA, 3.09 in full
(bench/results/rule.md)."""
KEPT_FREE = 2.0
"""Times what a snapshot takes: so much of the host's memory must be free before one is made."""


class GivenUp(Exception):
    """The pilots are over before their time; it says why."""


class Leaving(Exception):
    """An end is wanted: nothing is settled, and a night that goes on later begins anew."""


@dataclass(slots=True)
class _Series:
    """The pilots of one night, as far as they have come."""

    on: Stage
    steps: int
    until: float
    """On the boot-time clock: when they must be over."""
    losses: dict[float, float]
    """By rate, those of a process before this one included."""
    rows: dict[float, scores.Sums] = field(default_factory=dict)
    """Losses of the *select* rows, by rate, of those that this process flew."""

    def tried(self) -> list[Tried]:
        """What is known of each rate."""
        best = min(self.losses, key=lambda rate: self.losses[rate], default=0.0)
        return [Tried(learning_rate=rate, loss=loss, tied=self._tied(rate, best))
                for rate, loss in self.losses.items()]  # fmt: skip

    def _tied(self, rate: float, best: float) -> bool:
        """Whether the paired interval of what they differ by holds zero."""
        mine, theirs = self.rows.get(rate), self.rows.get(best)
        if rate == best or mine is None or theirs is None or math.isinf(self.losses[rate]):
            return False
        return scores.gain(mine, theirs, self.counts).low <= 0.0

    @property
    def counts(self) -> scores.Counts:
        """Learnt tokens of the *select* rows."""
        return self.on.session.corpus.learnt[list(self.on.keeper.held_out["select"])]


def _flown(on: Stage, steps: int) -> dict[float, float]:
    """What pilots of this length came to before this process began."""
    told = [one.event for one in on.teller.entries if isinstance(one.event, Piloted)]
    return {
        one.learning_rate: one.loss if math.isfinite(one.loss) else math.inf
        for one in told
        if one.steps == steps and not one.note
    }


def run(on: Stage, loop: Loop) -> None:
    """Looks for the rate where that is still open and the window can pay for it; else it is the
    rule's, which asks whether the base has learnt anything."""
    if on.found.rated is not None:
        return
    _looked(on)
    guesses = rules.untrained(on.found.base_loss, on.found.model.vocab_size)
    if guesses and on.plan.candidate.method != "full":
        on.teller.note(FROZEN)
    planned = on.plan.candidate.learning_rate
    on.plan = search.rated(on.plan, _asked(on))
    steps = on.session.agreed(_steps(on, loop))
    if steps:
        flown = on.session.agreed(_flown(on, steps))
        _search(_Series(on, steps, on.now + _room(on), flown))
    elif on.plan.candidate.learning_rate != planned:
        _settle(on, Rated(learning_rate=on.plan.candidate.learning_rate, best=None, steps=0,
                          pilots=0, seconds=0.0, why=UNTRAINED))  # fmt: skip


def _asked(on: Stage) -> Question:
    return question(on.request, on.found, on.plan.window_seconds)


def _search(series: _Series) -> None:
    on = series.on
    begun, why, before = on.now, "", Snapshot.of(on.session)
    try:
        _fly(series, before)
    except GivenUp as error:
        why = str(error)
    except Leaving:
        return
    finally:
        before.put_back(on.session)
    _conclude(series, why, on.now - begun)


def _steps(on: Stage, loop: Loop) -> int:
    """Steps of a pilot; 0 where there are to be none."""
    if not trials.pilots_wanted(_asked(on)) or on.ends_at is None:
        return 0
    free = host.host_memory(container.limits())[1]
    if KEPT_FREE * bytes_kept(on.session) > free:
        return 0
    horizon, pace = on.plan.time.total_steps, on.plan.time.tokens_per_second.mid
    return pilots.steps(
        horizon=horizon,
        step_seconds=on.session.tokens_per_step / pace,
        look_seconds=loop.course.deadline.select_seconds,
        room=_room(on),
    )


def _room(on: Stage) -> float:
    """Seconds that pilots may take: of the window, and of what is left of it."""
    window, left = on.plan.window_seconds or 0.0, (on.ends_at or on.now) - on.now
    spent = on.found.sized.seconds if on.found.sized else 0.0
    return pilots.SHARE * min(window, left) - spent


def _fly(series: _Series, before: Snapshot) -> None:
    on, first = series.on, series.on.plan.candidate.learning_rate
    took = 0.0
    while (rate := on.session.agreed(pilots.following(series.tried(), first))) is not None:
        begun, why = on.now, ""
        if on.session.agreed(len(series.losses) >= pilots.USUAL and begun + took > series.until):
            return
        before.put_back(on.session)
        try:
            rows = _flight(series, rate)
        except GivenUp as error:
            rows, why = None, str(error)
        loss = math.nan if rows is None else float(rows.sum() / max(series.counts.sum(), 1))
        took = on.now - begun
        on.teller.tell(Piloted(learning_rate=rate, steps=series.steps, loss=loss, note=why,
                               seconds=took))  # fmt: skip
        if rows is None:
            raise GivenUp(why)
        series.rows[rate] = rows
        series.losses[rate] = loss if math.isfinite(loss) else math.inf


def _flight(series: _Series, rate: float) -> scores.Sums:
    """One run from warm-up to zero, and the losses of the *select* rows at its end: no numbers
    where the rate was too high."""
    session, warmup = series.on.session, rules.warmup_steps(series.steps, None)
    schedule = Schedule(peak=rate, horizon=series.steps, warmup_steps=warmup)
    rows = list(series.on.keeper.held_out["select"])
    try:
        for step in range(series.steps):
            _go_on(series)
            taken = session.step(schedule.rate(step))
            if not math.isfinite(taken.loss):
                return np.full(len(rows), math.nan)
        return session.evaluate(rows, lambda: series.on.now > series.until)[0]
    except (MemoryGone, OptimizerMemoryGone):
        raise GivenUp("memory ran out") from None
    except OutOfTime:
        raise GivenUp("they would have taken too long") from None


def _go_on(series: _Series) -> None:
    """Raises:
    Leaving: an end is wanted.
    GivenUp: the time for pilots is over.
    """
    on = series.on
    wanted, late = on.session.agreed((on.wanted(), on.now > series.until))
    if wanted in ("signal", "stop"):
        raise Leaving
    if late:
        raise GivenUp("they would have taken too long")


def _conclude(series: _Series, why: str, seconds: float) -> None:
    on, tried = series.on, series.tried()
    best = on.session.agreed(None if why else pilots.concluded(tried))
    horizon = on.plan.time.total_steps
    rate = on.plan.candidate.learning_rate
    if best is not None:
        rate = pilots.for_horizon(best, pilot_steps=series.steps, steps=horizon)
    told = Rated(learning_rate=rate, best=best, steps=series.steps, pilots=len(tried),
                 seconds=seconds, why=_why(series, best, why))  # fmt: skip
    _settle(on, told)


def _settle(on: Stage, told: Rated) -> None:
    """The plan and the journal with what was decided."""
    on.found = replace(on.found, rated=told)
    on.plan = search.rated(on.plan, _asked(on))
    if on.teller.main:
        write_plan(on.teller.run_folder, on.plan, on.request, on.found)
    on.teller.tell(told)


def _why(series: _Series, best: float | None, why: str) -> str:
    """In a sentence, with the figures."""
    if best is None:
        return f"the rule's, for the pilots settled nothing ({why or 'each of them diverged'})"
    flown = f"{len(series.losses)} pilots of {series.steps} steps"
    return f"{flown} speak for {best:.2g}; a longer run wants a lower one"


def recall(on: Stage) -> None:
    """What pilots and the look at the base said before this process began."""
    _looked(on)
    told = [one.event for one in on.teller.entries if isinstance(one.event, Rated)]
    if told:
        on.found = replace(on.found, rated=told[-1])


def _looked(on: Stage) -> None:
    """The base's loss on the *select* part, where it was measured."""
    seen = [
        one.event.loss
        for one in on.teller.entries
        if isinstance(one.event, Evaluated) and one.event.base and one.event.part == "select"
    ]
    on.found = replace(on.found, base_loss=on.session.agreed(seen[-1] if seen else None))

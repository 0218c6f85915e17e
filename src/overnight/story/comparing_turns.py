"""Whose turn it is: heats of trials that swap slice by slice, each looked at when it is over.

In: settings that were tried, the seconds that are left. Out: slices and looks in the journal; what
was journalled already is not done again. Never: more than one session in the memory, a heat that
cannot be over in time.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace

from overnight.planning import division, search
from overnight.planning.division import Division, Terms
from overnight.story import comparing_lessons, comparing_work
from overnight.story.comparing_course import Aim
from overnight.story.comparing_stage import Comparing
from overnight.story.comparing_trial import (
    Live,
    begun,
    forget_older,
    moved,
    sliced,
    taken_up,
    weighed,
)
from overnight.story.comparing_tries import too_short
from overnight.training.room import OptimizerMemoryGone
from overnight.values.errors import NoPlanFits
from overnight.values.ledger import Noted
from overnight.values.trials import Divided, Kind, Refused, Sliced, Trial, Tried, Weighed

SPARE_SHARE = 0.05
"""Of what is left: not divided, since a few steps tell a pace no better than that."""
STILL_FAIR = 0.7
"""Of its planned seconds: with less left a heat of another seed is not begun."""


@dataclass(slots=True)
class Heat:
    """Trials that take turns, one of each setting."""

    trials: dict[str, Trial]
    steps: dict[str, int]
    """Where each ends by its steps; empty where time ends them."""
    seconds: float
    """Of each trial, where time ends them."""
    rounds: int

    @property
    def by_time(self) -> bool:
        """Whether time ends the trials."""
        return not self.steps

    def until(self, number: int) -> Callable[[Live], bool]:
        """Whether a slice of this round is over; the last one's end is the trial's own."""
        if number == self.rounds:
            return lambda live: False
        share = number / self.rounds
        if self.by_time:
            return lambda live: live.own() >= share * self.seconds
        return lambda live: (
            live.session.progress.step >= round(share * self.steps[live.trial.setting])
        )

    def reached(self, last: Sliced | None, number: int) -> bool:
        """Whether a trial has done its slice of this round already."""
        if last is None or number == self.rounds:
            return False
        share = number / self.rounds
        if self.by_time:
            return last.spent >= share * self.seconds
        return last.step >= round(share * self.steps[last.trial.setting])


def run(on: Comparing) -> None:
    """Every heat that fits.

    Raises:
        NoPlanFits: not even a few steps of each setting fit; names the shortest window.
    """
    plan = divided(on)
    for seed, kind in division.heats(plan):
        heat = _heat(on, plan, seed, kind)
        if heat.trials and not on.wanted() and not _run(on, heat):
            return
    on.drop()


def divided(on: Comparing) -> Division:
    """The division as it was journalled, else made now."""
    every = on.told.every(Divided)
    if every:
        first = every[0]
        return Division(seconds=min(one.seconds for one in every), seeds=first.seeds,
                        work=first.work, rounds=first.rounds)  # fmt: skip
    tried = on.tried()
    left = (1.0 - SPARE_SHARE) * on.left
    terms = Terms(left=left, seeds=on.seeds, look_seconds=_look_seconds(on))
    found = division.divide(tried, terms)
    if found is None:
        raise NoPlanFits(too_short(on, division.shortest(tried, terms)))
    why = []
    if found.seeds < on.seeds:
        why.append(f"{found.seeds} of {on.seeds} seeds")
    if not found.work:
        why.append("no trials of equal work")
    base = on.told.base()
    on.tell(Divided(seconds=found.seconds, seeds=found.seeds, work=found.work,
                    rounds=found.rounds, rows=len(base.sums) if base else 0,
                    why=", ".join(why)))  # fmt: skip
    return found


def _look_seconds(on: Comparing) -> float:
    return max((one.seconds for one in on.told.every(Weighed)), default=0.0)


def _heat(on: Comparing, plan: Division, seed: int, kind: Kind) -> Heat:
    """The trials of a heat that are still to be trained."""
    trials = {name: Trial(setting=name, seed=seed, kind=kind) for name in on.plans}
    heat = Heat(trials, {}, plan.seconds, plan.rounds)
    if kind == "work":
        heat.steps = comparing_work.steps(on)
        done = {name for name, trial in trials.items() if on.told.does_it(trial)}
        heat.trials = {name: one for name, one in trials.items()
                       if name in heat.steps and name not in done}  # fmt: skip
    heat.trials = {name: one for name, one in heat.trials.items() if not on.told.seen(one)}
    return heat


def _run(on: Comparing, heat: Heat) -> bool:
    """All turns of a heat; False where the world wants an end or time is short."""
    trials, last_round = dict(heat.trials), 0
    for number, name in division.turns(tuple(trials), heat.rounds):
        if on.wanted() or (number > last_round and not _fits(on, heat, number)):
            return False
        last_round = number
        trial = trials[name]
        if name in on.plans and name in heat.trials and not on.told.seen(trial):
            _turn(on, heat, trial, number)
    return True


def _turn(on: Comparing, heat: Heat, trial: Trial, number: int) -> None:
    last = on.told.newest(trial)
    if last is None or not last.over:
        if heat.reached(last, number):
            return
        on.at(trial.setting)
        try:
            live = _live(on, heat, trial)
            last = sliced(on.ground, live, number, _or_wanted(on, heat.until(number)))
        except (OptimizerMemoryGone, NoPlanFits) as error:
            _leave_out(on, trial, error)
            return
        on.tell(last)
        forget_older(live)
        del live  # else it would still be there when the next one comes
    if last.over:
        _look(on, heat, trial)


def _or_wanted(on: Comparing, until: Callable[[Live], bool]) -> Callable[[Live], bool]:
    return lambda live: until(live) or bool(on.wanted())


def _leave_out(on: Comparing, trial: Trial, error: Exception) -> None:
    why = str(error) or "memory ran out as the optimizer took a step"
    on.tell(Refused(setting=trial.setting, why=why))
    on.plans.pop(trial.setting)
    on.drop()


def _live(on: Comparing, heat: Heat, trial: Trial) -> Live:
    """The trial in the memory: as it is there, as its checkpoint has it, or at its beginning."""
    if on.live is None or on.live.trial != trial:
        on.drop()
        aim, last = _aim(on, heat, trial), on.told.newest(trial)
        if last is not None:
            on.live = taken_up(on.ground, trial, aim, on.folder_of(trial) / last.name)
        if on.live is None:
            on.live = begun(on.ground, trial, aim, on.folder_of(trial))
    if heat.by_time:
        moved(on.live, heat.seconds)
    return on.live


def _aim(on: Comparing, heat: Heat, trial: Trial) -> Aim:
    """The setting's plan for as many steps as the trial will have, with the trial's own seed."""
    plan, asked = on.plans[trial.setting], on.questions[trial.setting]
    tried = on.told.tried()[trial.setting]
    steps = heat.steps.get(trial.setting) or max(1, int(heat.seconds / tried.step_seconds))
    suited = search.for_horizon(plan.candidate, asked, steps)
    own = replace(suited, seed=suited.seed + trial.seed - 1)
    return Aim(candidate=own, horizon=steps, seconds=heat.seconds if heat.by_time else None)


def _look(on: Comparing, heat: Heat, trial: Trial) -> None:
    """The held-out rows after a trial; then its checkpoints have done their service."""
    live = _live(on, heat, trial)
    base = on.told.base()
    rows = on.ground.data.split.select[: len(base.sums) if base else 0]
    on.tell(weighed(on.ground, live.session, rows, trial))
    comparing_lessons.remember(on, trial, live.session.candidate)
    folder = live.folder
    del live
    on.drop()
    shutil.rmtree(folder, ignore_errors=True)


def _fits(on: Comparing, heat: Heat, number: int) -> bool:
    """Whether the rest of a heat can be over in time, cut shorter where time ends its trials."""
    going = {name: one for name, one in heat.trials.items()
             if name in on.plans and not on.told.seen(one)}  # fmt: skip
    if not going:
        return True
    tried = on.told.tried()
    rest = heat.rounds - number + 1
    besides = sum(rest * tried[name].switch_seconds + _look_seconds(on) for name in going)
    room = on.left - besides
    if not heat.by_time:
        return _work_fits(on, heat, going, room)
    return _cut(on, heat, going, room, tried)


def _work_fits(on: Comparing, heat: Heat, going: dict[str, Trial], room: float) -> bool:
    """Leaves out what there is no time for: first whoever did nearly the equal work already."""
    needed = {
        name: comparing_work.seconds(on, heat.steps[name], trial) for name, trial in going.items()
    }
    goal, left_out = on.told.work(), list[str]()
    for name in sorted(needed, key=lambda name: abs(on.told.done(name) - goal)):
        if sum(needed.values()) <= room:
            break
        del needed[name]
        heat.trials.pop(name)
        left_out.append(name)
    if left_out:
        on.tell(Noted(text=f"equal work, seed {going[left_out[0]].seed}: no time for "
                           f"{' and '.join(left_out)}"))  # fmt: skip
    return bool(needed)


def _cut(on: Comparing, heat: Heat, going: dict[str, Trial], room: float,
         tried: dict[str, Tried]) -> bool:  # fmt: skip
    """Cuts a heat's trials to what is left; False where that is too little for a fair end."""
    slices = [on.told.newest(one) for one in going.values()]
    spent = [one.spent if one else 0.0 for one in slices]
    seed = next(iter(going.values())).seed
    step = max(tried[name].step_seconds for name in going)
    seconds = division.fitted(heat.seconds, spent, room=room, step=step)
    again = seed > 1 and not any(spent)
    if seconds is None or (again and seconds < STILL_FAIR * heat.seconds):
        on.tell(Noted(text=f"equal time, seed {seed}: not measured to its end, there is too "
                           "little time left"))  # fmt: skip
        return False
    if seconds < (1.0 - division.SAME_SECONDS) * heat.seconds:
        first = on.told.every(Divided)[0]
        on.tell(replace(first, seconds=seconds, why="less time was left than was planned"))
    heat.seconds = seconds
    return True

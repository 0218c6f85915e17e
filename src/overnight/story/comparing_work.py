"""Equal work: how much it is, who has done it already, and what it takes whoever has not.

In: a comparison's journal. Out: supervised tokens, steps, seconds. Never: trains.
"""

from dataclasses import replace

from overnight.planning import division
from overnight.story.comparing_stage import Comparing
from overnight.values.trials import Trial


def work(on: Comparing) -> float:
    """Supervised tokens of equal work: the fewest that a setting did in the first equal time."""
    first = (on.newest(Trial(setting=name, seed=1, kind="time")) for name in on.plans)
    done = [one.learnt for one in first if one is not None and one.over in ("window", "horizon")]
    return float(min(done, default=0))


def does_it(on: Comparing, trial: Trial) -> bool:
    """Whether the trial of equal time is one of equal work as well."""
    last = on.newest(replace(trial, kind="time"))
    return last is not None and division.same_work(last.learnt, work(on))


def steps(on: Comparing) -> dict[str, int]:
    """Steps in which each setting does the equal work."""
    found, goal = {}, work(on)
    for name in on.plans:
        last = on.newest(Trial(setting=name, seed=1, kind="time"))
        if last is not None and last.learnt and last.over != "health" and goal:
            found[name] = max(1, round(goal * last.step / last.learnt))
    return found


def done(on: Comparing, name: str) -> float:
    """Supervised tokens that a setting learnt in the first equal time."""
    full = on.newest(Trial(setting=name, seed=1, kind="time"))
    return float(full.learnt) if full is not None else 0.0


def seconds(on: Comparing, steps: int, trial: Trial) -> float:
    """What is left of a trial of so many steps, at the pace of its setting's first equal time."""
    last, full = on.newest(trial), on.newest(Trial(setting=trial.setting, seed=1, kind="time"))
    if full is None or not full.step:
        return 0.0
    left = steps - (last.step if last else 0)
    return left * full.spent / full.step

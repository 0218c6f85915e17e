"""Equal work: in how many steps whoever has not done it yet will have, and in what time.

In: a comparison's journal, the settings that take part. Out: steps, seconds. Never: trains; how
much work it is (comparing_told.py).
"""

from overnight.story.comparing_stage import Comparing
from overnight.values.trials import Trial


def steps(on: Comparing) -> dict[str, int]:
    """Steps in which each setting does the equal work."""
    told = on.told
    found, goal = {}, told.work()
    for name in on.plans:
        last = told.first(name)
        if last is not None and last.learnt and last.over != "health" and goal:
            found[name] = max(1, round(goal * last.step / last.learnt))
    return found


def seconds(on: Comparing, steps: int, trial: Trial) -> float:
    """What is left of a trial of so many steps, at the pace of its setting's first equal time."""
    last, full = on.told.newest(trial), on.told.first(trial.setting)
    if full is None or not full.step:
        return 0.0
    left = steps - (last.step if last else 0)
    return left * full.spent / full.step

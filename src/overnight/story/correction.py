"""The plan as the rehearsal corrects it: what is over at its price, what is to come as foretold.

In: the live stage, the deadline with its horizon, what was rehearsed. Out: the plan, in the stage
and in plan.json. Never: decides the horizon.
"""

from overnight.control import forecast
from overnight.control.deadline import Deadline
from overnight.planning import outlook, search, timing
from overnight.story.look import question
from overnight.story.plan_file import write_plan
from overnight.story.stage import Stage
from overnight.values.facts import Interval
from overnight.values.ledger import Prepared, Rehearsed
from overnight.values.plan import MemoryEstimate, TimeEstimate

GROWTH = 0.04
"""Of the peak: what the heap still grows by after the rehearsal: nothing to 9 % in seven nights on
a CPU (bench/plans.py measures it)."""


def correct(on: Stage, deadline: Deadline, rehearsed: Rehearsed) -> None:
    """Puts what was measured in place of the priors; the candidate stays."""
    asked = question(on.request, on.found, on.plan.window_seconds)
    on.plan = search.corrected(
        on.plan,  # a micro-batch that memory made smaller is no other step, and is journalled
        asked,
        time=_time(on, deadline, rehearsed),
        memory=_memory(on, rehearsed),
        reserve=deadline.reserve,
    )
    if on.teller.main:
        write_plan(on.teller.run_folder, on.plan, on.request, on.found)


def _time(on: Stage, deadline: Deadline, rehearsed: Rehearsed) -> TimeEstimate:
    now = on.now
    coming = forecast.ahead(deadline, now, publish_seconds=on.publishing)
    phases = _over(on, now, rehearsed.settling_seconds)
    for name, seconds in coming.phases().items():
        phases[name] = phases.get(name, Interval.exactly(0.0)) + seconds
    asked = question(on.request, on.found, on.plan.window_seconds)
    return timing.told(
        on.plan.candidate,
        on.found.data.profile,
        phases,
        steps=deadline.horizon,
        pace=_pace(on, deadline, coming.training),
        terms=outlook.terms(asked, "rehearsal"),
    )


def _over(on: Stage, now: float, settling: float) -> dict[str, Interval]:
    """What is over, phase by phase."""
    prepared = on.prepared or Prepared(import_seconds=0.0, data_seconds=0.0, load_seconds=0.0,
                                       fingerprint="", weights="")  # fmt: skip
    spent = {
        "imports": prepared.import_seconds,
        "tokenising": prepared.data_seconds,
        "loading": prepared.load_seconds,
    }
    sized, rated = on.found.sized, on.found.rated
    tried = sized.seconds if sized is not None else 0.0
    tried += rated.seconds if rated is not None and rated.pilots else 0.0
    if tried:
        spent["trials"] = tried
    spent["first look"] = max(on.looked_at - on.started_at - sum(spent.values()), 0.0)
    spent |= {"settling": settling, "training": max(now - on.looked_at - settling, 0.0)}
    return {name: Interval.exactly(seconds) for name, seconds in spent.items()}


def _pace(on: Stage, deadline: Deadline, coming: Interval) -> Interval:
    """Tokens a second of the steps to come, which hold other rows than the rehearsed ones."""
    steps = max(deadline.horizon - deadline.step, 1)
    load = deadline.load(deadline.step, deadline.step + steps)
    seconds = coming if coming.mid else Interval.exactly(forecast.pace(deadline) * load)
    epoch = on.session.order.steps_per_epoch
    usual = deadline.first.to(epoch) / epoch
    tokens = on.session.tokens_per_step * load / usual
    return Interval(low=tokens / seconds.high, mid=tokens / seconds.mid, high=tokens / seconds.low)


def _memory(on: Stage, rehearsed: Rehearsed) -> MemoryEstimate:
    """What was measured, and what a step with the longest rows takes more than it did at first."""
    seen = rehearsed.peak_bytes
    # They were tried before the optimizer's moments were there; on a CPU what was kept free for
    # these is no memory in use.
    later = on.plan.memory.parts.get("optimizer", 0) if on.found.hardware.device != "cuda" else 0
    longest = on.peak_before + later
    coming = max(longest - seen, 0) + int(GROWTH * seen)
    return MemoryEstimate(parts={"measured": seen, "still to come": coming}, how="measured")

"""What was promised beside what was done: figures, and every phase by itself.

In: a Report. Out: `Promise`s, in the order in which they are read. Never: words, layout.
"""

import dataclasses
from collections.abc import Iterator, Mapping

from overnight.report import reading
from overnight.report.account import Promise, Report
from overnight.report.reading import Phase
from overnight.values.facts import Interval
from overnight.values.plan import Plan

NOTHING = Interval.exactly(0.0)
BY_THE_CLOCK = frozenset(("finish", "steps", "epochs", "training", "evaluations", "saves"))
"""What hangs on when the night ends."""


def promises(report: Report) -> tuple[Promise, ...]:
    """What the plan promised beside what was done; figures of a night so far stay open.

    The plan is the one that the rehearsal corrected, and what the first one said stands beside it.
    """
    first, before = report.first_plan, dict[str, Interval]()
    if first is not None and first.time != report.plan.time:
        before = {one.what: one.promised for one in _of(report, first)}
    return tuple(
        dataclasses.replace(one, before=before.get(one.what),
                            moved=report.moved and one.what in BY_THE_CLOCK)
        for one in _of(report, report.plan)
    )  # fmt: skip


def _of(report: Report, plan: Plan) -> Iterator[Promise]:
    """The promises of one of the two plans."""
    time, memory = plan.time, plan.memory
    epochs = report.steps[-1].event.epoch if report.steps else 0.0
    peak = float(report.peak_bytes) if report.peak_bytes is not None else None
    exactly = Interval.exactly
    yield Promise(what="finish", unit="clock", promised=exactly(report.started_utc) + time.total,
                  done=report.ended.utc if report.ended else None)  # fmt: skip
    yield Promise(what="steps", unit="count", promised=exactly(time.total_steps),
                  done=report.steps_done)  # fmt: skip
    yield Promise(what="epochs", unit="epochs", promised=exactly(time.epochs), done=epochs)
    yield Promise(what="pace", unit="pace", promised=time.tokens_per_second,
                  done=report.tokens_per_second, settled=report.over)  # fmt: skip
    yield Promise(what="peak memory", unit="bytes", promised=exactly(memory.peak_bytes), done=peak)
    spent = phases(report)
    for name in dict.fromkeys((*time.phases, *spent)):
        yield Promise(what=name, unit="seconds", promised=time.phases.get(name, NOTHING),
                      done=spent.get(name, 0.0) if report.over else None)  # fmt: skip


def phases(report: Report) -> dict[str, float]:
    """Seconds that were spent, under the names that the plan has for them."""
    planned = report.plan.time.phases
    if "settling" in planned:
        return _apart(report)
    return _together(report, planned)


def _apart(report: Report) -> dict[str, float]:
    """Every phase by itself; the rehearsal is training but for what its first steps took more."""
    seconds, ready = report.seconds, report.prepared
    start = {
        "imports": ready.import_seconds if ready else 0.0,
        "tokenising": ready.data_seconds if ready else 0.0,
        "loading": ready.load_seconds if ready else 0.0,
    }
    settling = report.rehearsed.event.settling_seconds if report.rehearsed else 0.0
    stepping = seconds.get("training", 0.0) + seconds.get("rehearsal", 0.0)
    publish = report.published.seconds if report.published else 0.0
    found = start | {
        "first look": max(seconds.get("start", 0.0) - sum(start.values()), 0.0),
        "settling": settling,
        "training": max(stepping - settling, 0.0),
        "evaluations": seconds.get("evaluations", 0.0),
        "saves": seconds.get("saves", 0.0),
        "ending": max(seconds.get("ending", 0.0) - publish, 0.0),
        "publish": publish,
    }
    others: tuple[Phase, ...] = ("trials", "lost", "away")
    return found | {phase: seconds[phase] for phase in others if phase in seconds}


def _together(report: Report, planned: Mapping[str, Interval]) -> dict[str, float]:
    """What plans of older nights foresee: `looking` is evaluations and saves; the start may hold
    the rehearsal."""
    merged: dict[str, tuple[Phase, ...]] = {"looking": ("evaluations", "saves")}
    if "rehearsal" not in planned:
        merged["start"] = ("start", "rehearsal")
    alike: dict[str, tuple[Phase, ...]] = {phase: (phase,) for phase in reading.PHASES}
    covered = {name: (alike | merged).get(name, ()) for name in planned}
    seen = {phase for some in covered.values() for phase in some}
    covered |= {phase: (phase,) for phase in report.seconds if phase not in seen}
    return {
        name: sum(report.seconds.get(phase, 0.0) for phase in some)
        for name, some in covered.items()
    }

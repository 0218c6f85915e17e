"""One night as history keeps it: what it was promised, and what it did.

In: plan.json's content and the journal's entries. Out: a `Remembered`. Never: files, a clock, text
or paths of the data.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from overnight.codec import from_json
from overnight.control.recovery import smallest
from overnight.planning.measure import measure
from overnight.report.reading import every, kept, newest
from overnight.values.choices import Rated
from overnight.values.facts import DatasetProfile, Hardware, Interval, ModelProfile
from overnight.values.ledger import (
    Chosen,
    Continued,
    Ended,
    Entry,
    Evaluated,
    Prepared,
    Published,
    Rehearsed,
    Resumed,
    Saved,
    Started,
    Stepped,
    Stopped,
)
from overnight.values.lessons import Remembered
from overnight.values.plan import Plan
from overnight.values.troubles import Crashed, Rewound, Shrunk

VERSIONED = ("overnight", "torch", "transformers")
"""What a night's pace and memory, and what was foretold of them, depend on most."""
FEWEST_STEPS = 3
"""Steps below which a pace is not worth remembering: the first two are still settling."""
AS_PLANNED = ("horizon", "window")
"""Reasons to stop at which the planned total was there to come true."""


def record(written: Mapping[str, Any], entries: Sequence[Entry], *, run: str) -> Remembered | None:
    """One night as history keeps it; None where it has taken no step. `written` is plan.json.

    Raises:
        ValueError: plan.json holds no plan.
    """
    begun, steps = newest(entries, Started), kept(entries, Stepped)
    if begun is None or not steps:
        return None
    first, plan = (from_json(written[name], Plan) for name in ("first_plan", "plan"))
    dataset = from_json(written["dataset"], DatasetProfile)
    model = from_json(written["model"], ModelProfile)
    hardware = from_json(written["hardware"], Hardware)
    stopped, over = newest(entries, Stopped), newest(entries, Ended)
    return Remembered(
        when_utc=begun.started_utc,
        kind="night" if over else "rehearsal",
        run=run,
        **surroundings(model, dataset, hardware, begun.versions),
        candidate=plan.candidate,
        fitted=smallest(plan.candidate, [entry.event for entry in entries]),
        prior=plan.prior or first.prior,  # of the rows a step that were taken in the end
        predicted=_predicted(first),
        actual=_measured(entries, first),
        night=begun.run,
        rows=dataset.num_train,
        promised=_promised(first),
        rehearsed=_promised(plan) if newest(entries, Rehearsed) else {},
        ended=stopped.reason if over and stopped else "",
        gain=_gain(entries),
        piloted=any(rated.event.best is not None for rated in every(entries, Rated)),
        well=_well(entries),
    )


def surroundings(model: ModelProfile, dataset: DatasetProfile, hardware: Hardware,
                 installed: Mapping[str, str]) -> dict[str, Any]:  # fmt: skip
    """What two nights are compared by: model, rows and machine, as `Remembered` spells them."""
    alike = ("architecture", "num_parameters", "hidden_size")
    return {name: getattr(model, name) for name in alike} | {
        "machine": machine(hardware),
        "versions": versions(installed),
        "free_bytes": hardware.memory_free_bytes,
        "avg_tokens_per_sample": dataset.avg_tokens_per_sample,
        "data": tag(dataset),
    }


def machine(hardware: Hardware) -> str:
    """Device, its number and the processors: what makes two nights comparable."""
    return (f"{hardware.num_devices} x {hardware.name} ({hardware.device}), "
            f"{hardware.cpu_count} processors")  # fmt: skip


def versions(found: Mapping[str, str]) -> str:
    """Versions as one string; what is absent is left out."""
    return ", ".join(f"{name} {found[name]}" for name in VERSIONED if found.get(name))


def tag(dataset: DatasetProfile) -> str:
    """Tells the same rows from others; of the rows nothing can be read out of it."""
    return hashlib.sha256(dataset.fingerprint.encode()).hexdigest()[:12]


def _predicted(plan: Plan) -> dict[str, float]:
    middles = {key: interval.mid for key, interval in _promised(plan).items()}
    return {"peak_bytes": float(plan.memory.peak_bytes)} | middles


def _promised(plan: Plan) -> dict[str, Interval]:
    return {
        "tokens_per_second": plan.time.tokens_per_second,
        "total": plan.time.total,
        "steps": Interval.exactly(float(plan.time.total_steps)),
    }


def _measured(entries: Sequence[Entry], first: Plan) -> dict[str, float]:
    """What was measured, under the keys of `Plan.prior`; what could not be is left out."""
    steps = [step.event for step in kept(entries, Stepped)]
    prepared, published = _first_prepared(entries), newest(entries, Published)
    found: dict[str, float | None] = {
        **_pace(entries, steps, first),
        "imports": prepared.import_seconds if prepared else None,
        "tokenising": prepared.data_seconds if prepared else None,
        "loading": prepared.load_seconds if prepared else None,
        "save": _usual([saved.event.seconds for saved in every(entries, Saved)]),
        "evaluation": _looks(entries),
        "publish": published.seconds if published and published.tested else None,
        **_total(entries, steps),
    }
    return {key: value for key, value in found.items()
            if value is not None and math.isfinite(value)}  # fmt: skip


def _first_prepared(entries: Sequence[Entry]) -> Prepared | None:
    """The first preparation: a resumption's finds the files warm."""
    return next((entry.event for entry in entries if isinstance(entry.event, Prepared)), None)


def _pace(
    entries: Sequence[Entry], steps: Sequence[Stepped], first: Plan
) -> dict[str, float | None]:
    """Pace and memory of the settings that were planned, not of what memory made of them."""
    if newest(entries, Shrunk):
        # They needed more than what was left of them; how much was there is not known for sure, for
        # limits on a process or memory in pieces are no free bytes. `fitted` says what does fit.
        least = max(first.memory.peak_bytes, *(step.peak_bytes for step in steps))
        return {"peak_bytes": float(least)}
    if len(steps) < FEWEST_STEPS:
        return {}
    seen, told = measure(steps), newest(entries, Rehearsed)
    # Of a whole night every step after the settling counts, held up or not: it took its time.
    steady = (steps[told.settled :] if told else ()) or steps
    return {
        "tokens_per_second": sum(step.tokens for step in steady)
        / sum(step.seconds for step in steady),
        "settling": told.settling_seconds if told else seen.warmup_seconds,
        "peak_bytes": float(seen.peak_bytes),
    }


def _usual(seconds: Sequence[float]) -> float | None:
    """The mean: on a busy machine a few take much longer, and a night pays for them all."""
    return fmean(seconds) if seconds else None


def _looks(entries: Sequence[Entry]) -> float | None:
    """Seconds of one evaluation of both held-out parts, which are of one size."""
    seen = [look.event for look in every(entries, Evaluated)]
    parts = {look.part for look in seen}
    return len(parts) * fmean(look.seconds for look in seen) if len(parts) == 2 else None


def _total(entries: Sequence[Entry], steps: Sequence[Stepped]) -> dict[str, float | None]:
    """Seconds from the first start to the end, of a night that nothing came between."""
    stopped, over = newest(entries, Stopped), newest(entries, Ended)
    disturbed = any(isinstance(e.event, Resumed | Crashed | Rewound | Shrunk) for e in entries)
    again = len(every(entries, Started)) > 1
    if over is None or stopped is None or disturbed or again or stopped.reason not in AS_PLANNED:
        return {}
    return {"total": every(entries, Ended)[-1].t, "steps": float(steps[-1].step)}


def _gain(entries: Sequence[Entry]) -> float | None:
    """Base minus chosen on the *select* part: the test part must not choose the next rate."""
    chosen = newest(entries, Chosen)
    if chosen is None or not {"base_select", "select"} <= set(chosen.loss):
        return None
    return chosen.loss["base_select"].loss - chosen.loss["select"].loss


def _well(entries: Sequence[Entry]) -> bool:
    """Whether the night can be an example to others."""
    over, chosen, gain = newest(entries, Ended), newest(entries, Chosen), _gain(entries)
    if over is None or chosen is None or gain is None or newest(entries, Rewound):
        return False
    if newest(entries, Continued):  # its gain is another trainer's too
        return False
    return over.exit_status == 0 and chosen.keep == "tuned" and gain > 0

"""The account of a night: promised against done, where it went, what came out.

In: a plan with its facts and the entries of the journal, or a run folder that holds both.
Out: a `Report`, and its report.json. Never: anything alive; drawing; writing files.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overnight.codec import entries_from_text, entry_to_json, from_json, to_json
from overnight.planning.advice import GOOD_ACCURACY
from overnight.report import reading
from overnight.report.account import Report
from overnight.report.promises import promises
from overnight.report.reading import Incident
from overnight.report.verdict import judge
from overnight.report.words import count_of, iso
from overnight.values.errors import InputError
from overnight.values.facts import DatasetProfile, Hardware, ModelProfile
from overnight.values.ledger import (
    Chosen,
    Ended,
    Entry,
    Evaluated,
    Forecast,
    Loss,
    Prepared,
    Published,
    Rehearsed,
    Replanned,
    Resumed,
    StageBegan,
    Started,
    Stepped,
    Stopped,
)
from overnight.values.plan import Plan
from overnight.values.request import Request
from overnight.values.troubles import Crashed

__all__ = ["Report", "as_json", "estimate", "load", "promises", "summarise"]

_HOUR = 3600.0


def summarise(plan: Plan, *, entries: Sequence[Entry], dataset: DatasetProfile,
              model: ModelProfile, hardware: Hardware, request: Request | None = None,
              ) -> Report:  # fmt: skip
    """The account of a night, whole or so far; `entries` are the journal's, in order."""
    last = entries[-1] if entries else None
    pieces = reading.segments(entries)
    rehearsed = reading.every(entries, Rehearsed)
    return Report(
        plan=plan, dataset=dataset, model=model, hardware=hardware, request=request,
        state=reading.state(entries), started=reading.newest(entries, Started),
        as_of=last.t if last else 0.0, as_of_utc=last.utc if last else 0.0,
        steps=reading.kept(entries, Stepped), evaluations=reading.curve(entries),
        base_losses=_base_losses(entries), replans=reading.kept(entries, Replanned),
        stages=reading.kept(entries, StageBegan),
        forecasts=reading.every(entries, Forecast), segments=pieces,
        seconds=reading.seconds_by_phase(pieces), incidents=reading.incidents(entries),
        answers=reading.answers(entries),
        prepared=next((e.event for e in reading.every(entries, Prepared)), None),
        rehearsed=next(iter(rehearsed), None),
        notable=_notable(entries), **_ending(entries),
        moved=reading.moved(entries), crashes=len(reading.every(entries, Crashed)),
        resumptions=len(reading.every(entries, Resumed)),
    )  # fmt: skip


def _ending(entries: Sequence[Entry]) -> dict[str, Any]:
    """What the ending said; nothing of it counts where training went on afterwards."""
    going = reading.state(entries) in ("training", "crashed", "starting", "planned")
    since = () if going else entries
    stops, ends = reading.every(since, Stopped), reading.every(since, Ended)
    return {
        "stopped": stops[-1] if stops else None,
        "chosen": reading.newest(since, Chosen),
        "published": reading.newest(since, Published),
        "ended": ends[-1] if ends else None,
    }


def _base_losses(entries: Sequence[Entry]) -> dict[str, Loss]:
    found = reading.every(entries, Evaluated)
    return {e.event.part: e.event.loss for e in found if e.event.base}


def _notable(entries: Sequence[Entry]) -> tuple[Mapping[str, object], ...]:
    kept = (e for e in entries if not isinstance(e.event, Stepped | Forecast))
    return tuple(entry_to_json(entry) for entry in kept)


def estimate(plan: Plan) -> dict[str, Any]:
    """Hours of the whole night, ending included, nine times in ten between low and high."""
    total, time, memory = plan.time.total, plan.time, plan.memory
    return {
        "total_steps": time.total_steps,
        "estimated_hours": total.mid / _HOUR,
        "low_hours": total.low / _HOUR,
        "high_hours": total.high / _HOUR,
        "tokens_per_second": time.tokens_per_second.mid,
        "fits_in_window": time.fits_in_window,
        "peak_memory_gb": memory.peak_bytes / 1e9,
        "fits_in_memory": memory.peak_bytes <= plan.memory_limit_bytes,
        "source": time.source,
    }


def _profile(plan: Plan) -> dict[str, Any]:
    """Every setting under its Hugging Face name, and guide 4's three spellings."""
    candidate = plan.candidate
    guide = {
        "batch_size": candidate.per_device_train_batch_size,
        "gradient_accumulation_steps": candidate.gradient_accumulation_steps,
        "estimated_throughput": plan.time.tokens_per_second.mid,
    }
    return guide | dict(to_json(candidate))


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / _HOUR


def _actual(report: Report) -> dict[str, Any]:
    verdict = judge(report)
    deadline = report.deadline_utc
    return {
        "state": report.state,
        "verdict": {"tone": verdict.tone, "title": verdict.title, "sentences": verdict.sentences},
        "started": iso(report.started_utc),
        "ended": iso(report.ended.utc) if report.ended else None,
        "deadline": iso(deadline) if deadline is not None else None,
        "deadline_kept": report.ended.event.deadline_kept if report.ended else None,
        "actual_hours": report.as_of / _HOUR,
        "elapsed_hours": report.as_of / _HOUR,
        "remaining_hours": _hours(report.spare_seconds),
        "eta_hours": _hours(report.eta_seconds),
        "on_track": report.on_track,
        "steps": report.steps_done,
        "horizon": report.horizon,
        "epochs": report.steps[-1].event.epoch if report.steps else 0.0,
        "tokens": report.tokens,
        "tokens_per_second": report.tokens_per_second,
        "peak_memory_gb": report.peak_bytes / 1e9 if report.peak_bytes is not None else None,
        "seconds_by_phase": dict(report.seconds),
        "crashes": report.crashes,
        "resumptions": report.resumptions,
        "stop_reason": report.stopped.event.reason if report.stopped else None,
    }


def _accuracy(report: Report) -> dict[str, Any]:
    low, high = GOOD_ACCURACY
    percent = report.accuracy
    return {
        "time_accuracy": percent,
        "good": None if percent is None else low <= percent <= high,
        "steps": report.steps_trained,
        "estimated_hours": report.planned_seconds / _HOUR if percent is not None else None,
        "actual_hours": _hours(report.seconds.get("training")) if percent is not None else None,
    }


def _loss(report: Report) -> dict[str, Any]:
    """Figures as the ending left them; before it, the newest there are."""
    chosen = report.chosen
    told = chosen.loss if chosen else {}
    base = told.get("base") or report.base_losses.get("test") or report.base_losses.get("select")
    curve = report.evaluations
    select = told.get("select") or (curve[-1].event.loss if curve else None)
    return {
        "base": to_json(base) if base else None,
        "select": to_json(select) if select else None,
        "test": to_json(told["test"]) if "test" in told else None,
        "chosen": chosen.name if chosen else None,
        "keep": chosen.keep if chosen else None,
    }


def as_json(report: Report) -> dict[str, Any]:
    """report.json as JSON's own types: guide 4's keys, then what came of it (DESIGN 8)."""
    window = report.plan.window_seconds
    request = report.request
    data: dict[str, Any] = to_json({
        "timestamp": iso(report.started_utc),
        "max_training_hours": _hours(window),
        "profile_name": request.priority if request else "balanced",
        "profile": _profile(report.plan),
        "estimate": estimate(report.plan),
        "dataset_info": {
            "num_samples": report.dataset.num_rows,
            "avg_tokens_per_sample": report.dataset.avg_tokens_per_sample,
        },
        "actual": _actual(report),
        "accuracy": _accuracy(report),
        "loss": _loss(report),
        "events": report.notable,
        "machine": to_json(report.hardware) | {
            "versions": report.started.versions if report.started else {},
        },
    })  # fmt: skip
    return data


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError as error:
        raise InputError(f"{path.parent} holds no {path.name}; name the folder of a run, "
                         "such as runs/NAME") from error  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What plan.json holds: the plan, and what it was made for."""

    plan: Plan
    first_plan: Plan
    """As it was shown before anything was measured."""
    dataset: DatasetProfile
    model: ModelProfile
    hardware: Hardware
    request: Request

    def report(self, entries: Sequence[Entry], *, torn: Sequence[int] = ()) -> Report:
        """The account of these entries; the lines `torn` of the journal could not be read."""
        made = summarise(self.plan, entries=entries, dataset=self.dataset, model=self.model,
                         hardware=self.hardware, request=self.request)  # fmt: skip
        return _with_torn(dataclasses.replace(made, first_plan=self.first_plan), torn)


def known(run_folder: Path) -> Known:
    """The plan of the night in a run folder.

    Raises:
        InputError: the folder is not a run's, or its plan.json cannot be read.
    """
    text = _read(run_folder / "plan.json")
    try:
        data = json.loads(text)
        if "request" in data and "plan" not in data:
            raise InputError(f"{run_folder} has no plan yet; look again in a moment")
        facts = {"dataset": DatasetProfile, "model": ModelProfile, "hardware": Hardware,
                 "request": Request, "plan": Plan}  # fmt: skip
        found: dict[str, Any] = {key: from_json(data[key], kind) for key, kind in facts.items()}
        return Known(first_plan=from_json(data.get("first_plan", data["plan"]), Plan), **found)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{run_folder / 'plan.json'} is not a plan of this program: {error}; "
                         "start over with --fresh") from error  # fmt: skip


def load(run_folder: Path) -> Report:
    """The account of the night that a run folder holds, whole or so far.

    Raises:
        InputError: the folder is not a run's, or its plan.json cannot be read.
    """
    found = known(run_folder)
    journal = run_folder / "events.jsonl"
    entries, torn = entries_from_text(_read(journal) if journal.exists() else "")
    return found.report(entries, torn=torn)


def _with_torn(report: Report, torn: Sequence[int]) -> Report:
    """The report with one incident for all unreadable lines of the journal."""
    if not torn:
        return report
    where = ", ".join(str(number) for number in torn[:5]) + (" ..." if len(torn) > 5 else "")
    text = f"{count_of(len(torn), 'line')} of events.jsonl cannot be read (line {where})."
    told = Incident(t=report.as_of, utc=report.as_of_utc, kind="Torn", text=text)
    return dataclasses.replace(report, incidents=(*report.incidents, told))

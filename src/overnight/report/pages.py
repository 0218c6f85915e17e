"""The page of a night: report.html, which needs nothing but itself, and report.json.

In: a Report. Out: the two files in the run folder, each replaced as a whole. Never: a request to
anywhere but for the page itself, a script of anybody else's, markup from data (autoescape on, and
every string made inert).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from overnight.report import plots, scripts, summary, svg
from overnight.report.account import Promise, Report
from overnight.report.reading import State
from overnight.report.verdict import Verdict, judge
from overnight.report.words import between, day_clock, figure, in_unit, inert, loss_words
from overnight.values.facts import Interval
from overnight.values.ledger import Loss
from overnight.values.units import show_bytes, show_count, show_duration

_TEMPLATES = Path(__file__).parent / "templates"
Home = Literal["disk", "server", "frame"]
_MOST_INCIDENTS = 200
SERVED_SECONDS = 5
"""Between two questions of a served page for its newest figures."""
READ_AGAIN_SECONDS = 60
"""After which a page on the disk reads itself again while its night goes on."""
_CHIPS = {
    "planned": "not started", "starting": "● getting ready", "training": "● still going",
    "ending": "● still going", "stopped": "■ stopped early", "failed": "✕ no model",
    "crashed": "✕ needs you",
}  # fmt: skip


def _chip(verdict: Verdict, state: State) -> str:
    """The state in a word or two, not by colour alone."""
    return _CHIPS.get(state, "✓ done" if verdict.tone == "good" else "done")


def _inert_strings(value: object) -> object:
    return inert(value) if type(value) is str else value  # Markup is ours, and no `str` itself


def environment() -> Environment:
    """Templates in which every string from outside is escaped and made inert."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined,
        finalize=_inert_strings, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"duration": show_duration, "bytes": show_bytes, "count": show_count,
                     "day": day_clock, "figure": figure, "loss": loss_words}  # fmt: skip
    return made


def _length(report: Report) -> float:
    """Seconds that time axes show: up to the deadline, unless the night was over long before."""
    window = report.deadline_utc - report.started_utc if report.deadline_utc else 0.0
    if report.over and report.as_of < 0.4 * window:
        window = 0.0
    return max(report.as_of, window, 1.0) * 1.01


def _unbroken(text: str) -> str:
    """A figure stays with its unit at the end of a line; an interval may break before `to`."""
    return text.replace(" ", "\N{NO-BREAK SPACE}").replace("\N{NO-BREAK SPACE}to", " to")


def _promise_row(promise: Promise, report: Report) -> dict[str, Any]:
    done, clock = promise.done, promise.unit == "clock"
    if done is None or (clock and not report.started):
        shown = ""
    else:
        shown = report.clock.show(done) if clock else in_unit(done, promise.unit)
    return {"what": promise.what, "promised": _span(promise.promised, promise, report),
            "before": _span(promise.before, promise, report), "done": _unbroken(shown),
            "kept": promise.kept, "moved": promise.moved}  # fmt: skip


def _span(promised: Interval | None, promise: Promise, report: Report) -> str:
    if promised is None or not promised.high:
        return ""
    if promise.unit != "clock":
        return _unbroken(between(promised, promise.unit))
    if report.started:
        return _unbroken(report.clock.span(promised.low, promised.high))
    return _unbroken(f"{between(report.plan.time.total, 'seconds')} after its start")


def _tile_loss(report: Report) -> tuple[str, str, str]:
    told: Mapping[str, Loss] = report.chosen.loss if report.chosen else {}
    if {"base", "test"} <= told.keys():
        low, high = told["test"].low, told["test"].high
        note = f"{low:.3f} to {high:.3f}; base model {told['base'].loss:.3f}"
        return ("Held-out loss", f"{told['test'].loss:.3f}", note)
    if not report.evaluations:
        return ("Held-out loss", "–", "not measured yet")
    base = report.base_losses.get("select")
    note = f"so far; base model {base.loss:.3f}" if base else "so far"
    return ("Held-out loss", f"{report.evaluations[-1].event.loss.loss:.3f}", note)


def _tile_end(report: Report) -> tuple[str, str, str]:
    clock = report.clock
    deadline = (
        f"deadline {clock.show(report.deadline_utc)}" if report.deadline_utc else "no deadline"
    )
    if report.ended:
        spare = report.spare_seconds
        words = "" if spare is None else f", {show_duration(abs(spare))}"
        side = "" if spare is None else " to spare" if spare >= 0 else " late"
        return ("Over at", clock.show(report.ended.utc), deadline + words + side)
    if report.state == "crashed":
        return ("Finishes", "–", deadline)
    if not report.started:
        return ("Takes", between(report.plan.time.total, "seconds"), "as planned")
    newest = report.forecasts[-1].event if report.forecasts else None
    low = newest.low_utc if newest else report.promised_utc.low
    high = newest.high_utc if newest else report.promised_utc.high
    return ("Finishes", clock.span(low, high), deadline)


def _tiles(report: Report) -> list[tuple[str, str, str]]:
    """What a person looks for first: (name, figure, note)."""
    pace, peak = report.tokens_per_second, report.peak_bytes
    planned = report.plan.time.tokens_per_second.mid
    epochs = in_unit(report.steps[-1].event.epoch if report.steps else 0.0, "epochs")
    return [
        _tile_loss(report),
        _tile_end(report),
        ("Steps", f"{report.steps_done:,}", f"of {report.horizon:,}, {epochs} epochs"),
        ("Tokens a second", show_count(pace) if pace else "–", f"planned {show_count(planned)}"),
        ("Peak memory", show_bytes(peak) if peak else "–",
         f"limit {show_bytes(report.plan.memory_limit_bytes)}"),
    ]  # fmt: skip


def _charts(report: Report, length: float) -> list[dict[str, Any]]:
    start = report.started_utc
    return [
        {"figure": one, "drawing": svg.draw(one, start_utc=start, length=length),
         "table": svg.table(one, start_utc=start, clock=report.clock)}
        for one in plots.figures(report)
    ]  # fmt: skip


def _drawn(report: Report, charts: list[dict[str, Any]], length: float) -> dict[str, Any]:
    """What the page's script draws: the same figures, on the clock of the night's machine."""
    gone = [segment for segment in report.segments if segment.phase in ("lost", "away")]
    start = report.started_utc
    return {
        "start": round(start, 2), "offset": svg.shift(start), "length": round(length, 2),
        "exact": report.clock.exact, "gone": [[s.start, s.end] for s in gone],
        "figures": {one["figure"].key: scripts.figure(one["figure"], one["drawing"])
                    for one in charts},
    }  # fmt: skip


def _settings(report: Report) -> list[tuple[str, str]]:
    """Every setting under its Hugging Face name; what was left open is not shown."""
    found = asdict(report.plan.candidate).items()
    return [(name, str(value)) for name, value in found if value is not None]


def _deadline_at(report: Report, length: float) -> float | None:
    if report.deadline_utc is None:
        return None
    at = 100.0 * (report.deadline_utc - report.started_utc) / length
    return at if at <= 100 else None


def render(report: Report, *, name: str, home: Home = "disk") -> str:
    """The page as one string; `name` is the run's.

    While its night goes on a page from a `server` asks that for newer figures, one on the `disk`
    reads itself again; one in a `frame` is kept new by whoever framed it.
    """
    length = _length(report)
    verdict, charts = judge(report), _charts(report, length)
    gone = [segment for segment in report.segments if segment.phase in ("lost", "away")]
    return environment().get_template("report.html.j2").render(
        report=report, name=name, verdict=verdict, chip=_chip(verdict, report.state),
        tiles=_tiles(report),
        charts=charts, settings=_settings(report), scripts=scripts, home=home,
        drawn=scripts.embedded(_drawn(report, charts, length)),
        every=SERVED_SECONDS if home == "server" else READ_AGAIN_SECONDS,
        slices=svg.slices(report.segments, length), lost=svg.slices(gone, length),
        bar_ticks=svg.x_ticks(report.started_utc, length),
        deadline_at=_deadline_at(report, length),
        promises=[_promise_row(promise, report) for promise in summary.promises(report)],
        incidents=report.incidents[:_MOST_INCIDENTS],
        more_incidents=max(len(report.incidents) - _MOST_INCIDENTS, 0),
    )  # fmt: skip


def _replace(path: Path, text: str) -> Path:
    """Write beside and rename, so that a reader meets the old file or the new one, never half."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return path


def write(report: Report, run_folder: Path) -> tuple[Path, ...]:
    """report.html and report.json in the run folder; the paths in this order."""
    data = summary.as_json(report) | {"figures": plots.as_json(report)}
    text = json.dumps(data, indent=1, allow_nan=False)
    page = render(report, name=run_folder.resolve().name)
    return (_replace(run_folder / "report.html", page), _replace(run_folder / "report.json", text))

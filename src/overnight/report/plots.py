"""Figures as data: what is drawn on the page and written into report.json.

In: a Report. Out: `Figure` values with at most 2,000 points a line, lowest and highest kept.
Never: drawing (svg.py), layout.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from overnight.codec import to_json
from overnight.report.account import Report
from overnight.values.units import show_bytes

MOST_POINTS = 2000
Point = tuple[float, float]
Role = Literal["raw", "main", "marked", "reference", "outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a figure."""

    name: str
    role: Role
    """How it stands out: `raw` faint, `main` strong, `marked` with dots, `reference` dashed,
    `outcome` what came of it all."""
    points: tuple[Point, ...]
    low: tuple[float, ...] = ()
    """Lower ends of the points' intervals, where they have them."""
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An instant that is named: a deadline, a resumption."""

    x: float
    name: str
    trouble: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure; x is always seconds since the night's first start."""

    key: str
    title: str
    unit: str
    """Of y, as `words.in_unit` takes it, or `loss`, `rate`, `clock`."""
    caption: str
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw yet."""
        return not any(line.points for line in self.lines)


def thinned(points: Sequence[Point], limit: int = MOST_POINTS) -> tuple[Point, ...]:
    """At most `limit` points: of every equal stretch the lowest and the highest, and both ends.

    What is not finite cannot be drawn and is left out.
    """
    sound = [point for point in points if math.isfinite(point[1])]
    if len(sound) <= limit:
        return tuple(sound)
    stretches = max((limit - 2) // 2, 1)
    inner, kept = sound[1:-1], [sound[0]]
    for part in range(stretches):
        piece = inner[len(inner) * part // stretches : len(inner) * (part + 1) // stretches]
        ends = {min(piece, key=lambda p: p[1]), max(piece, key=lambda p: p[1])}
        kept += sorted(ends)
    return (*kept, sound[-1])


def smoothed(points: Sequence[Point]) -> list[Point]:
    """An exponential mean over about a fiftieth of the points, unbiased at its beginning."""
    keep = 1.0 - 1.0 / max(len(points) / 50.0, 4.0)
    total, weight = 0.0, 0.0
    calm = []
    for x, y in points:
        if math.isfinite(y):
            total, weight = keep * total + (1 - keep) * y, keep * weight + (1 - keep)
            calm.append((x, total / weight))
    return calm


def _level(name: str, y: float, report: Report, role: Role = "reference") -> Line:
    """A level across the whole night, what is still to come of it included."""
    ahead = report.deadline_utc - report.started_utc if report.deadline_utc else 0.0
    end = report.as_of if report.over else max(report.as_of, ahead)
    return Line(name=name, role=role, points=((0.0, y), (end, y)))


def _troubles(report: Report) -> Iterator[Mark]:
    names = {"Crashed": "crash", "Rewound": "rewind", "Shrunk": "memory ran out",
             "Diagnosed": "a bad sign"}  # fmt: skip
    for incident in report.incidents:
        if incident.kind in names:
            yield Mark(x=incident.t, name=names[incident.kind], trouble=True)


def _stages(report: Report) -> Iterator[Mark]:
    for one in report.stages:
        yield Mark(x=one.t, name=f"stage {one.event.stage + 1}")


def _loss(report: Report) -> Figure:
    raw = [(step.t, step.event.loss) for step in report.steps]
    lines = [
        Line(name="training, each step", role="raw", points=thinned(raw)),
        Line(name="training, smoothed", role="main", points=thinned(smoothed(raw))),
    ]
    held = [e for e in report.evaluations if math.isfinite(e.event.loss.loss)]
    if held:
        lines.append(Line(
            name="held out (select)", role="marked",
            points=tuple((e.t, e.event.loss.loss) for e in held),
            low=tuple(e.event.loss.low for e in held), high=tuple(e.event.loss.high for e in held),
        ))  # fmt: skip
    base = report.base_losses.get("select") or report.base_losses.get("test")
    if base:
        lines.append(_level("base model", base.loss, report))
    test = report.chosen.loss.get("test") if report.chosen else None
    if test and report.ended:
        lines.append(Line(name="result (test)", role="outcome", low=(test.low,), high=(test.high,),
                          points=((report.ended.t, test.loss),)))  # fmt: skip
    return Figure(
        key="loss", title="Loss", unit="loss", lines=tuple(lines),
        marks=(*_stages(report), *_troubles(report)),
        caption="Mean negative log-likelihood a learnt token, in nats; bars are 95 % intervals.",
    )  # fmt: skip


def _learning_rate(report: Report) -> Figure:
    points = [(step.t, step.event.learning_rate) for step in report.steps]
    marks = [Mark(x=r.t, name=f"horizon {r.event.horizon:,}") for r in report.replans]
    return Figure(
        key="learning_rate", title="Learning rate", unit="rate",
        lines=(Line(name="learning rate", role="main", points=thinned(points)),),
        marks=tuple(marks), caption="It is to land at zero at the horizon.",
    )  # fmt: skip


def _pace(report: Report) -> Figure:
    raw = [(s.t, s.event.tokens / s.event.seconds) for s in report.steps if s.event.seconds > 0]
    lines = [
        Line(name="each step", role="raw", points=thinned(raw)),
        Line(name="smoothed", role="main", points=thinned(smoothed(raw))),
    ]
    if raw:
        lines.append(_level("planned", report.plan.time.tokens_per_second.mid, report))
    return Figure(key="pace", title="Pace", unit="pace", lines=tuple(lines),
                  caption="Tokens a second, padding not counted.")  # fmt: skip


def _memory(report: Report) -> Figure:
    raw = [(step.t, float(step.event.peak_bytes)) for step in report.steps]
    lines = [Line(name="peak of each step", role="main", points=thinned(raw))]
    if raw:
        lines.append(_level("planned", float(report.plan.memory.peak_bytes), report))
    limit = float(report.plan.memory_limit_bytes)
    if raw and limit < 2 * max(y for _, y in raw):  # else it would flatten all there is to see
        lines.append(_level("limit", limit, report, "outcome"))
    return Figure(key="memory", title="Memory", unit="bytes", lines=tuple(lines),
                  marks=tuple(m for m in _troubles(report) if m.name == "memory ran out"),
                  caption=f"Peak at each step; there are {show_bytes(limit)}.")  # fmt: skip


def _forecasts(report: Report) -> Figure:
    told = report.forecasts[:: len(report.forecasts) // MOST_POINTS + 1]
    expected = Line(
        name="forecast of the end", role="marked",
        points=tuple((f.t, f.event.mid_utc) for f in told),
        low=tuple(f.event.low_utc for f in told), high=tuple(f.event.high_utc for f in told),
    )  # fmt: skip
    lines = [expected]
    if told and report.deadline_utc is not None:
        lines.append(_level("deadline", report.deadline_utc, report))
    if told and report.ended:
        lines.append(_level("the end as it came", report.ended.utc, report, "outcome"))
    return Figure(
        key="forecasts", title="When it said it would be over", unit="clock", lines=tuple(lines),
        caption="Each forecast with the interval that is to hold nine times in ten.",
    )  # fmt: skip


_DRAWN: tuple[Callable[[Report], Figure], ...] = (
    _loss, _forecasts, _learning_rate, _pace, _memory,
)  # fmt: skip


def figures(report: Report) -> tuple[Figure, ...]:
    """Every figure that has something to show."""
    return tuple(figure for draw in _DRAWN if not (figure := draw(report)).empty)


def as_json(report: Report) -> dict[str, Any]:
    """The figures by key, and the phases, as JSON's own types; x in seconds since the start."""
    drawn = {figure.key: to_json(figure) for figure in figures(report)}
    return drawn | {"phases": to_json(report.segments)}

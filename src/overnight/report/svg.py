"""Figures as drawings: paths, ticks and labels in numbers that the page's template puts down.

In: a `Figure` and the stretch of time that it is to show. Out: a `Drawing` on a canvas of 1000 x
1000 that may be stretched to any shape, since lines keep their width and words stay outside it.
Never: colours, sizes in pixels, markup.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from overnight.report.plots import Figure, Line, Mark, Point
from overnight.report.reading import Segment
from overnight.report.words import Clock, figure, in_unit, rate
from overnight.values.units import show_bytes

SIZE = 1000.0
_CLOCK_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600,
                43200, 86400, 172800, 604800)  # fmt: skip
_SHOWN: dict[str, Callable[[float], str]] = {"rate": rate, "bytes": show_bytes}
_GIB = float(1 << 30)
_MOST_ROWS = 24
_MOST_DOTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A word at an axis; `at` in per cent from the left or from the top."""

    at: float
    text: str
    minor: bool = False
    """May be left out where there is little room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A named instant; `written` out on `all` screens, on `wide` ones or on `none`."""

    at: float
    text: str
    trouble: bool
    written: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """One line of the figure as path data; `bars` and `dots` only where points have intervals."""

    name: str
    role: str
    path: str
    bars: str = ""
    dots: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Everything that the template needs to draw one figure."""

    strokes: tuple[Stroke, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    labels: tuple[Label, ...]
    outside: int
    """Points above or below the part of the axis that is shown."""
    frame: tuple[float, float] = (0.0, 1.0)
    """Lowest and highest value that are shown."""


@dataclass(frozen=True, slots=True)
class _Frame:
    x0: float
    x1: float
    y0: float
    y1: float

    def place(self, point: Point) -> tuple[float, float]:
        """Canvas coordinates; what is far outside is kept just outside."""
        x = SIZE * (point[0] - self.x0) / max(self.x1 - self.x0, 1e-12)
        y = SIZE * (self.y1 - point[1]) / max(self.y1 - self.y0, 1e-12)
        return min(max(x, -50.0), 1050.0), min(max(y, -50.0), 1050.0)


def nice_step(span: float, most: int) -> float:
    """The step of 1, 2 or 5 times a power of ten that makes at most `most` steps of `span`."""
    rough = span / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= rough * 0.999999)


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def shift(utc: float) -> float:
    """Seconds that local time is ahead of UTC, so that ticks fall on whole local hours."""
    offset = datetime.fromtimestamp(utc, UTC).astimezone().utcoffset()
    return offset.total_seconds() if offset else 0.0


def clock_ticks(low: float, high: float, *, most: int = 8) -> list[tuple[float, str]]:
    """Round local times between two instants in UTC seconds."""
    longest = _CLOCK_STEPS[-1]
    step = next((s for s in _CLOCK_STEPS if (high - low) / s <= most), longest)
    ahead = shift(low)
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%d %b"
    found = _multiples(low + ahead, high + ahead, step)
    return [(at - ahead, f"{datetime.fromtimestamp(at, UTC):{form}}") for at in found]


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[round(share * (len(ordered) - 1))]


def _heights(line: Line) -> Iterator[float]:
    """The heights that must be seen: of a faint line all but its one per cent of spikes."""
    values = sorted(y for _, y in line.points)
    if line.role == "raw" and values:
        yield _quantile(values, 0.005)
        yield _quantile(values, 0.995)
        return
    yield from values
    yield from line.low
    yield from line.high


def _frame(drawn: Figure, x_end: float) -> _Frame:
    heights = [y for line in drawn.lines for y in _heights(line) if math.isfinite(y)]
    low, high = min(heights), max(heights)
    if drawn.unit in ("rate", "pace", "bytes"):
        low = 0.0
    room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    return _Frame(0.0, max(x_end, 1e-9), low - (room if low else 0.0), high + room)


def _path(points: Sequence[Point], frame: _Frame) -> str:
    places = [frame.place(point) for point in points]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places) if places else ""


def _bars(line: Line, frame: _Frame) -> str:
    ends = zip(line.points, line.low, line.high, strict=True) if line.low else ()
    pieces = []
    for (x, _), low, high in ends:
        (left, bottom), (_, top) = frame.place((x, low)), frame.place((x, high))
        pieces.append(f"M{left:.1f} {bottom:.1f}V{top:.1f}")
    return "".join(pieces)


def _stroke(line: Line, frame: _Frame) -> Stroke:
    if not line.low:
        return Stroke(name=line.name, role=line.role, path=_path(line.points, frame))
    places = [frame.place(point) for point in line.points]
    crowded = len(places) > _MOST_DOTS
    dots = "" if crowded else "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)
    return Stroke(name=line.name, role=line.role, path=_path(line.points, frame),
                  bars=_bars(line, frame), dots=dots)  # fmt: skip


def value_words(value: float, unit: str, clock: Clock) -> str:
    """One height of a figure in words."""
    if unit == "clock":
        return clock.show(value)
    if unit == "rate":
        return rate(value)
    return f"{value:.3f}" if unit == "loss" and math.isfinite(value) else in_unit(value, unit)


def _y_ticks(frame: _Frame, unit: str) -> tuple[Tick, ...]:
    if unit == "clock":
        found = clock_ticks(frame.y0, frame.y1, most=5)
    else:
        size = _GIB if unit == "bytes" else 1.0
        step = size * nice_step((frame.y1 - frame.y0) / size, 7)
        show = _SHOWN.get(unit, figure)
        found = [(y, show(y)) for y in _multiples(frame.y0, frame.y1, step)]
    return tuple(Tick(at=frame.place((0.0, y))[1] / 10, text=text) for y, text in found)


def x_ticks(start_utc: float, length: float) -> tuple[Tick, ...]:
    """Clock times along a stretch of the night that begins at `start_utc`."""
    found = clock_ticks(start_utc, start_utc + length)
    return tuple(
        Tick(at=100 * (utc - start_utc) / max(length, 1e-9), text=text, minor=bool(place % 2))
        for place, (utc, text) in enumerate(found)
    )


def _labels(marks: Sequence[Mark], frame: _Frame) -> Iterator[Label]:
    """Named instants; a name that would run into the one before it is not written out."""
    free, free_on_phone = -1.0, -1.0
    for mark in sorted(marks, key=lambda m: m.x):
        at = frame.place((mark.x, 0.0))[0] / 10
        written = "all" if at >= free_on_phone else "wide" if at >= free else "none"
        yield Label(at=at, text=mark.name, trouble=mark.trouble, written=written)
        free = at + 14 if written != "none" else free
        free_on_phone = at + 42 if written == "all" else free_on_phone


def draw(drawn: Figure, *, start_utc: float, length: float) -> Drawing:
    """The figure from the night's start over `length` seconds."""
    frame = _frame(drawn, length)
    heights = [y for line in drawn.lines for _, y in line.points]
    return Drawing(
        strokes=tuple(_stroke(line, frame) for line in drawn.lines),
        x_ticks=x_ticks(start_utc, length),
        y_ticks=_y_ticks(frame, drawn.unit),
        labels=tuple(_labels(drawn.marks, frame)),
        outside=sum(not frame.y0 <= y <= frame.y1 for y in heights),
        frame=(frame.y0, frame.y1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One piece of the phase bar, in per cent of its width."""

    left: float
    width: float
    phase: str
    title: str


def slices(segments: Sequence[Segment], length: float) -> tuple[Slice, ...]:
    """The phase bar of a night that is shown over `length` seconds."""
    scale = 100.0 / max(length, 1e-9)
    return tuple(
        Slice(left=s.start * scale, width=(s.end - s.start) * scale, phase=s.phase,
              title=f"{s.phase}, {in_unit(s.end - s.start, 'seconds')}")
        for s in segments
    )  # fmt: skip


def table(drawn: Figure, *, start_utc: float, clock: Clock) -> tuple[tuple[str, ...], ...]:
    """The figure in words: at most 24 instants, with each line's newest value at each of them."""
    lines = [line for line in drawn.lines if line.points]
    longest = max(lines, key=lambda line: len(line.points)).points
    stride = (len(longest) - 1) // _MOST_ROWS + 1
    instants = [x for x, _ in longest[::stride]]
    rows = [("Time", *(line.name for line in lines))]
    moving = (line for line in lines if line.role in ("raw", "main", "marked"))
    for x in sorted({*instants, *(line.points[-1][0] for line in moving)}):
        cells = (_value_at(line, x, drawn.unit, clock) for line in lines)
        rows.append((clock.show(start_utc + x), *cells))
    return tuple(rows)


def _value_at(line: Line, x: float, unit: str, clock: Clock) -> str:
    before = bisect_right(line.points, x, key=lambda point: point[0])
    return value_words(line.points[before - 1][1], unit, clock) if before else ""

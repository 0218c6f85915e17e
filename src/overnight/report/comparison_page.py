"""A comparison as one page: the verdict, timelines, bars, quality against time, all tables.

In: a `Comparison`. Out: HTML that needs nothing but itself. Never: a request, markup from names, a
figure without its interval where it has one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from overnight.report import comparison, jobs
from overnight.report.comparison_words import relabelled, short, verdict
from overnight.report.pages import environment
from overnight.report.svg import nice_step
from overnight.report.words import figure
from overnight.values.comparison import Compared, Comparison, Spread
from overnight.values.units import show_count, show_duration

HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One interval on a scale, in per cent of its width."""

    name: str
    left: float
    width: float
    mid: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A figure of bars: one row a setting."""

    title: str
    caption: str
    rows: tuple[Bar, ...]
    from_zero: bool = True
    """Bars that begin at zero are filled from there; others float."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One setting of the scatter, in per cent from the left and from the top."""

    name: str
    x: float
    y: float
    low: float
    high: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """Quality against time."""

    dots: tuple[Dot, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


def bars(title: str, caption: str, spreads: Iterable[tuple[str, Spread]], *,
         show: Callable[[float], str], from_zero: bool = True) -> Bars | None:  # fmt: skip
    """A figure of bars; None where there is nothing to draw."""
    found = list(spreads)
    if not found:
        return None
    low = 0.0 if from_zero else min(spread.low for _, spread in found)
    high = max(max(spread.high, spread.mid) for _, spread in found)
    room = (high - low) or abs(high) or 1.0
    if not from_zero:
        low, room = low - 0.05 * room, 1.1 * room
    rows = tuple(_bar(name, spread, low, room, show) for name, spread in found)
    return Bars(title=title, caption=caption, rows=rows, from_zero=from_zero)


def _bar(name: str, spread: Spread, low: float, room: float, show: Callable[[float], str]) -> Bar:
    left, mid, right = (100.0 * (value - low) / room
                        for value in (spread.low, spread.mid, spread.high))  # fmt: skip
    text = show(spread.mid)
    if spread.known and show(spread.low) != show(spread.high):
        text = f"{text} ({show(spread.low)} to {show(spread.high)})"
    return Bar(name=short(name), left=left, width=max(right - left, 0.0), mid=mid, text=text)


def _loss(value: float) -> str:
    return f"{value:.3f}"


def figures(found: Comparison) -> list[Bars]:
    """Timelines, speed and losses, as far as they were measured."""
    settings = found.settings
    at_time = [(one.name, one.at_time.loss) for one in settings if one.at_time]
    at_work = [(one.name, one.at_work.loss) for one in settings if one.at_work]
    made = (
        bars("The whole job", "Training alone, from its slowest slice to its fastest.",
             ((one.name, one.job_seconds) for one in settings), show=show_duration),
        bars("Speed", "All tokens a second, padding left out.",
             ((one.name, one.tokens_per_second) for one in settings), show=show_count),
        bars("Held-out loss after the same time", "Nats a token, 95 %; further left is better.",
             at_time, show=_loss, from_zero=False),
        bars("Held-out loss after the same work", "Nats a token, 95 %; further left is better.",
             at_work, show=_loss, from_zero=False),
    )  # fmt: skip
    return [one for one in made if one is not None]


def _quality(one: Compared, found: Comparison) -> Spread | None:
    """Per cent of the reference's gain after the same work; the reference itself has 100."""
    if one is found.reference:
        return Spread(mid=100.0, low=100.0, high=100.0, n=1)
    outcome = one.at_work or one.at_time
    return outcome.quality if outcome else None


def scatter(found: Comparison) -> Scatter | None:
    """Quality against the whole job's time; None where fewer than two settings have both."""
    known = [(one, quality) for one in found.settings
             if (quality := _quality(one, found)) is not None]  # fmt: skip
    if len(known) < 2:
        return None
    x_high = 1.1 * max(one.job_seconds.high for one, _ in known) / HOUR
    y_low = min(0.0, *(quality.low for _, quality in known))
    y_high = max(100.0, *(quality.high for _, quality in known))
    room = 1.08 * (y_high - y_low)

    def top(value: float) -> float:
        return 100.0 * (y_low + room - value) / room

    dots = tuple(
        Dot(name=short(one.name), x=100.0 * one.job_seconds.mid / HOUR / x_high,
            y=top(quality.mid), low=top(quality.low), high=top(quality.high),
            text=f"{quality.mid:.0f} %, {show_duration(one.job_seconds.mid)}")
        for one, quality in known
    )  # fmt: skip
    return Scatter(dots=dots, x_ticks=_ticks(0.0, x_high, lambda value: f"{figure(value)} h"),
                   y_ticks=tuple((top(at), text) for at, text in
                                 _values(y_low, y_low + room, lambda v: f"{v:.0f} %")))  # fmt: skip


def _values(low: float, high: float, show: Callable[[float], str]) -> list[tuple[float, str]]:
    step = nice_step(high - low, 5)
    first = int(low // step) + (low % step > 0)
    return [(n * step, show(n * step)) for n in range(first, int(high // step) + 1)]


def _ticks(low: float, high: float, show: Callable[[float], str]) -> tuple[tuple[float, str], ...]:
    return tuple((100.0 * (at - low) / (high - low), text) for at, text in _values(low, high, show))


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[Sequence[str], ...]:
    return (tuple(columns), *rows)


def render(found: Comparison) -> str:
    """The page as one string."""
    named, letters = relabelled(found)
    work = ("setting", "what", "equal time", "equal work", "seen")
    told = verdict(named)
    return environment().get_template("comparison.html.j2").render(
        found=named, letters=letters, verdict=told, conclusion=_conclusion(told, found),
        figures=figures(named), scatter=scatter(named), conditions=comparison.conditions(named),
        savings=[(short(one.name), jobs.saved(every[0], one)) for every in [jobs.measured(named)]
                 for one in every],
        tables=(("Speed and memory", _table(comparison.SPEED, comparison.speed_rows(named))),
                ("Held-out loss", _table(comparison.LOSS, comparison.loss_rows(named))),
                ("What it took", _table(work, comparison.work_rows(named, letters)))),
    )  # fmt: skip


def _conclusion(told: Sequence[str], found: Comparison) -> str:
    """The sentence that says which to take: it stands after one for each of the others."""
    place = len(found.settings) - 1
    return told[place] if place < len(told) else ""

"""The guides' pictures from real estimates: timelines, a summary, savings, a calendar.

In: plans that were made, or settings that were measured, for one job. Out: tables and lines on a
console. Never: an hour that nothing stands behind; a saving within the noise told as one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from overnight.report import tables
from overnight.report.comparison_words import risk as seen_risk
from overnight.report.comparison_words import short
from overnight.report.words import day_clock, inert_line, rate
from overnight.values.comparison import Compared, Comparison, Spread
from overnight.values.facts import Interval
from overnight.values.plan import Candidate, Plan
from overnight.values.units import show_bytes, show_duration

HOUR, DAY = 3600.0, 86400.0
_WIDEST = 60
_FEWEST = 10
NOTHING = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One way to do the same job."""

    name: str
    candidate: Candidate
    seconds: Interval
    """From its start to its end."""
    steps: int
    memory_bytes: int
    memory_limit_bytes: int | None = None
    quality: Spread | None = None
    """Per cent of the first one's gain, where it was measured."""
    risk: str = "not measured"


def planned(name: str, plan: Plan) -> Job:
    """A plan as a job: what is estimated, nothing of what only a measurement tells. Where a clock
    ends it, it takes no longer than that."""
    most = float("inf")
    if plan.window_seconds is not None:
        most = max(plan.window_seconds - plan.reserve.margin, 0.0)
    total = plan.time.total
    whole = Interval(low=min(total.low, most), mid=min(total.mid, most), high=min(total.high, most))
    return Job(name=name, candidate=plan.candidate, seconds=whole,
               steps=plan.time.total_steps, memory_bytes=plan.memory.peak_bytes,
               memory_limit_bytes=plan.memory_limit_bytes)  # fmt: skip


def measured(found: Comparison) -> list[Job]:
    """The settings of a comparison, the reference first."""
    return [_measured(one) for one in found.settings]


def _measured(one: Compared) -> Job:
    whole = one.job_seconds
    return Job(
        name=one.name, candidate=one.candidate, steps=one.job_steps, memory_bytes=one.peak_bytes,
        seconds=Interval(low=whole.low, mid=whole.mid, high=whole.high),
        quality=one.at_time.quality if one.at_time else None, risk=seen_risk(one),
    )  # fmt: skip


def span(seconds: Interval) -> str:
    """ "13 h 10 m to 18 h 02 m"; one figure where both read the same."""
    low, high = show_duration(seconds.low), show_duration(seconds.high)
    return low if low == high else f"{low} to {high}"


def timelines(jobs: Sequence[Job], width: int, *, plain: bool = False) -> list[Text]:
    """One bar a job on one scale: sure to take so long, and perhaps so long."""
    longest = max(job.seconds.high for job in jobs)
    names = max(len(short(job.name)) for job in jobs)
    words = max(len(span(job.seconds)) for job in jobs)
    room = max(min(width - names - words - 4, _WIDEST), _FEWEST)
    sure, perhaps = ("#", ".") if plain else ("█", "░")
    made = []
    for job in jobs:
        low = max(round(room * job.seconds.low / longest), 1)
        high = max(round(room * job.seconds.high / longest), low)
        line = Text(f"{short(job.name):<{names}}  ")
        line.append(sure * low, style="green").append(perhaps * (high - low), style="yellow")
        made.append(line.append(f"  {span(job.seconds)}"))
    return made


def summary(jobs: Sequence[Job]) -> Table:
    """Guide 5's summary: a row a setting, a column a job."""
    made = tables.table("", *(short(job.name) for job in jobs))
    for name, told in _SUMMARY:
        cells = [told(job) for job in jobs]
        if any(cell != NOTHING for cell in cells):
            tables.row(made, name, *cells)
    return made


def _memory(job: Job) -> str:
    if not job.memory_bytes:
        return NOTHING
    limit = job.memory_limit_bytes
    too_much = limit is not None and job.memory_bytes > limit
    return show_bytes(job.memory_bytes) + (" (too much)" if too_much else "")


def _quality(job: Job) -> str:
    found = job.quality
    if found is None or not found.known:
        return NOTHING
    return f"{found.mid:.0f} % ({found.low:.0f} to {found.high:.0f})"


_SUMMARY: tuple[tuple[str, Callable[[Job], str]], ...] = (
    ("method", lambda job: job.candidate.method),
    ("rows a micro-batch", lambda job: str(job.candidate.per_device_train_batch_size)),
    ("accumulation", lambda job: str(job.candidate.gradient_accumulation_steps)),
    ("precision", lambda job: job.candidate.precision),
    ("checkpointing", lambda job: "yes" if job.candidate.gradient_checkpointing else "no"),
    ("learning rate", lambda job: rate(job.candidate.learning_rate)),
    ("time", lambda job: span(job.seconds)),
    ("peak memory", _memory),
    ("quality", _quality),
    ("risk", lambda job: job.risk),
)


def savings(jobs: Sequence[Job]) -> Table:
    """Steps, hours, days, and what each saves of the first one's hours."""
    made = tables.table("configuration", "steps", "hours", "days", "saved", right=range(1, 5))
    for job in jobs:
        mid = job.seconds.mid
        tables.row(made, short(job.name), f"{job.steps:,}", _figure(mid / HOUR),
                   _figure(mid / DAY), saved(jobs[0], job))  # fmt: skip
    return made


def _figure(value: float) -> str:
    return f"{value:,.1f}" if value >= 10 else f"{value:.2g}"


def saved(first: Job, job: Job) -> str:
    """Against the first; where the intervals overlap that is no saving yet."""
    if job is first:
        return NOTHING
    if job.seconds.high < first.seconds.low or job.seconds.low > first.seconds.high:
        gain = first.seconds.mid - job.seconds.mid
        return show_duration(gain) if gain > 0 else f"{show_duration(-gain)} longer"
    return "not to be told"


def calendar(jobs: Sequence[Job], start_utc: float) -> list[Text]:
    """When each is done if it begins at this instant."""
    names = max(len(short(job.name)) for job in jobs)
    told = [Text(f"{'start':<{names}}  {day_clock(start_utc)}")]
    for job in jobs:
        end = start_utc + job.seconds.mid
        done = f"{short(job.name):<{names}}  {day_clock(end)} done"
        told.append(Text(f"{done}, {_when(start_utc, end)}"))
    return told


def _when(start_utc: float, end_utc: float) -> str:
    """How that meets a person's day."""
    start, end = (datetime.fromtimestamp(at, UTC).astimezone() for at in (start_utc, end_utc))
    nights = (end.date() - start.date()).days
    if nights == 0:
        return "the same day"
    if nights == 1 and end.hour < 11:
        return "wake up to it"
    return "the next day" if nights == 1 else f"after {nights} nights"


def show(jobs: Sequence[Job], console: Console, *, start_utc: float, how: str) -> None:
    """All four pictures; `how` says where the hours are from."""
    plain = not console.encoding.lower().startswith("utf")
    lines(console, f"Timelines ({inert_line(how)})",
          timelines(jobs, console.width - 2, plain=plain))  # fmt: skip
    tables.show(console, "Side by side", summary(jobs))
    tables.show(console, f"Hours, and what is saved against {short(jobs[0].name)}", savings(jobs))
    lines(console, "If it began now", calendar(jobs, start_utc))


def lines(console: Console, title: str, told: Sequence[Text]) -> None:
    """A title and lines under it that fit by themselves."""
    console.print()
    console.print(Text(title, style="bold"))
    for line in told:
        console.print(Text("  ").append_text(line), highlight=False, soft_wrap=True)

"""How true past plans were: what history holds, held against what came.

In: remembered nights, the newest first, and the lessons drawn from them. Out: figures, sentences,
tables on a console. Never: a new estimate (planning/lessons.py).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console

from overnight.planning.advice import GOOD_ACCURACY
from overnight.report.tables import line, row, show, table
from overnight.report.words import date, inert_line
from overnight.values.facts import Interval
from overnight.values.lessons import Lesson, Lessons, Remembered
from overnight.values.units import show_count, show_duration

LAST = 10
"""Plans that the summary looks at."""
SHOWN = 20
"""Nights that are listed, the newest."""
WIDTH, NAME = 80, 10
"""Characters of a narrow terminal, and those of a night's name on it."""
_TAIL = re.compile("(For|LMHead|Model).*")
"""What transformers puts behind a family's name."""
NAMED = {
    "tokens_per_second": "pace",
    "peak_bytes": "memory",
    "imports": "imports",
    "tokenising": "reading the data",
    "loading": "loading the model",
    "settling": "first steps",
    "save": "a save",
    "evaluation": "an evaluation",
    "publish": "publishing",
}
"""The keys of `Plan.prior` in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """How true one figure of several plans was."""

    plans: int
    error: float
    """The median distance from what came, as a share of it."""
    good: int
    """Plans within 85 to 115 %."""
    held: int
    """Intervals that what came lay in."""
    intervals: int


def accuracy(record: Remembered, key: str = "total") -> float | None:
    """Estimated over actual in per cent; None where one of them is not known."""
    said, came = record.predicted.get(key), record.actual.get(key)
    return 100.0 * said / came if said and came else None


def truth(records: Sequence[Remembered], key: str, *, after: bool = False) -> Truth | None:
    """How true the plans' figure was, before the rehearsal or `after` it; None without any."""
    pairs = ((_said(record, key, after=after), record.actual.get(key)) for record in records)
    told = [(said, came) for said, came in pairs if said and came]
    if not told:
        return None
    shares = [100.0 * said.mid / came for said, came in told]
    spans = [(said, came) for said, came in told if said.low < said.high]
    return Truth(
        plans=len(told),
        error=median(abs(share / 100.0 - 1.0) for share in shares),
        good=sum(GOOD_ACCURACY[0] <= share <= GOOD_ACCURACY[1] for share in shares),
        held=sum(said.low <= came <= said.high for said, came in spans),
        intervals=len(spans),
    )


def _said(record: Remembered, key: str, *, after: bool) -> Interval | None:
    if after:
        return record.rehearsed.get(key)
    mid = record.predicted.get(key)
    return record.promised.get(key) or (Interval.exactly(mid) if mid else None)


def summary(records: Sequence[Remembered]) -> dict[str, Truth]:
    """How true time, pace and memory of the last plans were, as far as they are known."""
    last = [record for record in records if record.kind == "night"][:LAST]
    # A night that the clock ends takes its window, whatever was planned: no merit of the plan.
    free = [record for record in last if record.ended == "horizon"]
    found = {
        "time, its steps done": truth(free, "total"),
        "the same, rehearsed": truth(free, "total", after=True),
        "pace before rehearsing": truth(last, "tokens_per_second"),
        "pace after it": truth(last, "tokens_per_second", after=True),
        "memory": truth(last, "peak_bytes"),
    }
    return {name: each for name, each in found.items() if each is not None}


def print_past(groups: Mapping[str, tuple[Sequence[Remembered], Lessons]], console: Console
               ) -> None:  # fmt: skip
    """Machine by machine: the nights, the summary, and what a next plan starts from."""
    for place, (machine, (records, lessons)) in enumerate(groups.items()):
        line(console, "\n" if place else "", (machine, "bold"))
        _times(records[:SHOWN], console)
        _paces(records[:SHOWN], console)
        if len(records) > SHOWN:
            line(console, f"  {len(records) - SHOWN} older ones: --json shows them all")
        _summed(records, console)
        _next(lessons, console)


def _times(records: Sequence[Remembered], console: Console) -> None:
    made = table("begun", "night", "planned", "nine times in ten", "took", "accuracy",
                 right=(2, 4, 5))  # fmt: skip
    for record in records:
        span, share = record.promised.get("total"), accuracy(record)
        row(made, date(record.when_utc), _name(record, console),
            _shown(record.predicted.get("total"), show_duration),
            f"{show_duration(span.low)} to {show_duration(span.high)}" if span else "-",
            _shown(record.actual.get("total"), show_duration),
            f"{share:.0f} %" if share else _why_unknown(record))  # fmt: skip
    show(console, "Time", made)


def _why_unknown(record: Remembered) -> str:
    """Why a night's total is not held against its plan."""
    if record.kind == "rehearsal":
        return "not over"
    return "resumed" if record.ended in ("horizon", "window") else record.ended


def _paces(records: Sequence[Remembered], console: Console) -> None:
    made = table("night", "trained", "rows", "planned", "after", "done", "GiB",
                 right=(2, 3, 4, 5, 6))  # fmt: skip
    for record in records:
        after = record.rehearsed.get("tokens_per_second")
        row(made, _name(record, console), f"{_model(record)} {record.candidate.method}",
            show_count(record.rows),
            _shown(record.predicted.get("tokens_per_second"), show_count),
            _shown(after.mid if after else None, show_count),
            _shown(record.actual.get("tokens_per_second"), show_count),
            _memory(record))  # fmt: skip
    title = "Tokens a second planned, after the rehearsal, done; memory and its accuracy"
    show(console, title, made)


def _name(record: Remembered, console: Console) -> str:
    """A long name is cut on a narrow terminal, so that a night stays one line."""
    return inert_line(record.run, limit=NAME + max(console.width - WIDTH, 0))


def _model(record: Remembered) -> str:
    """`Llama 0.26 M` of a LlamaForCausalLM with 260 thousand parameters."""
    count = record.num_parameters
    size = f"{count / 1e6:.2g} M" if count < 1e7 else show_count(count)
    return f"{_TAIL.sub('', record.architecture)} {size}"


def _memory(record: Remembered) -> str:
    used, share = record.actual.get("peak_bytes"), accuracy(record, "peak_bytes")
    gib = "-" if used is None else f"{used / 2**30:.1f}"
    return gib if share is None else f"{gib}, {share:.0f} %"


def _shown(value: float | None, show: Callable[[float], str]) -> str:
    return "-" if value is None else show(value)


def _summed(records: Sequence[Remembered], console: Console) -> None:
    good = "{:.0f} to {:.0f} %".format(*GOOD_ACCURACY)
    made = table("", "plans", "median error", good, "intervals held",
                 right=(1, 2, 3, 4))  # fmt: skip
    for name, found in summary(records).items():
        held = f"{found.held} of {found.intervals}" if found.intervals else "-"
        row(made, name, str(found.plans), f"{100 * found.error:.0f} %",
            f"{found.good} of {found.plans}", held)  # fmt: skip
    if made.row_count:
        show(console, "How true the last plans were", made)


def _next(lessons: Lessons, console: Console) -> None:
    """By what a plan like the newest one is corrected."""
    made = table("", "times the arithmetic's", "nine times in ten", "nights", right=(1, 3))
    for key, lesson in _known(lessons):
        span = f"{lesson.ratio.low:.2f} to {lesson.ratio.high:.2f}"
        row(made, NAMED[key], f"{lesson.ratio.mid:.2f}", span, str(lesson.nights))
    if lessons.learning_rate is not None:
        row(made, "learning rate", f"{lessons.learning_rate:.2g}", "beat the rule's", "")
    if made.row_count:
        show(console, "A next plan like the last one starts from", made)


def _known(lessons: Lessons) -> Iterator[tuple[str, Lesson]]:
    for key in NAMED:
        lesson = lessons.about(key)
        if lesson is not None:
            yield key, lesson

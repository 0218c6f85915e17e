"""What the terminal shows of the data, at a glance during, and after a night.

In: profiles, reports, a status; instants are given. Out: tables and lines on the given
console, plain where it has no colour. Never: markup or control characters from data, a decision.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from overnight.report import tables
from overnight.report.account import Report
from overnight.report.live import LiveView
from overnight.report.promises import promises
from overnight.report.reading import Answers
from overnight.report.verdict import judge
from overnight.report.words import Clock, between, in_unit, inert, inert_line
from overnight.values.facts import DatasetProfile, Interval
from overnight.values.units import show_count

__all__ = ["Example", "LiveView", "print_dataset", "print_ending"]

PROMPT_END = 160
"""Characters of a prompt that are shown: its end is what the answer goes on from."""
Example = Sequence[tuple[str, bool]]
"""One row as the model will see it: pieces of text, each with whether it is learnt."""

_TONES = {"good": "bold green", "fair": "bold yellow", "bad": "bold red", "going": "bold blue"}


def _profile(profile: DatasetProfile) -> Table:
    table = tables.table("", "")
    table.show_header = False
    shared = " (one part: there are too few rows)" if profile.shared_heldout else ""
    names = ("shortest", "median", "90 %", "99 %", "longest")
    lengths = zip(names, profile.length_percentiles, strict=True)
    tables.row(table, "format", profile.format)
    parts = (
        f"{profile.num_train:,} to train on, {profile.num_select:,} to choose by, "
        f"{profile.num_test:,} to judge by{shared}"
    )
    counts = f"{show_count(profile.num_tokens)}, {show_count(profile.learnt_tokens)} of them learnt"
    tables.row(table, "rows", f"{profile.num_rows:,}: {parts}")
    if profile.sampled is not None:
        words = f"{profile.sampled.words}; held-out rows come from all"
        tables.row(table, "sample", words)
    tables.row(table, "tokens", f"{counts}; {profile.avg_tokens_per_sample:.0f} a row")
    tables.row(table, "row lengths", ", ".join(f"{name} {length:,}" for name, length in lengths))
    for name, told in (*_doubt(profile), *_batching(profile)):
        tables.row(table, name, told)
    tables.row(table, "chat template", profile.chat_template)
    return table


def _doubt(profile: DatasetProfile) -> Iterator[tuple[str, str]]:
    """How sure the tokens are, where they are those of a sample."""
    within = profile.tokens_interval
    if profile.counted_rows is not None and within is not None:
        ends = f"{_close(within.low)} to {_close(within.high)}"
        yield "counted", f"{profile.counted_rows:,} rows; all have {ends} tokens, nine times in ten"


def _close(count: float) -> str:
    """Millions with three places: an interval's ends lie near each other."""
    return f"{count / 1e6:,.3f} M" if count >= 1e6 else f"{count:,.0f}"


def _batching(profile: DatasetProfile) -> Iterator[tuple[str, str]]:
    """What cutting, padding and packing make of the rows."""
    cuts = [f"{_share(cut)} at max_length {name}" for name, cut in profile.truncation.items()]
    if cuts:
        yield "cut off", f"{', '.join(cuts)} (of the tokens)"
    words = {"shuffled": "in random order", "bucketed": "sorted by length, as is done"}
    said = [f"{_share(profile.padding_shares[name])} {how}" for name, how in words.items()
            if name in profile.padding_shares]  # fmt: skip
    if said:
        yield "padding", f"{', '.join(said)} (8 rows a micro-batch)"
    if profile.packing_fill is not None:
        yield "packing", f"packed rows would be {_share(profile.packing_fill)} full"


def _share(share: float) -> str:
    """Per cent, with a place more where there is little of it."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _findings(profile: DatasetProfile) -> Table:
    table = tables.table("rows", "what", "first at", right=(0,))
    for finding in profile.findings:
        tables.row(table, f"{finding.count:,}", finding.what, finding.example)
    return table


def _example(pieces: Example, *, coloured: bool) -> Text:
    text = Text()
    for piece, learnt in pieces:
        if coloured or not learnt:
            text.append(inert(piece), style="green" if learnt else "dim")
        else:
            text.append(f"[[{inert(piece)}]]")
    return text


def print_dataset(profile: DatasetProfile, *, examples: Sequence[Example] = (),
                  console: Console) -> None:  # fmt: skip
    """What is in the data, what looks wrong, and rows with what would be learnt marked."""
    tables.line(console, ("Data  ", "bold"), profile.path)
    console.print(Padding(_profile(profile), (0, 0, 0, 2), expand=False), highlight=False)
    if profile.findings:
        tables.show(console, "Worth a look", _findings(profile))
    coloured = console.color_system is not None and not console.no_color
    how = "green" if coloured else "between [[ and ]]"
    for number, pieces in enumerate(examples, start=1):
        title = f"Example {number} (what is learnt stands {'in ' if coloured else ''}{how})"
        console.print()
        console.print(Text(title, style="bold"))
        text = _example(pieces, coloured=coloured)
        console.print(Padding(text, (0, 0, 0, 2), expand=False), highlight=False)


def _promised(report: Report) -> Table:
    """Promised against done; where a rehearsal corrected the plan, with what it said before."""
    shown = [
        promise for promise in promises(report)
        if promise.done is not None and (promise.promised.high or promise.done)
    ]  # fmt: skip
    corrected = any(promise.before for promise in shown)
    names = ("planned", "rehearsed") if corrected else ("promised",)
    table = tables.table("", *names, "done", "")
    for promise in shown:
        moved = "its end was moved" if promise.moved else ""
        held = {True: "inside", False: "outside", None: moved}[promise.kept]
        said = [_said(promise.promised, promise.unit, report.clock)]
        if corrected:
            said.insert(0, _said(promise.before, promise.unit, report.clock))
        done = _figure(promise.done or 0.0, promise.unit, report.clock)
        tables.row(table, promise.what, *said, done, held)
    return table


def _said(promised: Interval | None, unit: str, clock: Clock) -> str:
    if promised is None or not promised.high:
        return "-"
    return clock.span(promised.low, promised.high) if unit == "clock" else between(promised, unit)


def _figure(done: float, unit: str, clock: Clock) -> str:
    return clock.show(done) if unit == "clock" else in_unit(done, unit)


def _answers(pairs: Iterable[Answers]) -> Table:
    """Each prompt's end, with what the base model and the tuned one wrote to it."""
    table = tables.table("prompt (its end)", "base model", "after the night")
    for pair in pairs:
        words = inert_line(pair.prompt, limit=10_000)
        end = words if len(words) <= PROMPT_END else "…" + words[-PROMPT_END:]
        tables.row(table, end, inert_line(pair.before or ""), inert_line(pair.after or ""))
    return table


def print_ending(report: Report, *, run_folder: Path, console: Console) -> None:
    """The verdict, promised against done, and where the model and the report lie."""
    verdict = judge(report)
    console.print()
    tables.line(console, (verdict.title, _TONES[verdict.tone]))
    for sentence in verdict.sentences:
        tables.labelled(console, "", sentence)
    tables.show(console, "Promised against done", _promised(report))
    answered = [pair for pair in report.answers if pair.before and pair.after]
    if answered:
        tables.show(console, "Before and after", _answers(answered))
    console.print()
    if report.published:
        tables.line(console, ("Model   ", "bold"), str(run_folder / "final"), wrap=False)
    tables.line(console, ("Report  ", "bold"), str(run_folder / "report.html"), wrap=False)

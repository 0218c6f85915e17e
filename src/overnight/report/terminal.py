"""What the terminal shows before, at a glance during, and after a night.

In: plans, profiles, reports, a status; instants are given. Out: tables and lines on the given
console, plain where it has no colour. Never: markup or control characters from data, a decision.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from overnight.report.account import Report
from overnight.report.live import Finish, LiveView
from overnight.report.reading import Answers
from overnight.report.summary import promises
from overnight.report.verdict import judge
from overnight.report.words import Clock, between, in_unit, inert, inert_line, rate
from overnight.values.facts import DatasetProfile, Hardware, ModelProfile
from overnight.values.plan import Plan
from overnight.values.units import show_bytes, show_count, show_duration

__all__ = ["Example", "LiveView", "print_dataset", "print_ending", "print_plan"]

PROMPT_END = 160
"""Characters of a prompt that are shown: its end is what the answer goes on from."""
Example = Sequence[tuple[str, bool]]
"""One row as the model will see it: pieces of text, each with whether it is learnt."""

_TONES = {"good": "bold green", "fair": "bold yellow", "bad": "bold red", "going": "bold blue"}


def _line(console: Console, *parts: str | tuple[str, str], wrap: bool = True) -> None:
    """One line of borrowed text made inert; a part may be (text, style). Paths are not wrapped."""
    texts = [(part, "") if isinstance(part, str) else part for part in parts]
    line = Text.assemble(*((inert(text), style) for text, style in texts))
    console.print(line, highlight=False, soft_wrap=not wrap)


def _labelled(console: Console, label: str, *lines: str | tuple[str, str]) -> None:
    """A bold word, and lines beside it that wrap within their own column."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for place, line in enumerate(lines):
        text, style = (line, "") if isinstance(line, str) else line
        grid.add_row(Text(label if place == 0 else "", style="bold"), Text(inert(text), style))
    console.print(grid, highlight=False)


def _table(*columns: str, right: Iterable[int] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place in right else "left", overflow="fold")
    return table


def _row(table: Table, *cells: str, style: str = "") -> None:
    table.add_row(*(Text(inert(cell)) for cell in cells), style=style)


def _show(console: Console, title: str, body: Table | Group) -> None:
    console.print()
    console.print(Text(title, style="bold"))
    console.print(Padding(body, (0, 0, 0, 2), expand=False), highlight=False)


def _settings(plan: Plan) -> Table:
    table = _table("setting", "value", "why")
    for reason in plan.reasons:
        why = f"{reason.why} (given)" if reason.given and "you" not in reason.why else reason.why
        _row(table, reason.setting, reason.value, why)
    return table


def _times(plan: Plan) -> Table:
    table = _table("phase", "expected", "nine times in ten", right=(1,))
    for phase, seconds in plan.time.phases.items():
        _row(table, phase, show_duration(seconds.mid), between(seconds, "seconds"))
    total = plan.time.total
    _row(table, "all", show_duration(total.mid), between(total, "seconds"), style="bold")
    return table


def _memory(plan: Plan, *, ink: str) -> Table:
    table = _table("part", "size", "", right=(1,))
    limit = max(plan.memory_limit_bytes, 1)
    for part, size in sorted(plan.memory.parts.items(), key=lambda item: -item[1]):
        _row(table, part, show_bytes(size), ink * round(24 * min(size / limit, 1.0)))
    peak = plan.memory.peak_bytes
    share = f"{100 * peak / limit:.0f} % of {show_bytes(limit)}"
    _row(table, "peak", show_bytes(peak), share, style="bold")
    return table


def _headline(plan: Plan, dataset: DatasetProfile, model: ModelProfile) -> str:
    chosen, rows = plan.candidate, plan.candidate.rows_per_step
    method = {"lora": f"LoRA r {chosen.lora_r}", "qlora": f"QLoRA r {chosen.lora_r}",
              "full": "full fine-tuning"}[chosen.method]  # fmt: skip
    what = f"{method} of {model.path} ({show_count(model.num_parameters)} parameters)"
    data = f"{dataset.path} ({show_count(dataset.num_train)} rows)"
    epochs = in_unit(plan.time.epochs, "epochs")
    work = f"{plan.time.total_steps:,} steps of {rows} rows, {epochs} epochs"
    return f"{what} on {data}: {work}, learning rate {rate(chosen.learning_rate)}"


def _finish(plan: Plan, now_utc: float) -> Finish:
    total, window = plan.time.total, plan.window_seconds
    exact = (window or total.mid) < 3600
    high = total.high
    wanted = plan.time.steps_wanted
    if window is not None and (wanted is None or wanted > plan.time.total_steps >= 1):
        high = min(high, window - plan.reserve.margin)  # the clock ends it: fewer steps, not later
    return Finish(low=now_utc + min(total.low, high), high=now_utc + high,
                  deadline=now_utc + window if window is not None else None,
                  clock=Clock(near=now_utc, exact=exact))  # fmt: skip


def print_plan(plan: Plan, *, dataset: DatasetProfile, model: ModelProfile, hardware: Hardware,
               console: Console, now_utc: float | None = None) -> None:  # fmt: skip
    """The plan with its reasons, its time and memory, and what was not chosen.

    With `now_utc` the finish is told as times of day, as if the night began then.
    """
    devices = f"{hardware.num_devices} x " if hardware.num_devices > 1 else ""
    machine = f"on {devices}{hardware.name}, {show_bytes(hardware.memory_bytes)}"
    notes = [(inert_line(note), "yellow") for note in plan.notes]
    _labelled(console, "Plan", _headline(plan, dataset, model), machine, *notes)
    _show(console, "Settings", _settings(plan))
    _show(console, f"Time (by {plan.time.source})", _times(plan))
    if now_utc is not None:
        console.print(Text("  ").append_text(_finish(plan, now_utc).words()), highlight=False)
    ink = "▇" if console.encoding.lower().startswith("utf") else "#"
    _show(console, "Memory", _memory(plan, ink=ink))
    if plan.rejections:
        table = _table("what", "why")
        for rejection in plan.rejections:
            _row(table, rejection.what, rejection.why)
        _show(console, "Not chosen", table)


def _profile(profile: DatasetProfile) -> Table:
    table = _table("", "")
    table.show_header = False
    shared = " (one part: there are too few rows)" if profile.shared_heldout else ""
    names = ("shortest", "median", "90 %", "99 %", "longest")
    lengths = zip(names, profile.length_percentiles, strict=True)
    _row(table, "format", profile.format)
    parts = (
        f"{profile.num_train:,} to train on, {profile.num_select:,} to choose by, "
        f"{profile.num_test:,} to judge by{shared}"
    )
    counts = f"{show_count(profile.num_tokens)}, {show_count(profile.learnt_tokens)} of them learnt"
    _row(table, "rows", f"{profile.num_rows:,}: {parts}")
    _row(table, "tokens", f"{counts}; {profile.avg_tokens_per_sample:.0f} a row")
    _row(table, "row lengths", ", ".join(f"{name} {length:,}" for name, length in lengths))
    _row(table, "chat template", profile.chat_template)
    return table


def _findings(profile: DatasetProfile) -> Table:
    table = _table("rows", "what", "first at", right=(0,))
    for finding in profile.findings:
        _row(table, f"{finding.count:,}", finding.what, finding.example)
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
    _line(console, ("Data  ", "bold"), profile.path)
    console.print(Padding(_profile(profile), (0, 0, 0, 2), expand=False), highlight=False)
    if profile.findings:
        _show(console, "Worth a look", _findings(profile))
    coloured = console.color_system is not None and not console.no_color
    how = "green" if coloured else "between [[ and ]]"
    for number, pieces in enumerate(examples, start=1):
        title = f"Example {number} (what is learnt stands {'in ' if coloured else ''}{how})"
        console.print()
        console.print(Text(title, style="bold"))
        text = _example(pieces, coloured=coloured)
        console.print(Padding(text, (0, 0, 0, 2), expand=False), highlight=False)


def _promised(report: Report) -> Table:
    table = _table("", "promised", "done", "")
    clock = report.clock
    for promise in promises(report):
        if promise.done is None or not (promise.promised.high or promise.done):
            continue
        if promise.unit == "clock":
            said = clock.span(promise.promised.low, promise.promised.high)
            done = clock.show(promise.done)
        else:
            said, done = (
                between(promise.promised, promise.unit),
                in_unit(promise.done, promise.unit),
            )
        held = {True: "inside", False: "outside", None: ""}[promise.kept]
        _row(table, promise.what, said if promise.promised.high else "-", done, held)
    return table


def _answers(pairs: Iterable[Answers]) -> Table:
    """Each prompt's end, with what the base model and the tuned one wrote to it."""
    table = _table("prompt (its end)", "base model", "after the night")
    for pair in pairs:
        words = inert_line(pair.prompt, limit=10_000)
        end = words if len(words) <= PROMPT_END else "…" + words[-PROMPT_END:]
        _row(table, end, inert_line(pair.before or ""), inert_line(pair.after or ""))
    return table


def print_ending(report: Report, *, run_folder: Path, console: Console) -> None:
    """The verdict, promised against done, and where the model and the report lie."""
    verdict = judge(report)
    console.print()
    _line(console, (verdict.title, _TONES[verdict.tone]))
    for sentence in verdict.sentences:
        _labelled(console, "", sentence)
    _show(console, "Promised against done", _promised(report))
    answered = [pair for pair in report.answers if pair.before and pair.after]
    if answered:
        _show(console, "Before and after", _answers(answered))
    console.print()
    if report.published:
        _line(console, ("Model   ", "bold"), str(run_folder / "final"), wrap=False)
    _line(console, ("Report  ", "bold"), str(run_folder / "report.html"), wrap=False)

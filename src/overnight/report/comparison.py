"""A comparison as tables: in the terminal, as Markdown, as JSON.

In: a `Comparison`. Out: tables on the given console within its width; comparison.json and
comparison.md in the run folder. Never: a figure without what it varied between; a decision.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from overnight.codec import to_json
from overnight.report import jobs, tables
from overnight.report.comparison_words import relabelled, risk, settings_words, short, verdict
from overnight.report.words import inert, inert_line, iso
from overnight.values.comparison import Compared, Comparison, Outcome, Spread
from overnight.values.units import show_bytes, show_count, show_duration

JSON, MARKDOWN, PAGE = "comparison.json", "comparison.md", "comparison.html"
NOTHING = "-"
_ESCAPED = str.maketrans({"|": "\\|", "<": "&lt;", "\n": " "})
SPEED = ("setting", "tokens/s", "against first", "whole job", "memory", "a step")
LOSS = ("setting", "at equal time", "quality", "at equal work", "quality")


def speed_rows(found: Comparison) -> list[tuple[str, ...]]:
    """One row a setting: pace, ratio, step, time for the whole job, peak memory."""
    return [_speed_row(one, first=one is found.reference) for one in found.settings]


def _speed_row(one: Compared, *, first: bool) -> tuple[str, ...]:
    pace, speed = one.tokens_per_second, one.speed
    span = f" ({show_count(pace.low)}-{show_count(pace.high)})" if pace.known else ""
    ratio = f" ({speed.low:.2g}-{speed.high:.2g})" if speed.known else ""
    return (
        short(one.name),
        f"{show_count(pace.mid)}{span}",
        "1" if first else f"{speed.mid:.3g}x{ratio}",
        _job(one),
        show_bytes(one.peak_bytes) if one.peak_bytes else NOTHING,
        show_duration(one.step_seconds.mid),
    )


def _job(one: Compared) -> str:
    low, high = show_duration(one.job_seconds.low), show_duration(one.job_seconds.high)
    return low if low == high else f"{low} to {high}"


def loss_rows(found: Comparison) -> list[tuple[str, ...]]:
    """One row a setting: held-out losses with intervals, and shares of the first one's gain."""
    rows: list[tuple[str, ...]] = []
    for one in found.settings:
        first = one is found.reference
        rows.append((short(one.name), _loss(one.at_time), _quality(one.at_time, first=first),
                     _loss(one.at_work), _quality(one.at_work, first=first)))  # fmt: skip
    return rows


def _loss(outcome: Outcome | None) -> str:
    if outcome is None:
        return NOTHING
    loss = outcome.loss
    return f"{loss.mid:.3f} ({loss.low:.2f}-{loss.high:.2f})" if loss.known else f"{loss.mid:.3f}"


def _quality(outcome: Outcome | None, *, first: bool) -> str:
    if outcome is None:
        return NOTHING
    share: Spread | None = outcome.quality
    if first or share is None:
        return "100 %" if first else NOTHING
    return f"{share.mid:.0f} % ({share.low:.0f}-{share.high:.0f})" if share.known else NOTHING


def _what(one: Compared, letters: Mapping[str, str]) -> str:
    """What a setting came to, after its name where the table has a letter for that."""
    name = f"{letters[one.name]}: " if one.name in letters else ""
    return f"{name}{settings_words(one.candidate)}"


def work_rows(found: Comparison, letters: Mapping[str, str]) -> list[tuple[str, ...]]:
    """One row a setting: what it took to get there."""
    return [(short(one.name), _what(one, letters), _work(one.at_time), _work(one.at_work),
             risk(one)) for one in found.settings]  # fmt: skip


def _work(outcome: Outcome | None) -> str:
    if outcome is None:
        return NOTHING
    steps, tokens = f"{outcome.steps:,.0f}", show_count(outcome.learnt_tokens)
    return f"{steps} steps, {tokens} tokens, {show_duration(outcome.seconds)}"


def conditions(found: Comparison) -> list[str]:
    """On what, and how it was measured."""
    data, model = inert_line(found.data), inert_line(found.model)
    base = "" if found.base_loss is None else f"; the base model's loss is {found.base_loss:.3f}"
    said = [f"{model} on {data}, {found.machine}, {found.versions}, {iso(found.when_utc)}."]
    if found.seconds:
        both = sum(one.at_work is not None for one in found.settings) > 1
        work = f"; equal work is {show_count(found.work)} supervised tokens" if both else ""
        said.append(
            f"Each setting trained {show_duration(found.seconds)} a seed, {found.seeds or 1} "
            f"seed{'s' if found.seeds > 1 else ''}, in turns with the others, its rate brought to "
            f"zero at its own end{work}. "
            f"Losses are of {found.rows:,} held-out rows, in nats a token, each setting looked at "
            f"in the precision that it trains in{base}."
        )
    said.append(
        "Speed is of all tokens, between the slowest and the fastest slice; the ratio of "
        "supervised tokens a second is paired slice by slice, 95 %, the noise pooled over the "
        "settings. Losses and quality (the share "
        f"of the first setting's gain over the base): 95 % bootstrap over {_drawn(found)}. The "
        "whole job is training alone."
    )
    return said


def _drawn(found: Comparison) -> str:
    if found.seeds > 1:
        return "rows and seeds"
    return "rows; what another seed would change is not in it"


def show(found: Comparison, console: Console) -> None:
    """The tables and the verdict on a console."""
    found, letters = relabelled(found)
    speed = [row[:-1] for row in speed_rows(found)]  # the last column is for wider pages
    tables.show(console, "Speed and memory", _table(SPEED[:-1], speed, right=(1, 2, 3, 4)))
    if any(one.at_time or one.at_work for one in found.settings):
        tables.show(console, "Held-out loss", _table(LOSS, loss_rows(found), right=(1, 2, 3, 4)))
    plain = not console.encoding.lower().startswith("utf")
    jobs.lines(console, "The whole job, training alone",
               jobs.timelines(jobs.measured(found), console.width - 2, plain=plain))  # fmt: skip
    risks = [(short(one.name), _what(one, letters), risk(one)) for one in found.settings]
    tables.show(console, "Settings and risk", _table(("setting", "what", "seen"), risks))
    console.print()
    for sentence in verdict(found):
        tables.line(console, sentence)
    console.print()
    for sentence in conditions(found):
        tables.line(console, (sentence, "dim"))


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], *,
           right: Iterable[int] = ()) -> Any:  # fmt: skip
    made = tables.table(*columns, right=right)
    for row in rows:
        tables.row(made, *row)
    return made


def markdown(found: Comparison) -> str:
    """The same as one page of Markdown."""
    found, letters = relabelled(found)
    work = ("setting", "what", "equal time", "equal work", "seen")
    parts = [
        f"# {inert_line(found.model)} on {inert_line(found.data)}, settings side by side",
        "\n\n".join(verdict(found)),
        _markdown(SPEED, speed_rows(found)),
        _markdown(LOSS, loss_rows(found)),
        _markdown(work, work_rows(found, letters)),
        "\n\n".join([*conditions(found), *map(inert_line, found.notes)]),
    ]
    return "\n\n".join(parts) + "\n"


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = ["| " + " | ".join(inert(cell).translate(_ESCAPED) for cell in row) + " |"
            for row in (columns, ("---",) * len(columns), *rows)]  # fmt: skip
    return "\n".join(body)


def json_object(found: Comparison) -> dict[str, Any]:
    """What `--json` prints and comparison.json holds."""
    figures: dict[str, Any] = to_json(found)
    named, letters = relabelled(found)
    return figures | {"letters": letters, "verdict": verdict(named)}


def write(found: Comparison, folder: Path, *, page: str) -> dict[str, Any]:
    """Puts comparison.json, comparison.md and the page into place; the content of the first."""
    content = json_object(found)
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    for name, whole in ((JSON, text + "\n"), (MARKDOWN, markdown(found)), (PAGE, page)):
        new = folder / f".{name}.new"
        new.write_text(whole, encoding="utf-8")
        os.replace(new, folder / name)
    return content

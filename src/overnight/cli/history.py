"""`overnight history`: how true past plans were, and what a next one starts from.

In: the flags as typer read them. Out: the exit status. Never: a figure of its own (report/past.py,
planning/lessons.py), anything sent anywhere.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from overnight.cli.flags import JSON, Flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overnight.training.history import History
    from overnight.values.lessons import Lessons, Remembered

FLAGS = (
    JSON,
    Flag("export", "--export", str, "Write every night as a line of JSON.", "FILE"),
    Flag("delete", "--delete", bool, "Delete all that is remembered."),
    Flag("delete_run", "--delete-run", str, "Delete what is remembered of one night.", "NAME"),
)
EMPTY = ("No night is remembered yet in {path}.\nEvery `overnight train` adds one when its "
         "rehearsal is over; the next plan starts from it.")  # fmt: skip
TURNED_OFF = "History is turned off (OVERNIGHT_HISTORY=off): nothing is remembered."


def history(given: dict[str, Any]) -> int:
    """How true past plans were; what the next starts from."""
    from overnight.training.history import History, place
    from overnight.values.errors import InputError

    path = place(os.environ)
    if path is None:
        typer.echo(TURNED_OFF)
        return 0
    kept = History(path)
    if given["delete"] and given["delete_run"]:
        raise InputError("--delete and --delete-run are both given; keep one")
    if given["delete"] or given["delete_run"]:
        return _delete(kept, given["delete_run"])
    if given["export"]:
        return _export(kept, Path(given["export"]))
    return _show(kept, as_json=given["json"])


def _delete(kept: "History", name: str | None) -> int:
    """One night or all.

    Raises:
        InputError: no night has that name.
    """
    from overnight.report.words import count_of
    from overnight.values.errors import InputError

    count = kept.delete_run(name) if name else kept.delete_all()
    if name and not count:
        raise InputError(f"no night called {name} is remembered; `overnight history` lists them")
    typer.echo(f"deleted {count_of(count, 'night')} from {kept.path}")
    return 0


def _export(kept: "History", file: Path) -> int:
    """Every night as one line of JSON, in a file that was not there.

    Raises:
        InputError: the file is there or cannot be written.
    """
    from overnight.report.words import count_of
    from overnight.values.errors import InputError

    lines = list(kept.lines())
    try:
        with file.open("x", encoding="utf-8") as into:
            into.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise InputError(f"--export {file}: {error.strerror}; name a file that is not there yet"
                         ) from error  # fmt: skip
    typer.echo(f"wrote {count_of(len(lines), 'night')} to {file}")
    return 0


def _show(kept: "History", *, as_json: bool) -> int:
    groups = _groups(kept.records())
    if as_json:
        from overnight.report.words import json_text

        typer.echo(json_text(history_object(kept.path, groups)))
        return 0
    if not groups:
        typer.echo(EMPTY.format(path=kept.path))
        return 0
    from rich.console import Console

    from overnight.report.past import print_past

    print_past(groups, Console())
    typer.echo(f"\nKept in {kept.path}, and nowhere else.")
    return 0


Groups = dict[str, tuple["Sequence[Remembered]", "Lessons"]]


def _groups(records: "Sequence[Remembered]") -> Groups:
    """Machine by machine: its nights, and the lessons for one more like the newest."""
    from overnight.planning.alike import again
    from overnight.planning.lessons import lessons

    machines = dict.fromkeys(record.machine for record in records)
    own = {name: [record for record in records if record.machine == name] for name in machines}
    return {name: (nights, lessons(nights, again(nights[0]))) for name, nights in own.items()}


def history_object(path: Path, groups: Groups) -> dict[str, Any]:
    """Everything that `overnight history` knows."""
    from overnight.codec import to_json
    from overnight.report.past import accuracy, summary

    return {
        "path": str(path),
        "machines": [
            {
                "machine": name,
                "summary": to_json(summary(nights)),
                "lessons": to_json(known),
                "nights": [to_json(night) | {"accuracy": accuracy(night)} for night in nights],
            }
            for name, (nights, known) in groups.items()
        ],
    }

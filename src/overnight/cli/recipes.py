"""`overnight recipes ls|copy`: flags in, recipes listed or copied.

In: the flags as typer read them. Out: the exit status. Never: deciding anything.
"""

from pathlib import Path
from typing import Any

import typer

from overnight.cli.flags import JSON, Flag

FLAGS = (
    Flag("act", "ACT", str, "ls or copy."),
    Flag("name", "NAME", str, "Of the recipe that is copied."),
    Flag("output_dir", "--output-dir", str, "Where to; else a folder of its name.", "FOLDER"),
    JSON,
)


def recipes(given: dict[str, Any]) -> int:
    """Small projects to copy: ls, or copy NAME."""
    from overnight.values.errors import InputError

    act, name = given["act"] or "ls", given["name"]
    if act not in ("ls", "copy"):
        raise InputError(f"recipes {act}: expected ls, or copy NAME")
    if act == "ls":
        return _list(as_json=given["json"])
    if not name:
        raise InputError("recipes copy: which one? See overnight recipes ls")
    from overnight.story.recipes import copy

    target = copy(name, Path(given["output_dir"]) if given["output_dir"] else None)
    typer.echo(f"{name} -> {target}; begin with {target / 'README.md'}")
    return 0


def _list(*, as_json: bool) -> int:
    from overnight.report.words import json_text
    from overnight.story.recipes import every

    found = every()
    if as_json:
        typer.echo(json_text([{"name": one.name, "about": one.about} for one in found]))
        return 0
    for one in found:
        typer.echo(f"{one.name:24}{one.about}")
    typer.echo("\novernight recipes copy NAME puts one into a folder of its own.")
    return 0

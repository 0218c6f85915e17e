"""Writes docs/commands.md: every command with its flags, in the words of its own help.

In: the command line as it is built. Out: one page; `--check` only says whether it is as it should
be. Never: runs a command.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from overnight.cli.app import build

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "commands.md"
HEAD = """# The command line

RUN is a run folder or its name under `runs/`; without one the newest is meant. Settings may also
stand in a `--config` file (YAML, TOML, JSON, `.env`), in `OVERNIGHT_*` variables or in a `.env`
beside you; flags are stronger than these, and every translation is echoed. `overnight COMMAND
--help` prints the same. `python tools/map_commands.py` writes this page.

| exit status | means |
|---|---|
| 0 | the planned end, or the window's end |
| 2 | the input is wrong: one line says what, where and how to mend it |
| 3 | no plan fits, or nothing could be published |
| 4 | ended early, with a usable `final/` |
| 1 | a fault of ours |
"""


def section(name: str, command: Any) -> Iterator[str]:
    """The lines of one command."""
    shown = [one for one in command.params if one.name != "help"]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    words = " ".join(["overnight", name, *(f"[{bare(one)}]" for one in arguments)])
    yield from ("", f"## {name}", "", f"    {words}", "", command.help or "", "")
    yield from ("| | |", "|---|---|")
    for one in shown:
        yield f"| `{spelled(one)}` | {escaped(one.help or '')} |"


def bare(argument: Any) -> str:
    """DATA, RUN ..."""
    return str(argument.metavar or argument.name).strip("[]").upper()


def spelled(one: Any) -> str:
    """`--within TIME`."""
    if one.param_type_name == "argument":
        return bare(one)
    takes = "" if one.is_flag else f" {one.metavar}"
    return f"{one.opts[0]}{takes}".replace("|", "\\|")


def escaped(text: str) -> str:
    """A help text in a table's cell."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def page() -> str:
    """The whole page."""
    commands = typer.main.get_command(build()).commands  # type: ignore[attr-defined]
    lines = [line for name, command in commands.items() if not command.hidden
             for line in section(name, command)]  # fmt: skip
    return "\n".join([HEAD.rstrip(), *lines, ""])


def main() -> int:
    """0 where the page is as it should be, or is now."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
        print("" if same else "docs/commands.md is old: python tools/map_commands.py", end="")
        return 0 if same else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

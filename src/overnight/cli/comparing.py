"""`overnight compare`: settings as people write them, each as a night that could be asked for.

In: the flags as typer read them. Out: the exit status. Never: what is measured (compare.py), which
values a named configuration has (planning/configurations.py).
"""

import os
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overnight.cli.flags import JSON, NIGHT_FLAGS, RUN, Flag

if TYPE_CHECKING:
    from overnight.cli.settings import Surroundings
    from overnight.story.comparing import Asked, Setting
    from overnight.values.request import Request

OURS = "overnight"
"""The setting that leaves everything to the plan."""
USUAL = "baseline,optimized,aggressive,overnight"
SEEDS = 2
_NOT_HERE = ("max_steps", "resume_from_checkpoint", "processes", "patience", "learning_rate")
FLAGS = (
    *(flag for flag in NIGHT_FLAGS if flag.key not in _NOT_HERE),
    Flag("settings", "--settings", str,
         f"What is compared, the first is the reference: names, files, a=1+b=2 ({USUAL}).",
         "A,B,..."),
    Flag("seeds", "--seeds", str, f"How often each is trained, with other seeds ({SEEDS}).", "N"),
    Flag("fresh", "--fresh", bool, "Move what is in its folder aside and start over."),
    Flag("renew", "--renew", bool, "The deadline has passed: the same length again, from now."),
    JSON,
)  # fmt: skip
WORK_FLAGS = (RUN,)
_PRECISION = ("precision", "fp16", "bf16")


def compare(given: dict[str, Any]) -> int:
    """Settings side by side, on your model, data and machine."""
    from overnight import compare as story
    from overnight.cli.settings import Surroundings
    from overnight.probe.clock import SystemClock
    from overnight.report.words import inert

    fresh, renew, as_json = (given.pop(name) for name in ("fresh", "renew", "json"))
    around = Surroundings(environ=os.environ, folder=Path.cwd(), clock=SystemClock())
    wanted, echoes = asked(given, around)
    for line in echoes:
        print(inert(line), file=sys.stderr)
    return story.run(wanted, clock=around.clock, fresh=fresh, renew=renew, as_json=as_json)


def work(given: dict[str, Any]) -> int:
    """The comparison itself, in the process that the command starts."""
    from overnight import compare as story
    from overnight.probe.clock import SystemClock

    return story.work(Path(given["run"]), clock=SystemClock())


def asked(given: dict[str, Any], around: "Surroundings") -> tuple["Asked", tuple[str, ...]]:
    """Everything that is to be compared, and what is to be said about how it was read.

    Raises:
        InputError: a name, a file or a value is wrong.
    """
    from overnight.cli.settings import gather
    from overnight.story.comparing import Asked

    spelled, seeds = given.pop("settings"), given.pop("seeds")
    shared, notes = gather(given, around=around, past=True)
    names = [name.strip() for name in (spelled or USUAL).split(",") if name.strip()]
    found = [setting(name, shared, around) for name in names]
    told = [_whose(name, line) for name, (_, lines) in zip(names, found, strict=True)
            for line in lines]  # fmt: skip
    wanted = Asked(request=shared, settings=tuple(one for one, _ in found), seeds=_seeds(seeds))
    return wanted, (*notes, *told)


def _whose(name: str, line: str) -> str:
    return line if line.startswith(f"{name}:") else f"{name}: {line}"


def _seeds(text: str | None) -> int:
    from overnight.values.errors import InputError

    if text is None:
        return SEEDS
    if not text.isascii() or not text.isdigit() or not text.strip("0"):
        raise InputError(f"--seeds is {text!r}; expected a whole number from 1 up")
    return int(text)


def setting(
    name: str, shared: "Request", around: "Surroundings"
) -> tuple["Setting", tuple[str, ...]]:
    """One setting: a named configuration, a file, pairs joined by `+`, or our own plan."""
    from overnight.cli.settings import gather
    from overnight.story.comparing import Setting

    if name == OURS:
        return Setting(name=name, request=shared), ()
    pairs = name.split("+") if "=" in name else []
    alone = replace(around, environ={}, folder=Path(os.devnull))  # only what it says itself
    own, notes = gather(
        {"data": shared.data, "model": shared.model, "within": "1h", "set": pairs,
         "config": None if pairs else _known(name)},
        around=alone,
    )  # fmt: skip
    return Setting(name=name, request=laid_over(shared, own)), notes


def _known(name: str) -> str:
    """A name that may be a configuration's or a file's; a slip of `overnight` is told as such.

    Raises:
        InputError: it is nearly `overnight`.
    """
    from difflib import get_close_matches

    from overnight.planning import configurations
    from overnight.values.errors import InputError

    unknown = configurations.find(name) is None and not Path(name).exists()
    if unknown and get_close_matches(name, [OURS], n=1, cutoff=0.7):
        raise InputError(f"--settings {name}: no such file or configuration; near: {OURS}")
    return name


def laid_over(shared: "Request", own: "Request") -> "Request":
    """What all settings share, with what this one says itself in its place."""
    from overnight.story.comparing import SHARED

    settings: dict[str, Any] = own.settings.given()
    mine = (one for one in fields(own) if one.name not in (*SHARED, "settings"))
    pairs = ((one, getattr(own, one.name)) for one in mine)
    rest = {one.name: value for one, value in pairs if value != one.default}
    base = shared
    if {*settings, *rest} & set(_PRECISION):  # one that says a precision says all about it
        base = replace(shared, precision="auto",
                       settings=replace(shared.settings, fp16=None, bf16=None))  # fmt: skip
    return replace(base, settings=replace(base.settings, **settings), **rest)

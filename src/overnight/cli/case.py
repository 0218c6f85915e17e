"""What `overnight plan` takes beside a night's own flags: --gpu, --samples, --against ...

In: the flags' values as typer read them. Out: a `Case`, other requests. Never: looking a card up.
"""

import os
from pathlib import Path
from typing import Any

from overnight.story.foresight import Case
from overnight.values.errors import InputError
from overnight.values.request import Request

LEAST_ROWS = 3
"""One to train on, one to choose by, one to judge by."""


def case(given: dict[str, Any]) -> Case:
    """Takes its flags out of those given.

    Raises:
        InputError: one is no whole number, or they do not go together.
    """
    gpu, trace = given.pop("gpu"), given.pop("trace")
    samples = _count("--samples", given.pop("samples"), least=LEAST_ROWS)
    tokens = _count("--tokens", given.pop("tokens"), least=2)
    if (samples is None) != (tokens is None):
        raise InputError("--samples and --tokens go together: so many rows of so many tokens")
    if samples is not None and given.get("data"):
        raise InputError("--samples stands in place of DATA; give one of them")
    if gpu is not None and not gpu.strip():
        raise InputError("--gpu is given and empty; write a card's name or leave it out")
    return Case(gpu=gpu, samples=samples, tokens=tokens, trace=trace)


def _count(flag: str, text: str | None, *, least: int) -> int | None:
    if text is None:
        return None
    digits = text.replace("_", "").replace(",", "")
    if not digits.isascii() or not digits.isdigit() or not least <= int(digits) <= 10**12:
        raise InputError(f"{flag} is {text!r}; expected a whole number from {least} up")
    return int(digits)


def others(names: str | None, request: Request) -> tuple[dict[str, Request], tuple[str, ...]]:
    """The requests that `--against` names, by name, and what is to be said of how they were read.

    Raises:
        InputError: a name is neither a configuration's nor a file's.
    """
    from overnight.cli.comparing import setting
    from overnight.cli.settings import Surroundings
    from overnight.probe.clock import SystemClock

    around = Surroundings(environ=os.environ, folder=Path.cwd(), clock=SystemClock())
    wanted = [name.strip() for name in (names or "").split(",") if name.strip()]
    found = {name: setting(name, request, around) for name in wanted}
    said = [line if line.startswith(f"{name}:") else f"{name}: {line}"
            for name, (_, lines) in found.items() for line in lines]  # fmt: skip
    return {name: one.request for name, (one, _) in found.items()}, tuple(said)

"""What `overnight plan` takes in place of data and machine: --gpu, --samples, --tokens, --trace.

In: the flags' values as typer read them. Out: a `Case`. Never: looking a card up.
"""

from typing import Any

from overnight.story.foresight import Case
from overnight.values.errors import InputError

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

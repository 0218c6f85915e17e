"""`overnight chat`: flags in, a conversation on the terminal.

In: the flags as typer read them. Out: the exit status. Never: deciding anything.
"""

import sys
from pathlib import Path
from typing import Any

import typer

from overnight.cli.flags import CODE, JSON, RUN, Flag

FLAGS = (
    RUN,
    Flag("compare", "--compare", bool, "The base model's answer beside every one."),
    Flag("checkpoint", "--checkpoint", str, "A step, such as 500; else final/, else the best.",
         "K"),
    Flag("prompts", "--prompts", str, "A file of prompts, a line each (or .jsonl): one sheet.",
         "FILE"),
    Flag("new_tokens", "--max-new-tokens", str, "Of an answer, at most (256).", "N"),
    Flag("temperature", "--temperature", str, "0 takes the likeliest token always (0.7).", "T"),
    Flag("seed", "--seed", str, "Of what is drawn (42).", "N"),
    Flag("device", "--device", str, "cpu, cuda ...; else a card that is free.", "NAME"),
    CODE,
    JSON,
)  # fmt: skip


def chat(given: dict[str, Any]) -> int:
    """Talk to a night's model; with --compare to its base as well."""
    from overnight import chat as story
    from overnight.cli.runs import find_run

    asked = story.Asked(
        run=find_run(given["run"], folder=Path.cwd()), compare=given["compare"],
        checkpoint=given["checkpoint"], manner=_manner(given), device=given["device"],
        trust_remote_code=given["trust_remote_code"],
    )  # fmt: skip
    prompts = list(story.prompts_of(Path(given["prompts"]))) if given["prompts"] else []
    open_chat = story.opened(asked, write=_write, say=_say)
    if not prompts:
        return story.talk(open_chat, story.typed(), say=_say)
    for text in story.sheet(open_chat, prompts, as_json=given["json"]):
        typer.echo(text)
    return 0


def _manner(given: dict[str, Any]) -> Any:
    from overnight.training.talking import Manner

    usual = Manner()
    return Manner(
        new_tokens=int(_number(given, "new_tokens", "--max-new-tokens", least=1,
                               usual=usual.new_tokens)),
        temperature=_number(given, "temperature", "--temperature", least=0,
                            usual=usual.temperature),
        seed=int(_number(given, "seed", "--seed", least=0, usual=usual.seed)),
    )  # fmt: skip


def _number(given: dict[str, Any], key: str, flag: str, *, least: float, usual: float) -> float:
    from overnight.values.errors import InputError

    text = given[key]
    if text is None:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not least <= value < 1e9:
        raise InputError(f"{flag} {text}: expected a number from {least:g} up")
    return value


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _say(line: str) -> None:
    """Remarks go to stderr, so that a sheet stays clean."""
    from overnight.report.words import inert

    typer.echo(inert(line), err=True)

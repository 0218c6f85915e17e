"""`overnight guide`: the guides' calculator, or a short conversation that ends in a command.

In: the flags as typer read them, answers from a terminal, a pipe or `--answers`. Out: the exit
status. Never: which answer leads where (planning/decision_guide.py), arithmetic (calculator.py).
"""

import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from overnight.cli.flags import DATA, JSON, MODEL, Flag

if TYPE_CHECKING:
    from overnight.planning.calculator import Assumptions
    from overnight.planning.decision_guide import Advice

_ASSUMED = (
    Flag("samples", "--samples", str, "Rows of the data (63000).", "N"),
    Flag("batch", "--batch", str, "Rows of a micro-batch (1).", "N"),
    Flag("accumulation", "--accumulation", str, "Micro-batches of a step (32).", "N"),
    Flag("seconds_per_step", "--seconds-per-step", str,
         "Seconds of a step of 16 micro-batches, without half precision (30).", "S"),
    Flag("speed_factor", "--speed-factor", str, "What half precision is worth (1.3).", "X"),
)  # fmt: skip
FLAGS = (
    DATA,
    MODEL,
    Flag("answers", "--answers", str, "Answers in place of a conversation: no,yes.", "A,B,..."),
    Flag("calculator", "--calculator", bool, "Steps, hours and savings, beside what is true."),
    *_ASSUMED,
    JSON,
)


def guide(given: dict[str, Any]) -> int:
    """A few questions that end in a command; or the guides' calculator."""
    from overnight.values.errors import InputError

    assumed = {flag.key: given[flag.key] for flag in _ASSUMED if given[flag.key] is not None}
    if given["calculator"]:
        if given["answers"] is not None:
            raise InputError("--answers belongs to the conversation; leave --calculator out")
        return _calculate(_assumptions(assumed), as_json=given["json"])
    if assumed:
        flag = next(flag.spelled for flag in _ASSUMED if flag.key in assumed)
        raise InputError(f"{flag} belongs to the calculator; add --calculator")
    return _converse(given)


def _assumptions(given: dict[str, str]) -> "Assumptions":
    """The guides' figures, with what was given in their place."""
    from overnight.planning.calculator import Assumptions

    whole = ("samples", "batch", "accumulation")
    read = {key: _number(key, text, int if key in whole else float) for key, text in given.items()}
    return Assumptions(**read)


def _number(key: str, text: str, kind: Callable[[str], Any]) -> Any:
    from overnight.values.errors import InputError

    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise InputError(f"--{key.replace('_', '-')} is '{text}'; expected {wanted}") from None


def _calculate(assumed: "Assumptions", *, as_json: bool) -> int:
    from overnight.planning import calculator

    found = calculator.compare(assumed)
    if as_json:
        return _print_json({"assumptions": assumed, "configurations": found,
                            "why": calculator.SENTENCE})  # fmt: skip
    from rich.console import Console

    from overnight.report.calculator import print_calculator

    print_calculator(assumed, found, console=Console())
    return 0


def _print_json(value: object) -> int:
    from overnight.codec import to_json
    from overnight.report.words import json_text

    typer.echo(json_text(to_json(value)))
    return 0


def _converse(given: dict[str, Any]) -> int:
    advice, answers = _asked(given)
    data, model = given["data"] or "DATA", given["model"] or "MODEL"
    words = [data, "--model", model, *advice.flags]
    command, plan = (shlex.join(["overnight", name, *words]) for name in ("train", "plan"))
    if given["json"]:
        return _print_json({"answers": answers, "advice": advice, "command": command})
    _print_advice(advice, command=command, plan=plan)
    return 0


def _print_advice(advice: "Advice", *, command: str, plan: str) -> None:
    """Commands are not wrapped, so that they can be copied."""
    from rich.console import Console

    from overnight.planning.decision_guide import WINDOW_NOTE
    from overnight.report.tables import labelled, line

    console = Console()
    note = (WINDOW_NOTE,) if "--within" in advice.flags else ()
    labelled(console, "Guides", f"{advice.configuration}: {advice.guides_say}")
    labelled(console, "Here  ", advice.here, *note)
    labelled(console, "Then  ", "what it would do, and doing it:")
    line(console, f"\n    {plan}\n    {command}", wrap=False)


def _asked(given: dict[str, Any]) -> tuple["Advice", list[bool]]:
    """Where the answers led, and what they were."""
    from overnight.planning.decision_guide import Question, read_answer, where
    from overnight.values.errors import InputError

    words = given["answers"]
    answers = [] if words is None else [read_answer(word) for word in words.split(",")]
    while isinstance(found := where(answers), Question):
        if words is not None:
            raise InputError(f"--answers '{words}' ends before: {found.text}")
        answers.append(_answer(found.text, err=given["json"]))
    return found, answers


def _answer(question: str, *, err: bool) -> bool:
    """A person is asked again; a program that does not answer gets one line and status 2."""
    from overnight.planning.decision_guide import read_answer
    from overnight.values.errors import InputError

    person = sys.stdin.isatty()
    while True:
        if person:
            typer.echo(f"{question} [yes/no] ", nl=False, err=err)
        reply = sys.stdin.readline()
        if not reply:
            raise InputError("the questions are for a terminal; answer them there, through a "
                             "pipe, or with --answers no,yes")  # fmt: skip
        try:
            yes = read_answer(reply)
        except InputError as error:
            if not person:
                raise
            typer.echo(str(error), err=True)
        else:
            if not person:
                typer.echo(f"{question} {'yes' if yes else 'no'}", err=err)
            return yes

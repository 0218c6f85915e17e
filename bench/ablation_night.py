"""`overnight` without one of its pieces: python ablation_night.py PIECE WORDS.

In: the name of a piece, the words of the command line. Out: the night of the installed command,
with that piece replaced in its own process and its children's. Never: a switch in the product.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any


def no_bucketing() -> None:
    """Steps hold rows as they come; within a step likes still go together."""
    from overnight.training import batches

    _replace(batches, "MEGA_STEPS", 1)


def no_bare_head() -> None:
    """Logits of every position, those of the learnt ones cut out of them."""
    _head(bare=False)


def padding_masked() -> None:
    """Padding is hidden by a mask, where a model that looks back only needs none."""
    _head(masked=True)


def _head(**other: Any) -> None:
    from overnight.training.losses import Head

    real = Head.of

    def changed(*given: Any, **more: Any) -> Head:
        return replace(real(*given, **more), **other)

    _replace(Head, "of", staticmethod(changed))


def no_look_ahead() -> None:
    """A step's rate is that of its start."""
    from overnight.control.schedule import Schedule

    real: Callable[..., float] = Schedule.rate
    _replace(Schedule, "rate", lambda self, step: real(self, step - 0.5))


def no_pilots() -> None:
    """The rule's rate, though there would be time to try a few."""
    from overnight.story import pilots

    _replace(pilots, "run", lambda *given: None)


def no_sizing() -> None:
    """The rows of a step as the plan has them, whatever a few sizes would show."""
    from overnight.story import sizing

    _replace(sizing, "size", lambda *given: None)


PIECES: dict[str, Callable[[], None]] = {
    "bucketing": no_bucketing, "head": no_bare_head, "no mask": padding_masked,
    "look-ahead": no_look_ahead, "pilots": no_pilots,
    "sizing": no_sizing,
}  # fmt: skip


def _replace(holder: Any, name: str, value: Any) -> None:
    """Loudly where there is nothing of that name any more."""
    if not hasattr(holder, name):
        raise SystemExit(f"{holder} has no {name}: the piece is made otherwise now")
    setattr(holder, name, value)


def _same_program(piece: str) -> str:
    """What a child is started with in place of Python: this very program."""
    path = Path(os.environ["ABLATION_FOLDER"]) / "ablation-python"
    text = (
        f'#!/bin/sh\nshift 2\nexec "{sys.executable}" "{Path(__file__).resolve()}" {piece} "$@"\n'
    )
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    return str(path)


def main() -> int:
    """The exit status of the command."""
    from overnight.__main__ import main as overnight

    piece, words = sys.argv[1], sys.argv[2:]
    if words[0] == "train":
        sys.executable = _same_program(piece)
    elif words[0] == "_night":
        PIECES[piece]()
    return overnight(words)


if __name__ == "__main__":
    sys.exit(main())

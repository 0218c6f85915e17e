"""`overnight` under a recorded clock: python bench/recorded.py WORDS.

In: the words of the command line; in RECORDED_CLOCK a file that keeps the reading. Out: the night
of the installed command, whose clock moves by a fixed price for each step, save and look, and by
nothing else: going on from a checkpoint it shows what it showed when that was first written.
Never: a change of what the night does, only of what its clock says.
"""

import json
import os
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ORIGIN = 10_000.0
UTC = 1_800_000_000.0
STEP, SAVE, LOOK = 5.0, 0.4, 2.0
"""Seconds by which the clock moves."""


class Recorded:
    """The clock of every process of one night: its reading lies in a file that they share."""

    def __init__(self) -> None:
        self._file = Path(os.environ["RECORDED_CLOCK"])
        self._noted = self._file.with_suffix(".noted")

    def read(self) -> float:
        """Seconds since the night's beginning."""
        kept = self._file.read_bytes() if self._file.exists() else b""
        return float(struct.unpack("d", kept)[0]) if len(kept) == 8 else 0.0

    def set(self, seconds: float) -> None:
        """The same for everybody from here on."""
        with open(self._file, "r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("d", seconds))

    def move(self, seconds: float) -> None:
        """Time goes by."""
        self.set(self.read() + seconds)

    def note(self, step: int) -> None:
        """What it shows where a checkpoint is first written."""
        if step not in self.noted():
            with open(self._noted, "a", encoding="utf-8") as file:
                file.write(json.dumps([step, self.read()]) + "\n")

    def noted(self) -> dict[int, float]:
        """Its reading by checkpoint."""
        if not self._noted.exists():
            return {}
        lines = self._noted.read_text("utf-8").splitlines()
        return dict(reversed([json.loads(line) for line in lines]))

    def boot(self) -> float:
        """As `SystemClock` has it."""
        return ORIGIN + self.read()

    def utc(self) -> float:
        """As `SystemClock` has it."""
        return UTC + self.read()

    def awake(self) -> float:
        """As `SystemClock` has it: nobody sleeps."""
        return self.boot()

    def boot_id(self) -> str:
        """As `SystemClock` has it."""
        return "recorded"


class Waiting(Recorded):
    """The same for the supervisor, which waits now and then, and decides nothing else by it."""

    begun = time.monotonic()

    def boot(self) -> float:
        """The recorded reading, and the seconds that this process has waited."""
        return super().boot() + time.monotonic() - self.begun


def _moving(name: str, seconds: float, after: Callable[[Any], None] | None = None) -> None:
    """Each call of a session's method takes so long by the recorded clock."""
    from overnight.training.session import Session

    real = getattr(Session, name)

    def timed(self: Session, *words: Any, **more: Any) -> Any:
        done = real(self, *words, **more)
        Recorded().move(seconds)
        if after is not None:
            after(self)
        return done

    setattr(Session, name, timed)


def _going_back() -> None:
    """A session restored in the opening is where it was when its checkpoint was written."""
    from overnight.training.session import Session

    real = Session.restore

    def restored(self: Session, folder: Path) -> None:
        first = self.progress.step == 0
        real(self, folder)
        if first:
            Recorded().set(Recorded().noted()[self.progress.step])

    Session.restore = restored  # type: ignore[method-assign]


def _same_program(folder: Path) -> str:
    """What a child is started with in place of Python: this very program."""
    path = folder / "recorded-python"
    text = f'#!/bin/sh\nshift 2\nexec "{sys.executable}" "{Path(__file__).resolve()}" "$@"\n'
    if not path.exists() or path.read_text("utf-8") != text:
        beside = path.with_name(f"{path.name}-{os.getpid()}")
        beside.write_text(text, "utf-8")
        beside.chmod(0o755)
        beside.replace(path)
    return str(path)


def main() -> int:
    """The exit status of the command."""
    from overnight.__main__ import main as overnight
    from overnight.probe import clock

    words = sys.argv[1:]
    clock.SystemClock = Waiting if words[0] == "train" else Recorded  # type: ignore[assignment, misc]
    if words[0] == "_night":
        Recorded().set(0.0)
        _moving("step", STEP)
        _moving("save_into", SAVE, lambda session: Recorded().note(session.progress.step))
        _moving("evaluate", LOOK)
        _going_back()
    elif words[0] == "train":
        sys.executable = _same_program(Path(os.environ["RECORDED_CLOCK"]).parent)
    return overnight(words)


if __name__ == "__main__":
    sys.exit(main())

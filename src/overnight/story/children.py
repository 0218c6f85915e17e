"""Child processes and signals: the one place that knows how each system ends them.

In: the words of a hidden command. Out: a running child, its exit status and last words. Never:
decides when a child must go. A child ends by itself when its parent is gone: its standard input is
a pipe.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

from overnight.training import meeting

LIFELINE = "OVERNIGHT_LIFELINE"
"""Set for a child whose standard input is a pipe that its parent holds open while it lives."""


class Child:
    """One process of ours."""

    def __init__(self, process: "subprocess.Popen[bytes]", errors: IO[bytes] | None,
                 place: Path | None = None) -> None:  # fmt: skip
        self._process, self._errors, self._place = process, errors, place
        self._asked = False
        self.said = ""
        """The last line of its standard error, where that was kept."""

    @classmethod
    def start(cls, words: list[str], *, processes: int = 1, quiet: bool = False) -> Self:
        """Starts `overnight WORDS`, under torchrun if several.

        One that is `quiet` keeps its errors to itself and hears no Ctrl-C.
        """
        place = None if processes == 1 else Path(tempfile.mkdtemp(prefix="overnight-"))
        several = meeting.words(place, processes) if place else []
        command = [sys.executable, *several, "-m", "overnight", *words]
        sys.stdout.flush()
        errors = tempfile.TemporaryFile() if quiet else None  # noqa: SIM115  read at its end
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, LIFELINE: "1", **(meeting.environment(place) if place else {})},
            process_group=0 if quiet and os.name == "posix" else None,
        )
        return cls(process, errors, place)

    def wait(self, seconds: float) -> int | None:
        """Its exit status (negative: the signal that ended it), or None while it runs."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._let_go()
        return status

    def _let_go(self) -> None:
        """Closes the lifeline, which also ends what the child itself has started."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)
        if self._errors is None or self._errors.closed:
            return
        with self._errors as file:
            file.seek(0)
            lines = file.read().decode("utf-8", errors="replace").strip().splitlines()
        self.said = lines[-1].removeprefix("overnight: error: ") if lines else ""

    def ask_to_stop(self) -> None:
        """Asks once to save and end."""
        if not self._asked:
            self._asked = True
            self._process.terminate()

    def kill(self) -> None:
        """Ends it now and waits until it is gone."""
        self._process.kill()
        self._process.wait()
        self._let_go()


def in_words(status: int) -> str:
    """How a child ended."""
    if status < 0:
        return f"it was ended by signal {-status}"
    return f"it ended with status {status}"


class Signals:
    """Counts Ctrl-C and SIGTERM while it is open; the first asks to save, the second leaves."""

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[int, object] = {}

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count == 1:
            print("\nsaving and ending; once more leaves at once", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


def die_with_parent() -> None:
    """Ends this process when its parent's end of standard input closes: the parent is gone."""
    if LIFELINE not in os.environ:
        return

    def wait() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()

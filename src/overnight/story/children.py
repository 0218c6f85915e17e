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
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

from overnight.training import meeting

LIFELINE = "OVERNIGHT_LIFELINE"
"""Set for a child whose standard input is a pipe that its parent holds open while it lives."""
KILL_SECONDS = 3.0
"""Within which a killed process is gone, unless the system itself waits for something."""


class Child:
    """One process of ours."""

    def __init__(self, process: "subprocess.Popen[bytes]", errors: IO[bytes] | None,
                 place: Path | None = None) -> None:  # fmt: skip
        self._process, self._errors, self._place = process, errors, place
        self._asked: set[int] = set()
        self.said = ""
        """The last line of its standard error, where that was kept."""

    @classmethod
    def start(cls, words: list[str], *, processes: int = 1, quiet: bool = False) -> Self:
        """Starts `overnight WORDS`, under torchrun if several.

        One that is `quiet` keeps its errors to itself and hears no Ctrl-C. Neither does torchrun,
        which would give its processes half a minute: it hears what is asked here, and no more.
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
            process_group=0 if (quiet or processes > 1) and os.name == "posix" else None,
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

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask_to_stop(self, how: int = signal.SIGTERM) -> None:
        """Asks once with each signal to save and end: SIGTERM is in a hurry, SIGINT is not."""
        if how not in self._asked:
            self._asked.add(how)
            self._process.send_signal(how)

    def tell(self, line: str) -> None:
        """Writes a line to its standard input; one that is gone already hears nothing."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def kill(self, seconds: float = KILL_SECONDS) -> bool:
        """Ends it now, with what it has started, and waits so long; whether it is gone.

        A process that waits for a disk or a file server that does not answer cannot be ended.
        """
        kill_tree(self._process.pid)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self._let_go()
        return self._process.poll() is not None


def kill_tree(pid: int) -> None:
    """Ends a process and every one that it has started, and those that they have."""
    import psutil

    with suppress(psutil.Error):
        top = psutil.Process(pid)
        for process in [*top.children(recursive=True), top]:
            with suppress(psutil.Error):
                process.kill()


class Signals:
    """Hears Ctrl-C, SIGTERM and the terminal's end while it is open.

    The first asks to save, a second Ctrl-C leaves at once. A second SIGTERM means the same as the
    first: schedulers send one to each process and one to the group. A terminal that closes (an ssh
    connection that breaks) is no reason to end a night.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        """The signal to pass on: SIGTERM once somebody is in a hurry."""
        self.leaves = False
        """Whether nothing is to be waited for any more."""
        self._before: dict[int, object] = {}

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.asked is None:
            _say(b"\nsaving and ending; Ctrl-C once more leaves at once\n")
        self.leaves = self.leaves or (number == signal.SIGINT and self.asked is not None)
        self.asked = number if self.asked is None else max(self.asked, number)

    def wait(self, seconds: float) -> None:
        """Nothing for so long; a signal is heard meanwhile."""
        time.sleep(seconds)

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._heard)
        if hasattr(signal, "SIGHUP"):  # what is ignored stays so in every process started here
            self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


def _say(words: bytes) -> None:
    """Past Python's own buffer, which may be in the middle of another line; heard or not."""
    with suppress(OSError):
        os.write(2, words)


def die_with_parent() -> None:
    """Ends this process when its parent's end of standard input closes: the parent is gone."""
    if LIFELINE not in os.environ:
        return

    def wait() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()

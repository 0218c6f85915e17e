"""What the world asks of the training process: signals, and small files in the run folder.

In: SIGTERM, SIGINT, RUN/stop, RUN/save. Out: one word for the loop, whether looks are to be given
up, how long whoever sent a signal may wait; now and then a sign of life. Never: anything inside a
signal handler; waiting for a process that has nothing left to lose.
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from overnight.control.deadline import ASKED
from overnight.probe.clock import Clock
from overnight.story.stage import Stage
from overnight.values.errors import EndedEarly
from overnight.values.ledger import Ended, Entry, Replanned, Started

STOP, SAVE, EXTEND = "stop", "save", "extend"
"""Names of the files that ask; each is removed once it was seen."""
LOOK_SECONDS = 0.5
"""Between two looks at the files: each is one `stat` for each of them."""
ALIVE_SECONDS = 5.0
"""Between two signs of life."""
GRACE_SECONDS = 10.0
"""How long after SIGTERM a SIGKILL may come, where nobody says: `docker stop`, and LSF's
JOB_TERMINATE_INTERVAL; Kubernetes, Slurm and torchrun wait 30 s."""
LEAVE_SECONDS = 7.5
"""Of these, what the training process takes; the rest is for leaving a model."""
TORCHRUN_SECONDS = 25.0
"""The same after Ctrl-C where torchrun passed it on: it ends its processes after 30 s."""

Phase = Literal["preparing", "training", "safe"]
"""`preparing` and `safe`: nothing would be lost if the process ended at once."""


def left_over(run_folder: Path) -> str:
    """Removes what was asked of a process that is no longer there; a line that says so."""
    _taken(run_folder / EXTEND)  # the journal has it
    found = [str(run_folder / name) for name in (STOP, SAVE) if _taken(run_folder / name)]
    return f"{' and '.join(found)}: asked before this start, taken away" if found else ""


def _taken(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True


def still(entries: Sequence[Entry]) -> bool:
    """Whether a night that went on was annealing to an end that somebody had asked for."""
    for entry in reversed(entries):
        if isinstance(entry.event, Ended | Started):
            return False
        if isinstance(entry.event, Replanned) and entry.event.why == ASKED:
            return True
    return False


class Asked:
    """What was asked of this process so far."""

    def __init__(self, run_folder: Path, clock: Clock, entries: Sequence[Entry] = (), *,
                 main: bool = True) -> None:  # fmt: skip
        self.phase: Phase = "preparing"
        self._folder, self._clock, self._main = run_folder, clock, main
        self._stop, self._save = still(entries), False
        self._torchrun = TORCHRUN_SECONDS if "RANK" in os.environ else None
        self._signal = False
        self._until: float | None = None
        self._looked = self._alive_at = -1e9

    def listen(self) -> None:
        """Hears signals from here on, also where the main thread is busy inside a library.

        The system's own handler writes each signal's number into a pipe; a thread reads it there.
        """
        read, write = os.pipe()
        os.set_blocking(write, False)
        signal.signal(signal.SIGTERM, _nothing)
        signal.signal(signal.SIGINT, _nothing)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        # A worker process that is forked would write what it hears into the same pipe.
        os.register_at_fork(after_in_child=_deaf)
        threading.Thread(target=self._hear, args=(read,), daemon=True).start()

    def serve(self, stage: Stage) -> None:
        """Lets the live stage ask here."""
        stage.wanted, stage.leaving, stage.waits = self.take, self.leaving, self.waits
        stage.safe, stage.leave = self._safe, _go

    def _safe(self) -> None:
        self.phase = "safe"
        if self._signal:
            _go()

    def _hear(self, pipe: int) -> None:
        while heard := os.read(pipe, 1):
            if heard[0] not in (signal.SIGTERM, signal.SIGINT):
                continue
            seconds = self.heard(heard[0])
            if self.phase != "training":
                _leave()
            if seconds is not None:
                timer = threading.Timer(seconds, _leave)
                timer.daemon = True
                timer.start()

    def heard(self, number: int) -> float | None:
        """A signal came: SIGTERM is in a hurry, Ctrl-C has somebody who waits.

        Returns the seconds that are left, where this is the first to leave a number of them.
        """
        self._signal = True
        seconds = LEAVE_SECONDS if number == signal.SIGTERM else self._torchrun
        if seconds is None or self._until is not None:
            return None
        self._until = self._clock.boot() + seconds
        return seconds

    def take(self) -> str:
        """What is wanted before the next step: `signal`, `stop`, `save` (once), or nothing."""
        self._look()
        if self._signal:
            return "signal"
        if self._stop:
            return "stop"
        wanted, self._save = self._save, False
        return "save" if wanted else ""

    def leaving(self) -> bool:
        """Whether an end is wanted at once, so that looks are given up; asked between batches."""
        self._look()
        return self._signal

    def waits(self) -> float:
        """Seconds until this process must be gone; endless where nobody is in a hurry."""
        return float("inf") if self._until is None else self._until - self._clock.boot()

    def go_on(self) -> None:
        """A stop that was asked for is taken back: the night was given more time since."""
        self._stop = False

    def _look(self) -> None:
        now = self._clock.boot()
        if not self._main or now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        self._stop = _taken(self._folder / STOP) or self._stop
        self._save = _taken(self._folder / SAVE) or self._save
        if now - self._alive_at >= ALIVE_SECONDS:
            self._alive_at = now
            with suppress(OSError):  # a look at many rows journals nothing for a long time
                os.utime(self._folder / "status.json")


def _nothing(*_: object) -> None:
    """Only there so that the system writes into the pipe."""


def _deaf() -> None:
    signal.set_wakeup_fd(-1)


def _go() -> None:
    """Python's own way out of all that it holds takes seconds, which nobody may have."""
    with suppress(OSError):
        sys.stdout.flush()
    _leave()


def _leave() -> None:
    """Ends this process now; a checkpoint half written is no checkpoint, and is cleared away."""
    if sys.stdout.isatty():
        with suppress(OSError):
            os.write(1, b"\x1b[?25h")  # the live view hides the cursor
    os._exit(EndedEarly.exit_status)

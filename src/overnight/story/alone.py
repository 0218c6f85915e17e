"""One night at a time in a folder, and in it one process that writes.

In: a run folder, which need not be there. Out: while the block runs, no other night in it, or no
other process that trains in it. Never: a file or folder of ours left where no night came of it;
ending a process that is not of this very night.
"""

import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from overnight.probe.clock import SystemClock, process_mark
from overnight.report.words import day_clock
from overnight.story.children import kill_tree
from overnight.training import journal
from overnight.values.errors import InputError, OvernightError

WRITER = ".training.lock"
"""In the run folder; who trains or publishes holds it, so that nobody else does."""
HANDOVER_SECONDS = 5.0
"""How long a process that was killed may hold its lock: the system lets go of it at its end."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a lock: it stands in the lock's own file."""

    pid: int
    host: str
    mark: str
    """Another process may bear its number by now."""
    since_utc: float
    launcher: int = 0
    """torchrun, where it was started by that."""
    launcher_mark: str = ""

    @classmethod
    def this(cls) -> "Owner":
        """This process, from now on."""
        clock, pid = SystemClock(), os.getpid()
        above = os.getppid() if "RANK" in os.environ else 0
        return cls(pid, socket.gethostname(), process_mark(pid, clock), clock.utc(), above,
                   process_mark(above, clock) if above else "")  # fmt: skip

    @property
    def words(self) -> str:
        """For people: "process 4711 on lab-3, since Sat 21 Nov 21:04 CET"."""
        return f"process {self.pid} on {self.host}, since {day_clock(self.since_utc)}"

    @property
    def here(self) -> bool:
        """Whether it is on this machine and lives."""
        there = self.host == socket.gethostname()
        return there and process_mark(self.pid, SystemClock()) == self.mark != ""

    def send(self, number: int) -> bool:
        """Sends it a signal, if it is here; whether it was."""
        if not self.here:
            return False
        with suppress(OSError):
            os.kill(self.pid, number)
        return True

    def end(self) -> bool:
        """Ends it, if it is here, and all that were started along with it; whether it was."""
        if not self.here:
            return False
        if self.launcher_mark and process_mark(self.launcher, SystemClock()) == self.launcher_mark:
            kill_tree(self.launcher)
        kill_tree(self.pid)
        return True


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the lock of `folder`, a file beside it.

    Raises:
        InputError: another night is there, or nothing can be written.
    """
    whole, lock = folder.resolve(), _beside(folder)
    made = [place for place in lock.parents if not place.exists()]
    held, before = FileLock(lock, timeout=0), _owner(lock)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        held.acquire()
        _sign(lock)
    except OSError as error:
        _take_away(made)
        raise InputError(_shut(folder, lock, error, before)) from error
    try:
        yield
    finally:
        if not (whole / journal.EVENTS).is_file():
            with suppress(OSError):
                lock.unlink()  # before it is given free: whoever waits finds it gone
        else:
            with suppress(OSError):
                lock.write_text("")
        held.release()
        _take_away(made)


def running(folder: Path) -> Owner | None:
    """Who runs a night in `folder`; None where nobody does. On another machine it is believed."""
    owner = _owner(_beside(folder))
    away = owner is not None and owner.host != socket.gethostname()
    return owner if owner is not None and (away or owner.here) else None


def _beside(folder: Path) -> Path:
    whole = folder.resolve()
    return whole.parent / f".{whole.name}.lock"


@contextmanager
def writing(folder: Path, *, wanted: bool = True) -> Iterator[None]:
    """While the block runs no other process trains or publishes in `folder`.

    Raises:
        OvernightError: one still does.
    """
    if not wanted:
        yield
        return
    lock = folder / WRITER
    before = _owner(lock)
    try:
        with FileLock(lock, timeout=HANDOVER_SECONDS):
            _sign(lock)
            yield
    except Timeout as error:
        raise OvernightError(_still(folder, before)) from error


def end_orphan(folder: Path) -> str:
    """Ends a training process whose supervisor is gone; a line that says so, or nothing.

    It would go on writing once it woke up: one that was stopped, or waits for a disk.

    Raises:
        InputError: it lives on another machine, or does not end.
    """
    lock = folder / WRITER
    if not lock.is_file() or _free(lock, 0.0):
        return ""
    owner = _owner(lock)
    if owner is not None and owner.end() and _free(lock, HANDOVER_SECONDS):
        return f"a training process of an earlier start still lived and was ended ({owner.words})"
    raise InputError(_still(folder, owner) + "; end it first")


def _free(lock: Path, seconds: float) -> bool:
    try:
        with FileLock(lock, timeout=seconds):
            return True
    except Timeout:
        return False


def _still(folder: Path, owner: Owner | None) -> str:
    return f"another process still trains in {folder}{f' ({owner.words})' if owner else ''}"


def _sign(lock: Path) -> None:
    """Where not even that can be written the lock holds all the same."""
    with suppress(OSError):
        lock.write_text(json.dumps(asdict(Owner.this())), encoding="utf-8")


def _owner(lock: Path) -> Owner | None:
    """Who signed last; older versions of filelock empty the file of a lock that they do not get."""
    try:
        return Owner(**json.loads(lock.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _take_away(folders: Sequence[Path]) -> None:
    """The innermost first, and only those that hold nothing."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _shut(folder: Path, lock: Path, error: OSError, owner: Owner | None) -> str:
    """Why no night can begin in `folder`."""
    if isinstance(error, Timeout) and lock.exists():
        who = f" ({owner.words})" if owner else ""
        return (f"another night is running in {folder}{who}; wait for it, or name this one "
                "with --name")  # fmt: skip
    why = error.strerror or "the place takes no files"
    return f"nothing can be written to {lock.parent} ({why}); choose another --output-dir"

"""The run folder's words: events.jsonl, and the small JSON files beside it.

In: events and values, with a clock to stamp them. Out: lines that a kill cannot take back, and the
entries of a whole night again, resumptions included. Several processes may append at once.
Never: rewrites a line, decides anything, or extends a deadline because a clock was set back.
"""

import errno
import json
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from overnight.codec import entries_from_text, entry_to_line, from_json, to_json
from overnight.training import sealed
from overnight.training.disk import (
    DiskFull,
    DiskTrouble,
    fsync_folder,
    replace_text,
    with_ballast,
)
from overnight.values.errors import InputError, OvernightError
from overnight.values.ledger import Entry, Event, Forecast, Started, Stepped

T = TypeVar("T")

EVENTS = "events.jsonl"
BEGUN = ".begun.json"
"""The night's beginning once more: without it nothing else in the journal can be placed."""
SYNC_SECONDS = 2.0
"""Steps and forecasts are flushed at most this often: what a power cut may take of them. A save
flushes them all, so nothing that a resumption needs hangs on it."""
SYNC_SHARE = 0.001
"""Of the time that those flushes may take: one takes 14 ms on the disk of bench/overhead.py."""
HOLD_SECONDS = 0.5
"""In which lines of steps are written together: each step throws what writing one takes out of the
processor's caches, so together they take a third. Everything else that happens, a save too, has
them written first, so a kill takes of them what is trained again anyway."""
_TICK = 1e-6
"""Least distance of two entries of one journal, so that `t` alone tells which came first."""
_TAIL_BYTES = 1 << 16


class Clock(Protocol):
    """What the journal asks of a clock (probe/clock.py has it)."""

    def boot(self) -> float:
        """Seconds on a clock that includes suspend and is never set."""
        ...

    def utc(self) -> float:
        """Seconds since the Unix epoch."""
        ...

    def boot_id(self) -> str:
        """A name for this boot of the machine; `boot` readings compare only within one."""
        ...


class Journal:
    """The append-only record of one night, open for writing."""

    def __init__(self, run_folder: Path, clock: Clock, file: FileIO) -> None:
        self.run_folder = run_folder
        self._clock = clock
        self._file = file
        self._origin: float | None = None
        self._last = 0.0
        self._synced = -math.inf
        self._sync_price = 0.0
        self._written = -math.inf
        self._waiting: list[Entry] = []
        self.behind = ""
        """Why lines wait to be written: the disk is full. They are tried again with the next."""

    @classmethod
    def open(cls, run_folder: Path, clock: Clock) -> Self:
        """Open the journal of `run_folder`, a folder that is there; created where it is missing.

        Raises:
            DiskTrouble: the disk refused.
        """
        path = run_folder / EVENTS

        def opened() -> FileIO:
            file = FileIO(path, "a+")
            fsync_folder(run_folder)
            return file

        journal = cls(run_folder, clock, with_ballast(run_folder, opened, what=str(path)))
        journal._find_place()
        return journal

    def note_start(self, started: Started) -> Entry:
        """Begin a night, or, with the same `run` and first start, move its deadline."""
        if self._origin is None:
            self._set_origin(started)
        entry = self.append(started)
        with suppress(DiskTrouble):  # a night is not refused for want of a second copy
            sealed.write(self.run_folder / BEGUN, started)
        return entry

    def append(self, event: Event) -> Entry:
        """Write one event in one call and return its entry; all but steps are flushed at once.

        Steps wait for each other for `HOLD_SECONDS`, in which nothing else happens. Where the
        disk is full, the ballast gone too, the lines wait in memory: see `behind`.

        Raises:
            DiskTrouble: the disk refused otherwise.
        """
        entry = Entry(t=self.now(), utc=self._clock.utc(), event=event)
        self._waiting.append(entry)
        if not isinstance(event, Stepped) or self._clock.boot() - self._written >= HOLD_SECONDS:
            self._try(flush=not isinstance(event, Stepped | Forecast) or self._stale())
        return entry

    def mark(self) -> float:
        """The time now, with every entry before it in the file.

        Raises:
            DiskTrouble: the disk refused.
        """
        self._try(flush=False)
        return self.now()

    def _try(self, *, flush: bool) -> None:
        try:
            self._catch_up(flush=flush)
        except DiskFull as full:
            self.behind = str(full)

    def _catch_up(self, *, flush: bool) -> None:
        what = str(self.run_folder / EVENTS)
        self._written = self._clock.boot()
        while self._waiting:
            line = entry_to_line(self._waiting[0]).encode("ascii") + b"\n"
            with_ballast(self.run_folder, partial(self._write, line), what=what)
            del self._waiting[0]
        if flush:
            with_ballast(self.run_folder, self._flush, what=what)
        self.behind = ""

    def now(self) -> float:
        """Seconds since the night's first start; more at every call, whatever the clock does."""
        if self._origin is None:
            self._find_place()
        if self._origin is None:
            raise OvernightError(f"{self.run_folder / EVENTS} has no start to count from")
        self._last = max(self._clock.boot() - self._origin, self._last + _TICK)
        return self._last

    def close(self) -> None:
        """Flush and close; the journal cannot be used after it.

        Raises:
            DiskTrouble: the disk refused.
        """
        try:
            self._catch_up(flush=True)
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self.close()

    def _find_place(self) -> None:
        """Find the night's start and its last entry without reading all that is between."""
        begun = _first_start(self.run_folder / EVENTS)
        if begun:
            self._last = max(self._last, _last_t(self.run_folder / EVENTS))
            self._set_origin(begun)

    def _set_origin(self, begun: Started) -> None:
        """What this boot's clock showed (or would have shown) at the night's first start."""
        if begun.boot_id == self._clock.boot_id():
            self._origin = begun.started_boot
        else:
            elapsed = max(self._clock.utc() - begun.started_utc, self._last)
            self._origin = self._clock.boot() - elapsed

    def _write(self, line: bytes) -> None:
        """One write call; what a kill or a full disk left torn before it gets its own newline."""
        if self._file.seek(0, os.SEEK_END) > 0:
            self._file.seek(-1, os.SEEK_END)
            line = line if self._file.read(1) == b"\n" else b"\n" + line
        # Where only the newline found no room the entry is whole: the next one brings it along.
        if self._file.write(line) + 1 < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _stale(self) -> bool:
        every = max(SYNC_SECONDS, self._sync_price / SYNC_SHARE)
        return self._clock.boot() - self._synced >= every

    def _flush(self) -> None:
        begun = self._clock.boot()
        os.fsync(self._file.fileno())
        self._synced = self._clock.boot()
        self._sync_price = self._synced - begun


def _first_start(path: Path) -> Started | None:
    with open(path, encoding="utf-8", errors="replace", newline="\n") as file:
        for line in file:
            for entry in entries_from_text(line)[0]:
                if isinstance(entry.event, Started):
                    return entry.event
    return started(read(path.parent))


def _copy_of_start(run_folder: Path) -> Entry | None:
    try:
        begun = from_json(sealed.read(run_folder / BEGUN), Started)
    except (InputError, ValueError):
        return None
    return Entry(t=0.0, utc=begun.started_utc, event=begun)


def _last_t(path: Path) -> float:
    """`t` of the last whole entry: it lies within the file's last bytes."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        entries, _ = entries_from_text(file.read().decode("utf-8", errors="replace"))
    return max((entry.t for entry in entries), default=0.0)


def read(run_folder: Path) -> list[Entry]:
    """Every whole entry of the night so far; none where there is no journal.

    Where the line of its beginning alone is damaged, the copy beside stands in for it.
    """
    return read_counting(run_folder)[0]


def read_counting(run_folder: Path) -> tuple[list[Entry], int]:
    """The entries, and how many lines could not be read: torn by a kill, or damaged."""
    try:
        content = (run_folder / EVENTS).read_bytes()
    except FileNotFoundError:
        return [], 0
    entries, torn = entries_from_text(content.decode("utf-8", errors="replace"))
    if entries and not any(isinstance(entry.event, Started) for entry in entries):
        begun = _copy_of_start(run_folder)
        entries = (begun, *entries) if begun else entries
    return list(entries), len(torn)


def started(entries: Sequence[Entry]) -> Started | None:
    """The night's start with its newest deadline: the last Started, for a deadline may be moved."""
    found = (entry.event for entry in reversed(entries) if isinstance(entry.event, Started))
    return next(found, None)


def write_json(path: Path, value: object) -> None:
    """Put a value into the place of `path` as a whole: status.json, extend.

    Raises:
        DiskTrouble: the disk refused; the old file is untouched.
    """
    text = json.dumps(to_json(value), allow_nan=False, indent=2) + "\n"
    with_ballast(path.parent, lambda: replace_text(path, text), what=str(path))


def read_json(path: Path, kind: type[T]) -> T | None:
    """The value of type `kind` that was written there; None where there is no such file.

    Raises:
        InputError: the file is damaged.
    """
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")), kind)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}); move it away and start again") from error

"""A night followed from its files alone: what was appended since the last look, and its report.

In: a run folder, on this machine or on a shared one. Out: new entries, a `Report` when something
changed. Never: reads a line twice, asks for a process, writes.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from overnight.codec import entries_from_text, from_json
from overnight.report import summary
from overnight.report.account import Report
from overnight.report.summary import Known
from overnight.values.ledger import Entry, Status

EVENTS = "events.jsonl"


def status(folder: Path) -> Status | None:
    """What status.json holds; None where it is not written yet, damaged, or away for a moment."""
    try:
        return from_json(json.loads((folder / "status.json").read_text("utf-8")), Status)
    except (OSError, ValueError, RecursionError):
        return None


@dataclass(slots=True)
class Following:
    """One night, as far as it has been read."""

    folder: Path
    entries: list[Entry] = field(default_factory=list)
    torn: list[int] = field(default_factory=list)
    """Numbers of the lines that cannot be read."""
    _place: int = 0
    _lines: int = 0
    _known: Known | None = None
    _plan_stamp: tuple[int, int] = (0, 0)

    def news(self) -> list[Entry]:
        """Entries that were appended since the last call; none while nothing happens."""
        fresh = self._appended()
        whole, cut, _ = fresh.rpartition(b"\n")
        if not cut:
            return []  # its last line is still being written
        self._place += len(whole) + 1
        entries, torn = entries_from_text(whole.decode("utf-8", errors="replace"))
        self.entries.extend(entries)
        self.torn.extend(self._lines + number for number in torn)
        self._lines += whole.count(b"\n") + 1
        return list(entries)

    def _appended(self) -> bytes:
        try:
            with open(self.folder / EVENTS, "rb") as file:
                size = file.seek(0, 2)
                if size < self._place:  # another night has taken its place
                    self.entries, self.torn = [], []
                    self._place = self._lines = 0
                file.seek(self._place)
                return file.read()
        except OSError:
            return b""  # not begun yet, or its disk is away for a moment

    def known(self) -> Known:
        """Plan and facts, read again only where plan.json was replaced.

        Raises:
            InputError: the folder is not a run's, or has no plan yet.
        """
        stamp = self._stamp()
        if self._known is None or stamp != self._plan_stamp:
            self._known, self._plan_stamp = summary.known(self.folder), stamp
        return self._known

    def _stamp(self) -> tuple[int, int]:
        try:
            seen = (self.folder / "plan.json").stat()
        except OSError:
            return (0, 0)
        return seen.st_mtime_ns, seen.st_size

    def report(self) -> Report:
        """The account of what was read so far.

        Raises:
            InputError: as `known`.
        """
        return self.known().report(self.entries, torn=self.torn)

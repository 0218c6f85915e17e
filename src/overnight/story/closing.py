"""The end of an invocation: what is left, what is said of it, and the exit status.

In: a run folder whose training process is gone, its journal open for writing. Out: the events
`Published` and `Ended`, the report, a status. Never: trains; takes anything from a model because a
page could not be written.
"""

import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from overnight.probe.clock import Clock
from overnight.story import remember
from overnight.story.publishing import Publisher
from overnight.story.teller import STATUS
from overnight.training import journal
from overnight.training.journal import Journal
from overnight.values.errors import EndedEarly, NothingToPublish, OvernightError
from overnight.values.ledger import (
    Ended,
    Entry,
    Prepared,
    Resumed,
    Saved,
    Started,
    Status,
    Stepped,
    Stopped,
)
from overnight.values.troubles import Crashed

DISK_REFUSED = 5
"""Exit status of a training process that came to its end and could not write down how."""
UNTRAINED = "no time was left to train"
PLANNED = ("horizon", "window", "patience", "overfit")
"""Reasons to stop that are the planned end."""


@dataclass(frozen=True, slots=True)
class Closing:
    """What is known when no training process is there any more."""

    folder: Path
    journal: Journal
    clock: Clock
    ends_at: float | None
    """The deadline, or before it the session's end, on this boot's clock."""
    status: int
    """Of the training process."""
    given_up: str = ""
    """Why it was not started again after a crash, where it was not."""
    interrupted: bool = False
    """Whether a signal asked for this end."""

    def end(self, publisher: Publisher) -> int:
        """Publishes, closes the journal, writes the report, and says how it went.

        Raises:
            NothingToPublish: there is no checkpoint that can be published, and nobody left early.
        """
        published = publisher.publish()
        kept = self.ends_at is None or self.clock.boot() <= self.ends_at
        entries = journal.read(self.folder)
        stop = newest_stop(entries)
        status = self._final(published, stop)
        why = stop.reason if stop else self.given_up or _crash(entries) or UNTRAINED
        self.journal.append(Ended(exit_status=status, why=why, deadline_kept=kept))
        if self.given_up:
            print(f"overnight: {self.given_up}; not started again", file=sys.stderr)
        if any(isinstance(entry.event, Prepared) for entry in journal.read(self.folder)):
            _report(self.folder)
        remember.ended(self.folder)
        self._last_glance("finished" if status == 0 else "stopped")
        if not published:
            self._say_nothing_is_left()
        return status

    def _final(self, published: bool, stop: Stopped | None) -> int:
        if not published:
            return EndedEarly.exit_status if self.interrupted else NothingToPublish.exit_status
        if stop is not None and stop.reason in PLANNED:
            return 0  # also where the child was ended after its training was over
        return 0 if self.status == 0 else EndedEarly.exit_status

    def _say_nothing_is_left(self) -> None:
        if not self.interrupted:
            raise NothingToPublish(f"{self.folder} holds no checkpoint that can be published; "
                                   "the same command tries again, --fresh starts over")  # fmt: skip
        print("ended before anything was learnt; the same command goes on", file=sys.stderr)

    def _last_glance(self, state: Literal["finished", "stopped"]) -> None:
        """status.json of a night that is over; one that cannot be read or written is left."""
        path = self.folder / STATUS
        with suppress(OvernightError):
            seen = journal.read_json(path, Status)
            if seen is not None:
                journal.write_json(path, replace(seen, state=state, updated_utc=self.clock.utc()))


def left_at_once(written: Journal) -> int:
    """The user left at once: nothing is published, the same command goes on; the exit status."""
    status = EndedEarly.exit_status
    written.append(Ended(exit_status=status, why="left at once", deadline_kept=True))
    print("left at once; the same command goes on from the newest checkpoint", file=sys.stderr)
    return status


def given_back(folder: Path, status: int, *, new: bool) -> int:
    """The user has to mend something; what this command made and holds nothing goes again."""
    entries = journal.read(folder)
    trained = any(isinstance(entry.event, Saved) and entry.event.step > 0 for entry in entries)
    if new and not trained:
        shutil.rmtree(folder, ignore_errors=True)
    return status


def newest_stop(entries: list[Entry]) -> Stopped | None:
    """Why training ended last; nothing if it went on after that."""
    for entry in reversed(entries):
        if isinstance(entry.event, Stopped):
            return entry.event
        if isinstance(entry.event, Stepped | Resumed):
            return None
    return None


def _crash(entries: list[Entry]) -> str:
    """How the last training process died, where none has taken a step since."""
    for entry in reversed(entries):
        if isinstance(entry.event, Crashed):
            return entry.event.why
        if isinstance(entry.event, Stepped | Resumed | Started):
            return ""
    return ""


def _report(folder: Path) -> None:
    """Pages and the last words; a report that fails takes nothing from the model."""
    from rich.console import Console

    from overnight.report import pages, summary, terminal
    from overnight.story import exporting

    try:
        report = summary.load(folder)
        pages.write(report, folder)
        exporting.settings_files(report, folder)
    except (OvernightError, OSError, ValueError) as error:
        print(f"overnight: the report could not be written: {error}", file=sys.stderr)
        return
    terminal.print_ending(report, run_folder=folder, console=Console())

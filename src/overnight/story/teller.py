"""Tells every event to those who must know: journal, status file, terminal.

In: events. Out: lines of events.jsonl, status.json, the live view. Never: decides. The journal must
not fail; a view that fails is dropped with one line and the night goes on without it.
"""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from overnight.probe.clock import Clock
from overnight.training import journal
from overnight.training.disk import DiskTrouble
from overnight.training.journal import Journal
from overnight.values.facts import Interval
from overnight.values.ledger import Entry, Event, Noted, Started, Status, Stepped, Stopped
from overnight.values.plan import Reserve

STATUS = "status.json"
STATUS_SECONDS = 2.0
STATUS_SHARE = 0.0005
STATUS_LATEST = 5.0
"""Of the time that writing it may take (2.5 ms each on the disk of bench/overhead.py), and how old
it may become for that: whoever watches wants to see it move."""

GLANCE_SECONDS = 0.5
"""For how long a status is new enough to be shown with a step."""

State = Literal["starting", "rehearsing", "training", "ending", "finished", "stopped"]


class View(Protocol):
    """Whoever shows the night to a person."""

    def tell(self, entry: Entry, status: Status | None) -> None:
        """One event has happened."""
        ...


@dataclass(slots=True)
class Teller:
    """The one mouth of the training process."""

    run_folder: Path
    journal: Journal
    clock: Clock
    entries: list[Entry]
    main: bool = True
    """False in all processes but the first: they do not write or speak."""
    view: View | None = None
    state: State = "starting"
    horizon: int = 0
    logging_steps: int = 1
    """Every so many steps one is shown; the journal has them all."""
    finish: Interval | None = None
    """On the boot-time clock."""
    reserve: Reserve | None = None
    on_track: bool | None = None
    _behind: str = field(default="")
    _begun: Started | None = field(default=None)
    _read: int = field(default=0)
    """Entries among which the newest beginning was looked for."""
    _newest: Stepped | None = field(default=None)
    _status_at: float = field(default=-1e9)
    _glanced: float = field(default=-1e9)
    _status_price: float = field(default=0.0)

    def tell(self, event: Event) -> None:
        """Journals the event, then shows it."""
        if not self.main:
            return
        if isinstance(event, Stepped):
            self._newest = event
        entry = self.journal.append(event)
        self.entries.append(entry)
        self._tell_behind()
        step, now = isinstance(event, Stepped), self.clock.boot()
        due = now - self._status_at >= self._status_every() or isinstance(event, Stopped)
        glance = self.view is not None and (not step or now - self._glanced >= GLANCE_SECONDS)
        status = self.status() if due or glance else None
        self._glanced = now if status is not None else self._glanced
        if due:
            self._write_status(status)
        if not isinstance(event, Stepped) or event.step % self.logging_steps == 0:
            self._show(entry, status)

    def _tell_behind(self) -> None:
        """Once for each time that the disk is full: the journal waits, the night goes on."""
        behind = self.journal.behind
        if behind and not self._behind:
            print(f"overnight: {behind}; the night goes on, and what happened is written as soon "
                  "as there is room", file=sys.stderr)  # fmt: skip
        self._behind = behind

    def all(self, events: Iterable[Event]) -> None:
        """Tells several."""
        for event in events:
            self.tell(event)

    def note(self, text: str) -> None:
        """A line that changes nothing."""
        self.tell(Noted(text=text))

    @property
    def begun(self) -> Started | None:
        """The night's start with its newest deadline; each entry is looked at once."""
        news = self.entries[self._read :]
        self._begun, self._read = journal.started(news) or self._begun, len(self.entries)
        return self._begun

    def status(self) -> Status | None:
        """Where the night stands, for a glance."""
        begun = self.begun
        if begun is None:
            return None
        step, finish = self._newest, self.finish
        return Status(
            state=self.state,
            step=step.step if step else 0,
            horizon=self.horizon,
            loss=step.loss if step else None,
            tokens_per_second=step.tokens / step.seconds if step and step.seconds else None,
            updated_utc=self.clock.utc(),
            started_utc=begun.started_utc,
            deadline_utc=begun.deadline_utc,
            finish_low_utc=self.as_utc(finish.low) if finish else None,
            finish_high_utc=self.as_utc(finish.high) if finish else None,
            on_track=self.on_track,
            pid=os.getpid(),
            reserve=self.reserve,
        )

    def as_utc(self, boot: float) -> float:
        """A reading of the boot-time clock as an instant."""
        return self.clock.utc() + boot - self.clock.boot()

    def _status_every(self) -> float:
        rare = min(self._status_price / STATUS_SHARE, STATUS_LATEST)
        return max(STATUS_SECONDS, rare)

    def _write_status(self, status: Status | None) -> None:
        if status is None:
            return
        begun = self._status_at = self.clock.boot()
        try:
            journal.write_json(self.run_folder / STATUS, status)
        except DiskTrouble:
            return  # a glance may be missed; the journal says it if the disk is really full
        self._status_price = self.clock.boot() - begun

    def _show(self, entry: Entry, status: Status | None) -> None:
        if self.view is None:
            return
        try:
            self.view.tell(entry, status)
        except Exception as error:
            self.view = None
            print(f"overnight: the live view failed and is gone: {error}", file=sys.stderr)

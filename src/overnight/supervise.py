"""The small parent, without torch: it owns the deadline and always leaves a model.

In: a Request. Out: an exit status, and on disk the newest good model in `final/` by the deadline.
It runs the night in a child, starts it again after a crash (bounded), ends it when it hangs, has a
fresh process test what is published. Never: trains, decides.
"""

import os
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from overnight.probe import session_limits
from overnight.probe.clock import Clock
from overnight.story import begin, remember, windows
from overnight.story.alone import alone
from overnight.story.begin import Night
from overnight.story.children import Child, Signals, in_words
from overnight.story.publishing import Publisher, publish_price
from overnight.story.smaller import Memory
from overnight.story.teller import STATUS
from overnight.training import export, journal
from overnight.training.journal import Journal
from overnight.values.errors import EndedEarly, NoPlanFits, NothingToPublish, OvernightError
from overnight.values.ledger import (
    Crashed,
    Ended,
    Entry,
    Prepared,
    Promoted,
    Resumed,
    Saved,
    Status,
    Stepped,
    Stopped,
)
from overnight.values.request import Request

RESTARTS_WITHOUT_PROGRESS = 2
"""Crashes in a row that left no new checkpoint: the next one would crash too."""
PUBLISH_PRIOR = 12.0
"""Seconds kept for publishing before this machine's own imports were timed."""
REFUSAL_SECONDS = 60.0
"""After the deadline: how long a child may take to say that the window is too short for it."""
READING_SHARE = 0.02
"""Of the time that reading the journal may take."""
PLANNED = ("horizon", "window", "patience")
"""Reasons to stop that are the planned end."""
LEAVES = 2
"""Signals after which nothing is waited for any more."""
PASSED_ON = (2, 3)
"""Exit statuses of the child that are the user's to mend, not crashes."""


@dataclass(slots=True)
class Supervisor:
    """One invocation of `overnight train` over one run folder."""

    night: Night
    clock: Clock
    journal: Journal
    signals: Signals
    crashes: int = field(default=0)
    in_time: bool = field(default=True)
    """Whether the deadline was still to come."""
    saved_before: int = field(default=0)
    """Checkpoints that were there before this invocation."""
    promoted: bool = field(default=False)
    """Whether there is something to publish, and so something to end a child for."""
    price: float = field(default=PUBLISH_PRIOR)
    """Seconds that publishing takes, as far as is known."""
    _read_again: float = field(default=-1.0)

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.night.folder

    def left(self) -> float | None:
        """Seconds until the deadline."""
        ends = self.night.ends_at
        return None if ends is None else ends - self.clock.boot()

    def read(self) -> None:
        """What the journal says by now; a long one is read less often."""
        begun = self.clock.boot()
        if begun < self._read_again:
            return
        events = [entry.event for entry in journal.read(self.folder)]
        seen = [event for event in events if isinstance(event, Prepared)]
        if seen:
            self.price = max(publish_price(event) for event in seen)
        self.promoted = any(isinstance(event, Promoted) for event in events)
        now = self.clock.boot()
        self._read_again = now + (now - begun) / READING_SHARE

    def over(self) -> bool:
        """Whether a child that is still there would make the night late.

        It keeps the margin besides: only one that hangs runs into this. Until something could be
        published there is nothing to be in time for, but a refusal of the window to wait for.
        """
        left = self.left()
        if left is None:
            return False
        self.read()
        return left <= (self.price if self.promoted else -REFUSAL_SECONDS)

    def alone(self) -> bool:
        """Whether nobody may be there to mend anything: it trained, and something can be kept."""
        self.read()
        return self.promoted and (self.crashes > 0 or self._progress() > self.saved_before)

    def train(self) -> int:
        """Runs the child until it has ended by itself or its time is over; its exit status."""
        idle = 0
        self.saved_before = self._progress()
        while True:
            before, memory = self._progress(), Memory(self.folder)
            child = Child.start(["_night", str(self.folder)], processes=self.night.processes)
            status = self._wait(child)
            if status in (0, EndedEarly.exit_status, *PASSED_ON):
                return status
            self.crashes += 1
            self._tell_crash(status)
            better = memory.smaller(self.journal, ours=self.over() or self.signals.count > 0)
            idle = 0 if better or self._progress() > before else idle + 1
            if self.signals.count or self._late() or idle >= RESTARTS_WITHOUT_PROGRESS:
                return status

    def _wait(self, child: Child) -> int:
        while True:
            status = child.wait(0.2)
            if status is not None:
                return status
            if self.signals.count:
                child.ask_to_stop() if self.signals.count == 1 else child.kill()
            if self.over():
                child.kill()

    def _late(self) -> bool:
        """Whether a new child could only import and then publish."""
        left = self.left()
        return left is not None and left <= 2.0 * self.price

    def _progress(self) -> int:
        return sum(isinstance(entry.event, Saved) for entry in journal.read(self.folder))

    def _tell_crash(self, status: int) -> None:
        why = "it did not end in time and was ended" if self.over() else in_words(status)
        self.journal.append(Crashed(exit_status=status, why=why, attempt=self.crashes))

    def publish(self) -> bool:
        """Leaves the best there is in `final/`."""
        # After a deadline that had passed at the start nothing is gained by hurrying.
        ends_at = self.night.ends_at if self.in_time else None
        return Publisher(self.folder, self.journal, self.clock, ends_at, self.price,
                         left_at_once=self.leaves).publish()  # fmt: skip

    def leaves(self) -> bool:
        """Whether the user has asked a second time to be gone."""
        return self.signals.count >= LEAVES


def run(
    request: Request,
    *,
    clock: Clock,
    fresh: bool = False,
    renew: bool = False,
    echoes: tuple[str, ...] = (),
) -> int:
    """One `overnight train`: begin or go on, train, publish, report; the exit status of DESIGN 9.

    Raises:
        InputError: what was asked cannot be meant, or the folder belongs to another night.
    """
    for line in echoes:
        print(line)
    folder = begin.run_folder(request)
    with alone(folder):
        return _held(request, folder, clock, fresh=fresh, renew=renew)


def _held(request: Request, folder: Path, clock: Clock, *, fresh: bool, renew: bool) -> int:
    if fresh:
        windows.asked(request, clock.utc())
        begin.move_aside(folder)
    limit = session_limits.find(os.environ, now_utc=clock.utc())
    night = begin.night(request, folder, clock, renew=renew, limit=limit)
    if night.finished:
        export.check(folder)
        print(f"{folder} is finished: its model is {folder / export.FINAL}; --fresh starts over")
        return 0
    if night.new and night.ends_at is not None and night.ends_at <= clock.boot():
        shutil.rmtree(folder, ignore_errors=True)
        raise NoPlanFits("the window was over before a night could begin in it; give a longer one")
    print(night.echo)
    with Journal.open(folder, clock) as written, Signals() as signals:
        supervisor = Supervisor(night, clock, written, signals)
        left = supervisor.left()
        status = EndedEarly.exit_status
        supervisor.in_time = left is None or left > 0
        if supervisor.in_time:
            status = supervisor.train()
            if supervisor.leaves():
                return _left(supervisor)
            if status in PASSED_ON and not supervisor.alone():
                return _given_back(night, status)
        return _end(supervisor, status)


def _left(supervisor: Supervisor) -> int:
    """The user left at once: nothing is published, the same command goes on."""
    status = EndedEarly.exit_status
    supervisor.journal.append(Ended(exit_status=status, why="left at once", deadline_kept=True))
    print("left at once; the same command goes on from the newest checkpoint", file=sys.stderr)
    return status


def _given_back(night: Night, status: int) -> int:
    """The user has to mend something; what this command made and holds nothing goes again."""
    entries = journal.read(night.folder)
    trained = any(isinstance(entry.event, Saved) and entry.event.step > 0 for entry in entries)
    if night.new and not trained:
        shutil.rmtree(night.folder, ignore_errors=True)
    return status


def _end(supervisor: Supervisor, status: int) -> int:
    """Publishes, closes the journal, writes the report, and says how it went."""
    published = supervisor.publish()
    left = supervisor.left()
    kept = left is None or left >= 0
    stop = _newest_stop(journal.read(supervisor.folder))
    status = _final_status(status, published, stop)
    why = stop.reason if stop else "no time was left to train"
    supervisor.journal.append(Ended(exit_status=status, why=why, deadline_kept=kept))
    entries = journal.read(supervisor.folder)
    if any(isinstance(entry.event, Prepared) for entry in entries):
        _report(supervisor)
    remember.ended(supervisor.folder)
    _last_glance(supervisor, "finished" if status == 0 else "stopped")
    if not published:
        raise NothingToPublish(f"{supervisor.folder} holds no checkpoint that can be published; "
                               "the same command tries again, --fresh starts over")  # fmt: skip
    return status


def _last_glance(supervisor: Supervisor, state: Literal["finished", "stopped"]) -> None:
    """status.json of a night that is over; one that cannot be read or written is left."""
    path = supervisor.folder / STATUS
    with suppress(OvernightError):
        seen = journal.read_json(path, Status)
        if seen is not None:
            over = replace(seen, state=state, updated_utc=supervisor.clock.utc())
            journal.write_json(path, over)


def _newest_stop(entries: list[Entry]) -> Stopped | None:
    """Why training ended last; nothing if it went on after that."""
    for entry in reversed(entries):
        if isinstance(entry.event, Stopped):
            return entry.event
        if isinstance(entry.event, Stepped | Resumed):
            return None
    return None


def _final_status(status: int, published: bool, stop: Stopped | None) -> int:
    if not published:
        return NothingToPublish.exit_status
    if stop is not None and stop.reason in PLANNED:
        return 0  # also where the child was ended after its training was over
    return status if status in (0, EndedEarly.exit_status) else EndedEarly.exit_status


def _report(supervisor: Supervisor) -> None:
    """Pages and the last words; a report that fails takes nothing from the model."""
    from rich.console import Console

    from overnight.report import pages, summary, terminal

    try:
        report = summary.load(supervisor.folder)
        pages.write(report, supervisor.folder)
    except (OvernightError, OSError, ValueError) as error:
        print(f"overnight: the report could not be written: {error}", file=sys.stderr)
        return
    with suppress(BrokenPipeError):
        terminal.print_ending(report, run_folder=supervisor.folder, console=Console())

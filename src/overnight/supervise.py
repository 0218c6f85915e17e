"""The small parent, without torch: it owns the deadline and always leaves a model.

In: a Request. Out: an exit status, and on disk the newest good model in `final/` by the deadline.
It runs the night in a child, starts it again after a crash (bounded), ends it when it hangs, has a
fresh process test what is published. Never: trains, decides.
"""

import os
import shutil
import signal
import sys
from dataclasses import dataclass, field

from overnight.probe import session_limits
from overnight.probe.clock import Clock
from overnight.report.sentences import exit_words
from overnight.report.words import inert
from overnight.story import asked, begin, windows
from overnight.story.alone import alone, end_orphan
from overnight.story.begin import Night
from overnight.story.beside import NOTHING, Beside, Wishes
from overnight.story.children import KILL_SECONDS, Child, Signals
from overnight.story.closing import DISK_REFUSED, Closing, given_back, left_at_once
from overnight.story.examiner import Examiner
from overnight.story.outliving import outliving_readers
from overnight.story.publishing import Prices, Publisher, prices
from overnight.story.restarts import Restarts
from overnight.story.smaller import Memory
from overnight.story.vigil import Vigil, processor_seconds
from overnight.training import export, journal
from overnight.training.journal import Journal
from overnight.values.errors import EndedEarly, NoPlanFits
from overnight.values.ledger import Entry, Promoted, Saved, Started, Stepped
from overnight.values.request import Request
from overnight.values.troubles import Crashed

REFUSAL_SECONDS = 60.0
"""After the deadline: how long a child may take to say that the window is too short for it."""
READING_SHARE = 0.02
"""Of the time that reading the journal may take."""
SLICE = 0.2  # seconds between two looks at the child
KILL_SHARE = 0.3  # of what is kept for publishing: so long an ended child may take to be gone
CHILD_SECONDS = asked.LEAVE_SECONDS + 0.5
"""After SIGTERM: when a child that has not left by itself is ended."""
PASSED_ON = (2, 3)
"""Exit statuses of the child that are the user's to mend, not crashes."""
TOO_LATE = "it did not end in time and was ended"


@dataclass(slots=True)
class Supervisor:
    """One invocation of `overnight train` over one run folder."""

    night: Night
    clock: Clock
    journal: Journal
    signals: Signals
    examiner: Examiner
    beside: Beside
    ends_at: float | None
    """When the night, or before it this session, has to be over."""
    restarts: Restarts = field(default_factory=Restarts)
    saved_before: int = 0
    """Checkpoints that were there before this invocation."""
    promoted: bool = False
    """Whether there is something to publish, and so something to end a child for."""
    prices: Prices = field(default_factory=Prices)
    hurried_at: float | None = None
    """When SIGTERM was heard."""
    stuck: bool = False
    """Whether a child could not even be ended: the system waits for something on its behalf."""
    _begun: Started | None = None
    _steps: int = 0
    _steps_before: int = 0
    _read_again: float = -1.0

    def left(self) -> float | None:
        """Seconds until it has to be over."""
        return None if self.ends_at is None else self.ends_at - self.clock.boot()

    def read(self, *, now: bool = False) -> None:
        """What the journal says by now; a long one is read less often."""
        began = self.clock.boot()
        if began < self._read_again and not now:
            return
        entries = journal.read(self.night.folder)
        events = [entry.event for entry in entries]
        self.prices = prices(events)
        self.promoted = any(isinstance(event, Promoted) for event in events)
        self._steps = sum(isinstance(event, Stepped) for event in events)
        self._follow(entries)
        ended = self.clock.boot()
        self._read_again = ended + (ended - began) / READING_SHARE

    def _follow(self, entries: list[Entry]) -> None:
        """A deadline that was moved counts from here on."""
        begun = journal.started(entries)
        if begun is None or begun == self._begun:
            return
        if self._begun is not None:
            self.ends_at = windows.over_at(begun, self.clock, entries[-1])
        self._begun = begun

    def over(self) -> bool:
        """Whether a child that is still there would make the night late.

        It keeps the margin besides: only one that hangs runs into this. Until something could be
        published there is nothing to be in time for, but a refusal of the window to wait for.
        """
        self.read()
        if self._over():
            self.read(now=True)
        return self._over()

    def _over(self) -> bool:
        return self._within(self.prices.newest if self.promoted else -REFUSAL_SECONDS)

    def _within(self, seconds: float) -> bool:
        """Whether no more than so many seconds are left."""
        left = self.left()
        return left is not None and left <= seconds

    def _prepare(self) -> None:
        """What goes on beside; in a short window whoever tests has its libraries in time."""
        self.beside.look(self.left())
        if self.promoted and self._within(self.prices.ahead):
            self.examiner.prepare()

    def alone(self) -> bool:
        """Whether nobody may be there to mend anything: it trained, and something can be kept."""
        self.read(now=True)
        return self.promoted and (self.restarts.count > 0 or self._saves() > self.saved_before)

    def train(self) -> int:
        """Runs the child until it has ended by itself or its time is over; its exit status."""
        self.saved_before = self._saves()
        while self.signals.asked is None:
            memory = Memory(self.night.folder)
            status, why = self._run()
            if status in (0, EndedEarly.exit_status, DISK_REFUSED, *PASSED_ON):
                return status
            if self.signals.asked is not None:
                break
            self._tell_crash(status, why)
            if memory.smaller(self.journal, ours=bool(why)):
                self.restarts.forgive()
            if self.stuck or self._late() or self.restarts.hopeless or not self._pause():
                return status
        return EndedEarly.exit_status

    def _run(self) -> tuple[int, str]:
        """One child from its start to its end: its status, and why it was ended if it was."""
        self.read(now=True)
        self._steps_before = self._steps
        child = Child.start(["_night", str(self.night.folder)], processes=self.night.processes)
        vigil = Vigil(self.night.folder, self.clock, lambda: processor_seconds(child.pid))
        while True:
            status = child.wait(SLICE)
            if status is not None:
                return status, ""
            why = self._must_go(child, vigil)
            if not why:
                self._prepare()
            if why and not child.kill(min(KILL_SECONDS, KILL_SHARE * self.prices.newest)):
                self.stuck = True
                return -int(signal.SIGTERM), why
            if why:
                status = child.wait(SLICE)
                return (-int(signal.SIGTERM) if status is None else status), why

    def _must_go(self, child: Child, vigil: Vigil) -> str:
        """Why the child is to be ended now, or nothing; passes on what was asked."""
        if self.signals.asked is not None:
            child.ask_to_stop(self.signals.asked)
        if self.signals.asked == signal.SIGTERM:
            now = self.clock.boot()
            self.hurried_at = now if self.hurried_at is None else self.hurried_at
            if now - self.hurried_at > CHILD_SECONDS:
                return "it did not leave in time"
        if self.signals.leaves:
            return "left at once"
        if self.over():
            return TOO_LATE
        return vigil.look(training=self._steps > self._steps_before)

    def _late(self) -> bool:
        """Whether a new child could only import and then publish."""
        return self._within(self.prices.anew + self.prices.dearest)

    def _pause(self) -> bool:
        """Waits before another start; False where that is not to come any more."""
        print(f"overnight: {self.restarts.notice()}", file=sys.stderr)
        until = self.clock.boot() + self.restarts.wait
        while self.clock.boot() < until and self.signals.asked is None and not self._late():
            self.signals.wait(SLICE)
        return self.signals.asked is None and not self._late()

    def _saves(self) -> int:
        return sum(isinstance(entry.event, Saved) for entry in journal.read(self.night.folder))

    def _tell_crash(self, status: int, why: str) -> None:
        why = why or exit_words(status)
        events = [entry.event for entry in journal.read(self.night.folder)]
        self.restarts.crashed(
            why,
            step=max((one.step for one in events if isinstance(one, Stepped)), default=0),
            saved=max((one.step for one in events if isinstance(one, Saved)), default=-1),
            now=self.clock.boot(),
        )
        self.journal.append(Crashed(exit_status=status, why=why, attempt=self.restarts.count))

    def close(self, status: int, *, in_time: bool) -> int:
        """Publishes and says how it went; the exit status."""
        self.beside.page.end()
        # After a deadline that had passed at the start nothing is gained by hurrying.
        ends = [self.ends_at] if in_time and self.ends_at is not None else []
        if self.hurried_at is not None:
            ends.append(self.hurried_at + asked.GRACE_SECONDS)
        publisher = Publisher(self.night.folder, self.journal, self.clock, min(ends, default=None),
                              self.prices.dearest, self.examiner, self._leaves)  # fmt: skip
        return Closing(
            self.night.folder,
            self.journal,
            self.clock,
            self.ends_at,
            status,
            given_up=self._given_up(status),
            interrupted=self.signals.asked is not None,
        ).end(publisher)

    def _given_up(self, status: int) -> str:
        """Why training is not taken up again, where something went wrong for good."""
        if status == DISK_REFUSED:
            return "the disk took nothing more at its end"
        return self.restarts.words if self.restarts.hopeless else ""

    def _leaves(self) -> bool:
        """Whether a test of the model is not waited for; whoever is in a hurry waits a little."""
        if self.signals.asked == signal.SIGTERM and self.hurried_at is None:
            self.hurried_at = self.clock.boot()
        late = self.hurried_at is not None and self.clock.boot() - self.hurried_at > CHILD_SECONDS
        return self.signals.leaves or late


def run(request: Request, *, clock: Clock, fresh: bool = False, renew: bool = False,
        echoes: tuple[str, ...] = (), wishes: Wishes = NOTHING) -> int:  # fmt: skip
    """One `overnight train`: begin or go on, train, publish, report; the exit status of DESIGN 9.

    Raises:
        InputError: what was asked cannot be meant, or the folder belongs to another night.
    """
    with outliving_readers(), Signals() as signals:
        for line in echoes:
            print(inert(line))
        folder = begin.run_folder(request)
        with alone(folder):
            if fresh:
                windows.asked(request, clock.utc())
                begin.move_aside(folder)
            limit = session_limits.find(os.environ, now_utc=clock.utc())
            night = begin.night(request, folder, clock, renew=renew, limit=limit)
            return _held(night, clock, signals, wishes)


def _held(night: Night, clock: Clock, signals: Signals, wishes: Wishes) -> int:
    folder = night.folder
    if night.finished:
        export.check(folder)
        final = folder / export.FINAL
        print(inert(f"{folder} is finished: its model is {final}; --fresh starts over"))
        return 0
    if night.new and night.ends_at is not None and night.ends_at <= clock.boot():
        shutil.rmtree(folder, ignore_errors=True)
        raise NoPlanFits("the window was over before a night could begin in it; give a longer one")
    print(inert(night.echo))
    for line in (
        end_orphan(folder),
        asked.left_over(folder),
        session_limits.remark(os.environ, night.left(clock)),
    ):
        if line:
            print(inert(f"overnight: {line}"), file=sys.stderr)
    with Journal.open(folder, clock) as written:
        examiner, beside = Examiner(folder, night.trust_remote_code), Beside(folder, clock, wishes)
        made = Supervisor(night, clock, written, signals, examiner, beside, night.over_at)
        return beside.during(lambda: _supervised(made), made.left)


def _supervised(supervisor: Supervisor) -> int:
    left, status = supervisor.left(), EndedEarly.exit_status
    in_time = left is None or left > 0
    if in_time:
        status = supervisor.train()
        if supervisor.signals.leaves:
            return left_at_once(supervisor.journal)
        if status in PASSED_ON and not supervisor.alone():
            return given_back(supervisor.night.folder, status, new=supervisor.night.new)
    return supervisor.close(status, in_time=in_time)

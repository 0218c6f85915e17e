"""Between two events: a deadline that was moved, clocks that were set, machines that slept.

In: the live stage and its loop, RUN/extend. Out: the loop's course with another deadline, events
in the journal. Never: moves a deadline by itself to a later time.
"""

from dataclasses import dataclass, replace

from overnight.control.jumps import Jumps, Reading
from overnight.planning import timing
from overnight.probe.clock import Clock
from overnight.story import windows
from overnight.story.asked import EXTEND, LOOK_SECONDS, Asked
from overnight.story.stage import Stage
from overnight.training import clocks, journal
from overnight.training.loop import Loop
from overnight.values.errors import OvernightError
from overnight.values.ledger import Entry, Started


def reading(clock: Clock) -> Reading:
    """The machine's three clocks, read together."""
    return Reading(wall=clock.utc(), boot=clock.boot(), awake=clock.awake())


@dataclass(slots=True)
class Heed:
    """What the main process sees to after each event; the others follow its decisions."""

    on: Stage
    asked: Asked
    jumps: Jumps
    looked: float = -1e9

    @classmethod
    def begin(cls, on: Stage, asked: Asked) -> "Heed":
        """From now on."""
        return cls(on, asked, Jumps(last=reading(on.teller.clock)))

    def after(self, loop: Loop) -> None:
        """Looks now and then at the clocks, and whether the deadline was moved."""
        if self.on.teller.main and self.on.now - self.looked >= LOOK_SECONDS:
            self.looked = self.on.now
            self._clocks(loop)
            self._moved(loop)

    def _clocks(self, loop: Loop) -> None:
        self.jumps, told, holds = self.jumps.after(reading(self.on.teller.clock))
        if told is not None:
            self.on.teller.tell(told)
        begun = self.on.teller.begun if holds else None
        if begun is not None and begun.by_clock:
            self._sooner(loop, begun)

    def _sooner(self, loop: Loop, begun: Started) -> None:
        """A clock that was set forward, and stays so, brings instants nearer; none goes away."""
        utc, boot = self.on.teller.clock.utc(), self.on.now
        ends, leaves = loop.course.deadline.ends_at, loop.course.deadline.leaves_at
        if ends is not None and begun.deadline_utc is not None:
            ends = min(ends, boot + begun.deadline_utc - utc)
        session = windows.leaves_at(begun, utc, boot)
        if leaves is not None and session is not None:
            leaves = min(leaves, session)
        self._aim(loop, ends, leaves)

    def _moved(self, loop: Loop) -> None:
        """Takes a deadline from the file that moves it; one that cannot be read is left out."""
        path = self.on.teller.run_folder / EXTEND
        try:
            begun = journal.read_json(path, Started)
        except OvernightError as error:
            self.on.teller.note(f"the deadline was not moved: {error}")
            begun = None
        path.unlink(missing_ok=True)
        if begun is None:
            return
        clock, teller = self.on.teller.clock, self.on.teller
        teller.entries.append(Entry(t=teller.journal.now(), utc=clock.utc(), event=begun))
        self.asked.go_on()
        deadline = replace(loop.course.deadline, ending="", steps_wanted=_steps_wanted(self.on))
        loop.course = replace(loop.course, deadline=deadline)
        last = teller.entries[-1]
        self._aim(loop, clocks.deadline_boot(begun, clock, last=last),
                  windows.leaves_at(begun, clock.utc(), clock.boot()))  # fmt: skip

    def _aim(self, loop: Loop, ends: float | None, leaves: float | None) -> None:
        deadline = loop.course.deadline.moved_to(ends, leaves)
        loop.course = replace(loop.course, deadline=deadline)
        self.on.aim(ends, leaves)


def _steps_wanted(on: Stage) -> int | None:
    return timing.steps_wanted(on.plan.candidate, on.found.data.profile)

"""Publishing: the best checkpoint there is, tested in a fresh process, put into `final/` in time.

In: a run folder whose training process is gone. Out: `final/`, and the journal says what it is.
Never: loads a model itself; leaves nothing where an untested model could be left.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from overnight.probe.clock import Clock
from overnight.story.children import Child
from overnight.story.examiner import Examiner
from overnight.training import export, journal, lineage
from overnight.training.journal import Journal
from overnight.values.errors import NothingToPublish
from overnight.values.ledger import (
    Chosen,
    Continued,
    Event,
    Prepared,
    Published,
    Saved,
    Started,
    Stepped,
)
from overnight.values.plan import examined_ahead

LAST_MOMENT = 1.5
"""Seconds before the deadline at which an untested model is put into place. From there to the
command's exit it took 0.5 s once on a busy two-core machine, and 0.4 s was too late."""
PRICE_FACTOR = 1.5
"""On what the training process took to import and load: a fresh one does the same again, on a
machine that may be busier by then: once 1.8 times as long was not enough."""
PRICE_EXTRA = 1.0
"""Seconds for starting it, a forward pass, and putting the model into place."""
PUBLISH_PRIOR = 12.0
"""Seconds kept for publishing before this machine's own imports were timed."""
AHEAD_FACTOR = 5.0
"""On what importing took: so long before its turn a process that tests ahead is started, for the
training process takes the processor at the same time."""
AHEAD_SHARE, AHEAD_TEST = 0.3, 0.1
"""Of what loading took once the same takes then, and the seconds that are added: 0.16 in a night
that had loaded in 0.4."""
SLICE = 0.2
"""Seconds between two looks at whether the user has left."""
UNTRAINED = "checkpoint-0"
REFUSED = NothingToPublish.exit_status
"""With it the test says that the model is wrong; any other failure is the test's own."""
PATIENCE = 600.0
"""Seconds after which a test hangs, where there is no deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Seconds that publishing takes, as far as is known."""

    dearest: float = PUBLISH_PRIOR
    """The most that was seen ..."""
    newest: float = PUBLISH_PRIOR
    """... and what the child that is there keeps for it."""
    anew: float = PUBLISH_PRIOR
    """With the imports before it, which another child would have to do first."""
    ahead: float = -math.inf
    """So long before the end the process that tests is started; never where it waits its turn."""


def prices(events: Sequence[Event]) -> Prices:
    """What the journal says of it."""
    told = [event for event in events if isinstance(event, Prepared)]
    begun = next((event for event in events if isinstance(event, Started)), None)
    if begun is None or not told:
        return Prices()
    window, last = begun.window_seconds, told[-1]
    newest = publish_price(last, window)
    ahead = newest + AHEAD_FACTOR * last.import_seconds
    return Prices(
        dearest=max(publish_price(one, window) for one in told),
        newest=newest,
        anew=max(publish_price(one, None) for one in told),
        ahead=ahead if examined_ahead(window) else -math.inf,
    )


def publish_price(prepared: Prepared, window: float | None) -> float:
    """Seconds kept for publishing, from what this machine took to import and load; `window` is the
    length of the night as it was begun."""
    cost = prepared.load_seconds + (0.0 if examined_ahead(window) else prepared.import_seconds)
    return PRICE_FACTOR * cost + PRICE_EXTRA + LAST_MOMENT


def publish_seconds(prepared: Prepared, window: float | None) -> float:
    """Seconds that publishing is expected to take."""
    if examined_ahead(window):
        return AHEAD_SHARE * prepared.load_seconds + AHEAD_TEST
    return prepared.import_seconds + prepared.load_seconds


@dataclass(frozen=True, slots=True)
class Publisher:
    """One try to leave a model."""

    folder: Path
    journal: Journal
    clock: Clock
    ends_at: float | None
    """On this boot's clock; None where there is time for a test in any case."""
    price: float
    """Seconds that publishing takes, as far as is known."""
    examiner: Examiner
    left_at_once: Callable[[], bool] = bool
    """Whether the user has asked a second time to be gone."""

    def publish(self) -> bool:
        """Puts the chosen checkpoint, else the newest promoted one, into `final/`."""
        try:
            worth = self._worth_publishing()
            return any(self._stands(name) or self._put(name) for name in worth) or self._stood()
        finally:
            self.examiner.end()

    def _stood(self) -> bool:
        """Whether `final/` is what was published before the night began again and was struck."""
        events = [entry.event for entry in journal.read(self.folder)]
        mine = [one for one in events if isinstance(one, Published) and one.name]
        return bool(mine) and mine[-1].tested and not export.damage(self.folder)

    def _worth_publishing(self) -> list[str]:
        entries = journal.read(self.folder)
        lineage.tidy(self.folder, entries)  # the child is gone; a kill may have left a half-rename
        names = []
        events = [entry.event for entry in entries]
        newest = next((one for one in reversed(events) if isinstance(one, Chosen | Stepped)), None)
        if isinstance(newest, Chosen):
            names.append(newest.name)
        promoted = lineage.newest_promoted(self.folder, entries)
        older = [name for name in reversed(lineage.promoted(entries)) if name != promoted.name]
        names += [name for name in (promoted.name, *older) if name and name not in names]
        return names

    def _stands(self, name: str) -> bool:
        """Whether `final/` holds just this checkpoint already, tested."""
        events = [entry.event for entry in journal.read(self.folder)]
        mine = [one for one in events if isinstance(one, Published) and one.name]
        saved = [one for one in events if isinstance(one, Published | Saved) and one.name == name]
        if not mine or not saved or saved[-1] is not mine[-1]:
            return False
        return mine[-1].tested and not export.damage(self.folder)

    def _put(self, name: str) -> bool:
        begun = self.clock.boot()
        tested, wrong = self._tested(name)
        if wrong:
            self.journal.append(Published(name="", tested=False, seconds=0.0, note=wrong))
            return False
        if not tested and not self._untested(name):
            return False
        seconds = self.clock.boot() - begun
        said = "it was not tested: no time was left, or the test itself failed"
        if tested:
            said = export.uncompared(self.folder)
        if name == UNTRAINED:
            said = self._untrained()
        self.journal.append(Published(name=name, tested=tested, seconds=seconds, note=said))
        return True

    def _untrained(self) -> str:
        """What the checkpoint before step 1 is."""
        events = [entry.event for entry in journal.read(self.folder)]
        came = next((one for one in reversed(events) if isinstance(one, Continued)), None)
        if came is None:
            return "no step was learnt: this is the base model"
        return f"no step of this night made it better: this is {came.name} as it came"

    def _tested(self, name: str) -> tuple[bool, str]:
        """Whether a fresh process published it; why not, where it said so itself."""
        left = None if self.ends_at is None else self.ends_at - self.clock.boot()
        if left is not None and left < 0.5 * self.price:
            return False, ""
        child = self.examiner.start(name)
        status = self._wait(child, PATIENCE if left is None else left - LAST_MOMENT)
        if status is None:
            child.kill()
            return False, ""
        return status == 0, child.said if status == REFUSED else ""

    def _wait(self, child: Child, seconds: float) -> int | None:
        # By the clock: on a starved machine a slice takes longer than it should.
        until = self.clock.boot() + seconds
        while (left := until - self.clock.boot()) > 0 and not self.left_at_once():
            status = child.wait(min(left, SLICE))
            if status is not None:
                return status
        return None

    def _untested(self, name: str) -> bool:
        try:
            export.clear(self.folder)
            export.put_in_place(self.folder, export.stage(self.folder, name, linked=True))
        except (OSError, NothingToPublish):
            return False
        return True

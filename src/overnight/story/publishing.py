"""Publishing: the best checkpoint there is, tested in a fresh process, put into `final/` in time.

In: a run folder whose training process is gone. Out: `final/`, and the journal says what it is.
Never: loads a model itself; leaves nothing where an untested model could be left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from overnight.probe.clock import Clock
from overnight.story.children import Child
from overnight.training import export, journal, lineage
from overnight.training.journal import Journal
from overnight.values.errors import NothingToPublish
from overnight.values.ledger import Chosen, Continued, Prepared, Published, Saved, Stepped

LAST_MOMENT = 1.5
"""Seconds before the deadline at which an untested model is put into place. From there to the
command's exit it took 0.5 s once on a busy two-core machine, and 0.4 s was too late."""
PRICE_FACTOR = 1.5
"""On what the training process took to import and load: a fresh one does the same again, on a
machine that may be busier by then: once 1.8 times as long was not enough."""
PRICE_EXTRA = 1.0
"""Seconds for starting it, a forward pass, and putting the model into place."""
SLICE = 0.2
"""Seconds between two looks at whether the user has left."""
UNTRAINED = "checkpoint-0"
REFUSED = NothingToPublish.exit_status
"""With it the test says that the model is wrong; any other failure is the test's own."""
PATIENCE = 600.0
"""Seconds after which a test hangs, where there is no deadline."""


def publish_price(prepared: Prepared) -> float:
    """Seconds that publishing takes, from what this machine took to import and load."""
    cost = prepared.import_seconds + prepared.load_seconds
    return PRICE_FACTOR * cost + PRICE_EXTRA + LAST_MOMENT


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
    left_at_once: Callable[[], bool] = bool
    """Whether the user has asked a second time to be gone."""
    trust_remote_code: bool = False
    """Whether the test may run code that the model brings, as the command said."""

    def publish(self) -> bool:
        """Puts the chosen checkpoint, else the newest promoted one, into `final/`."""
        worth = self._worth_publishing()
        return any(self._stands(name) or self._put(name) for name in worth) or self._stood()

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
        words = ["--trust-remote-code"] if self.trust_remote_code else []
        child = Child.start(["_publish", str(self.folder), name, *words], quiet=True)
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

"""The parent of a comparison: starts the process that compares, ends it in time, starts it again.

In: a run folder, the deadline, signals. Out: why it is over; a setting whose process dies twice is
left out and the others go on. Never: torch, a figure.
"""

import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from overnight.probe.clock import Clock
from overnight.report.sentences import exit_words
from overnight.story.asked import LEAVE_SECONDS
from overnight.story.children import Child, Signals
from overnight.training import journal
from overnight.training.journal import Journal
from overnight.values.trials import Refused, Sliced, Tried
from overnight.values.troubles import Crashed

WORK = "_compare"
"""The hidden command that compares."""
TURN = "turn"
"""In the run folder: whose turn it is, for whoever asks after a crash."""
CLOSING_SECONDS = 2.5
"""Before the deadline: reading the journal, the bootstrap and two files took 0.4 s for 12 trials of
373 rows on two cores; the rest is for a machine that others use."""
SLICE = 0.1
PASSED_ON = (2, 3)
"""Exit statuses of the child that are the user's to mend, not crashes."""
TWICE = 2
MOST_CRASHES = 6

Why = Literal["done", "time", "asked", "refused", "crashed"]


@dataclass(slots=True)
class Watch:
    """One invocation of `overnight compare` over one run folder."""

    folder: Path
    clock: Clock
    journal: Journal
    signals: Signals
    ends_at: float
    """The deadline on the boot-time clock."""
    status: int = 0
    """Of the child that ended last."""
    crashes: dict[str, int] = field(default_factory=dict)
    """By setting, since it came any further."""
    _done: int = -1

    def run(self) -> Why:
        """Until everything is compared, or the time is over, or nothing more can come."""
        while True:
            why = self._one()
            if why != "crashed" or not self._again():
                return why

    def _one(self) -> Why:
        """One child, from its start to its end."""
        child = Child.start([WORK, str(self.folder)])
        hurried: float | None = None
        while (status := child.wait(SLICE)) is None:
            now = self.clock.boot()
            if self.signals.asked is not None:
                child.ask_to_stop(self.signals.asked)
                hurried = now if hurried is None else hurried
            hung = hurried is not None and now - hurried > LEAVE_SECONDS
            if now >= self.ends_at - CLOSING_SECONDS or hung or self.signals.leaves:
                child.kill()
                return "asked" if self.signals.asked is not None else "time"
        self.status = status
        if self.signals.asked is not None:
            return "asked"
        return "done" if status == 0 else "refused" if status in PASSED_ON else "crashed"

    def _again(self) -> bool:
        """Whether another start may come further; who died twice without it is left out."""
        done = sum(isinstance(one.event, Sliced | Tried) for one in journal.read(self.folder))
        if done > self._done:
            self.crashes.clear()
        self._done = done
        name, how = self._turn(), exit_words(self.status)
        self.crashes[name] = self.crashes.get(name, 0) + 1
        count = sum(self.crashes.values())
        self.journal.append(Crashed(exit_status=self.status, why=f"{name}'s turn", attempt=count))
        print(f"overnight: the process that compares died in the turn of {name or 'none'} ({how})",
              file=sys.stderr)  # fmt: skip
        if not name or count >= MOST_CRASHES:
            return False
        if self.crashes[name] >= TWICE:
            self.journal.append(Refused(setting=name, why=f"its process died twice, {how}"))
        return self.signals.asked is None

    def _turn(self) -> str:
        try:
            return (self.folder / TURN).read_text(encoding="utf-8").strip()
        except OSError:
            return ""


def note_turn(folder: Path, name: str) -> None:
    """Says whose turn it is."""
    (folder / TURN).write_text(name, encoding="utf-8")


def in_words(why: Why, number: int | None) -> str:
    """Why a comparison is over, for its journal."""
    if why == "asked":
        return f"asked by {signal.Signals(number).name}" if number else "asked to end"
    return {"done": "everything was compared", "time": "its window is over",
            "refused": "it cannot be run", "crashed": "its process died"}[why]  # fmt: skip

"""Everything alive in the process that compares, in one place.

In: what was asked for every setting, what was looked at. Out: the `Comparing` that tries and turns
act on. Never: acts by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from overnight.planning.question import Question
from overnight.story.comparing_told import Told
from overnight.story.comparing_trial import Ground, Live
from overnight.training import parking
from overnight.values.ledger import Entry, Event
from overnight.values.plan import Plan
from overnight.values.trials import Trial, Tried


@dataclass(slots=True)
class Comparing:
    """Everything alive in the process that compares."""

    ground: Ground
    folder: Path
    tell: Callable[[Event], None]
    entries: list[Entry]
    """The journal so far; `tell` appends to it."""
    questions: dict[str, Question]
    """By setting, in the order asked: the first is the reference."""
    window: float
    """Seconds, from the first start to the deadline."""
    ends_at: float
    """On the boot-time clock: when the last look has to be over."""
    seeds: int
    wanted: Callable[[], str]
    """What the world wants: an end, or nothing."""
    at: Callable[[str], None]
    """Told whose turn it is, for whoever asks after a crash."""
    plans: dict[str, Plan] = field(default_factory=dict)
    """Of the settings that take part."""
    live: Live | None = None

    @property
    def left(self) -> float:
        """Seconds."""
        return self.ends_at - self.ground.clock.boot()

    @property
    def told(self) -> Told:
        """What the journal says so far."""
        return Told.of(self.entries)

    def tried(self) -> list[Tried]:
        """What the first steps have shown, of the settings that take part, in their order."""
        seen = self.told.tried()
        return [seen[name] for name in self.plans]

    def folder_of(self, trial: Trial) -> Path:
        """Where a trial's checkpoints lie."""
        place = list(self.questions).index(trial.setting) + 1
        return self.folder / "trials" / f"{place}-{trial.kind}-{trial.seed}"

    def drop(self) -> None:
        """Lets go of the session that is in the memory; its state lies on the disk."""
        if self.live is not None:
            device = self.live.session.accelerator.device.type
            self.live = None
            parking.let_go(device)

"""Everything alive in the process that compares, in one place, and what its journal says so far.

In: what was asked for every setting, what was looked at. Out: the `Comparing` that tries and turns
act on. Never: acts by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from overnight.planning.question import Question
from overnight.story.comparing_trial import Ground, Live
from overnight.training import parking
from overnight.values.ledger import Entry, Event
from overnight.values.plan import Plan
from overnight.values.trials import Refused, Sliced, Trial, Tried, Weighed

E = TypeVar("E", bound=Event)


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

    def told(self, kind: type[E]) -> list[E]:
        """The journal's events of one kind."""
        return [one.event for one in self.entries if isinstance(one.event, kind)]

    def tried(self) -> list[Tried]:
        """What the first steps have shown, of the settings that take part, in their order."""
        seen = {one.setting: one for one in self.told(Tried)}
        return [seen[name] for name in self.plans]

    def refused(self) -> list[Refused]:
        """Settings that were left out."""
        return self.told(Refused)

    def folder_of(self, trial: Trial) -> Path:
        """Where a trial's checkpoints lie."""
        place = list(self.questions).index(trial.setting) + 1
        return self.folder / "trials" / f"{place}-{trial.kind}-{trial.seed}"

    def base(self) -> Weighed | None:
        """The base model's look, where it was taken."""
        looks = self.told(Weighed)
        return next((one for one in looks if one.trial is None), None)

    def newest(self, trial: Trial) -> Sliced | None:
        """A trial's newest slice."""
        seen = reversed(self.told(Sliced))
        return next((one for one in seen if one.trial == trial), None)

    def seen(self, trial: Trial) -> bool:
        """Whether a trial is over and was looked at."""
        return any(one.trial == trial for one in self.told(Weighed))

    def drop(self) -> None:
        """Lets go of the session that is in the memory; its state lies on the disk."""
        if self.live is not None:
            device = self.live.session.accelerator.device.type
            self.live = None
            parking.let_go(device)

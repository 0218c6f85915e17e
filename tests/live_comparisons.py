"""A comparison of two settings of a tiny model in this process, on a clock that ticks by itself."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeVar

from tests.fakes import FakeClock
from tests.small_nights import Small

from overnight.story.comparing_stage import Comparing
from overnight.story.comparing_trial import Ground
from overnight.story.look import Look, look, question
from overnight.training.journal import Journal
from overnight.values.ledger import Entry, Event, Started
from overnight.values.request import Request, Settings

E = TypeVar("E", bound=Event)
TICK = 0.05
"""Seconds that go by at each look at the clock: a step is a few of them."""
SHARED = Settings(learning_rate=1e-2, gradient_checkpointing=False)


class Ticking(FakeClock):
    """A clock that goes on a little whenever somebody looks at it."""

    def boot(self) -> float:
        self.advance(TICK)
        return super().boot()

    def awake(self) -> float:
        self.advance(TICK)
        return super().awake()


def looked(small: Small) -> Look:
    return look(Request(data=str(small.data), model=str(small.model)))


def requests(small: Small) -> dict[str, Request]:
    """Eight rows a step in one piece, and in eight pieces through an adapter."""
    base = Request(data=str(small.data), model=str(small.model), precision="fp32", method="full")
    one = replace(SHARED, per_device_train_batch_size=8, gradient_accumulation_steps=1)
    many = replace(SHARED, per_device_train_batch_size=1, gradient_accumulation_steps=8)
    return {"whole": replace(base, settings=one),
            "pieces": replace(base, settings=many, method="lora")}  # fmt: skip


class Stand:
    """A comparison that can be stopped and taken up again, as in another process."""

    def __init__(self, small: Small, found: Look, folder: Path, *, window: float = 25.0) -> None:
        self.small, self.found, self.folder, self.window = small, found, folder, window
        self.clock = Ticking()
        self.entries: list[Entry] = []
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = Journal.open(folder, self.clock)
        self.entries.append(self.journal.note_start(self._started()))
        self.turns: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *how: object) -> None:
        self.journal.close()

    def _started(self) -> Started:
        now = self.clock.boot()
        return Started(run="r", started_utc=self.clock.utc(), deadline_utc=None,
                       window_seconds=self.window, started_boot=now, boot_id=self.clock.boot_id(),
                       label="", versions={"torch": "2.13"})  # fmt: skip

    def on(self, *, seeds: int = 1, wanted: Callable[[], str] = str) -> Comparing:
        """Everything anew but what lies on the disk and in the journal."""
        found = self.found
        asked = requests(self.small)
        request = replace(asked["whole"], settings=Settings())
        return Comparing(
            ground=Ground(request=request, model=found.model, data=found.data,
                          own=dict.fromkeys(asked, found.data), clock=self.clock, run="r",
                          now=self.journal.now),
            folder=self.folder,
            tell=self._tell,
            entries=self.entries,
            questions={name: question(one, found, None) for name, one in asked.items()},
            window=self.window,
            ends_at=self.clock.boot() + self.window,
            seeds=seeds,
            wanted=wanted,
            at=self.turns.append,
        )  # fmt: skip

    def _tell(self, event: Event) -> None:
        self.entries.append(self.journal.append(event))

    def told(self, kind: type[E]) -> list[E]:
        return [one.event for one in self.entries if isinstance(one.event, kind)]

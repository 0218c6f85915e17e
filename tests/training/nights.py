"""A night's run folder to try things on: a fake clock, entries, checkpoints of small files."""

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes import FakeClock

from overnight.training import lineage
from overnight.training.checkpoint import Lineage, write
from overnight.training.journal import Journal
from overnight.values.ledger import (
    Entry,
    Evaluated,
    Event,
    Loss,
    Promoted,
    Resumed,
    Saved,
    Started,
    Stepped,
)
from overnight.values.troubles import Rewound

WEIGHTS = "adapter_model.safetensors"


class Killed(BaseException):
    """What a process does after SIGKILL: nothing."""


def read_only(*_: object) -> None:
    """What a call of the system says on a disk that is mounted so."""
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def start(clock: FakeClock, *, run: str = "night-1", window: float | None = 3600.0) -> Started:
    return Started(run=run, started_utc=clock.utc(), window_seconds=window,
                   deadline_utc=clock.utc() + window if window else None,
                   started_boot=clock.boot(), boot_id=clock.boot_id(), label="1h")  # fmt: skip


def begun(folder: Path, clock: FakeClock) -> Journal:
    """The journal of a night that has just begun."""
    one = Journal.open(folder, clock)
    one.note_start(start(clock))
    return one


def newest_whole(folder: Path, entries: Sequence[Entry]) -> lineage.Found:
    """What a start would go on from, seen without tidying the folder up first."""
    return lineage._newest(lineage._survey(folder, entries))


def stepped(step: int) -> Stepped:
    return Stepped(step=step, epoch=0.0, loss=2.0, tokens=1, learnt_tokens=1, seconds=1.0,
                   learning_rate=1e-4, grad_norm=1.0, peak_bytes=1)  # fmt: skip


def fill(text: str) -> Callable[[Path], None]:
    """Files as a small adapter's checkpoint has them; what they hold depends on `text`."""

    def into(folder: Path) -> None:
        (folder / "adapter_model.safetensors").write_bytes(text.encode() * 50)
        (folder / "optimizer.pt").write_bytes(b"moments " + text.encode())
        (folder / "trainer_state.json").write_text('{"global_step": "' + text + '"}')

    return into


@dataclass
class Night:
    """One night in a folder; `entries` is what the journal would read."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    entries: list[Entry] = field(default_factory=list)

    def begin(self, run: str = "night-1") -> "Night":
        return self.add(start(self.clock, run=run))

    def add(self, event: Event) -> "Night":
        self.clock.advance(1.0)
        t = self.clock.boot() - 1_000.0
        self.entries.append(Entry(t=t, utc=self.clock.utc(), event=event))
        return self

    def lineage(self, *, parent: str = "", run: str = "night-1") -> Lineage:
        return Lineage(run=run, parent=parent, t=self.entries[-1].t)

    def write(self, step: int, text: str | None = None) -> Path:
        """A checkpoint in place of which the journal does not know."""
        return write(self.folder, step=step, lineage=self.lineage(),
                     fill=fill(text or str(step))).path  # fmt: skip

    def save(self, *steps: int, text: str | None = None) -> "Night":
        for step in steps:
            path = self.write(step, text)
            self.add(Saved(step=step, name=path.name, parent="", seconds=1.0, bytes=1))
        return self

    def promote(self, step: int) -> "Night":
        return self.add(Promoted(step=step, name=f"checkpoint-{step}", why="20 healthy steps"))

    def evaluate(self, step: int, loss: float) -> "Night":
        measured = Loss(loss=loss, low=loss, high=loss, n=20)
        return self.add(Evaluated(step=step, part="select", loss=measured, seconds=1.0))

    def rewind(self, step: int) -> "Night":
        return self.add(Rewound(step=step + 9, to_step=step, name=f"checkpoint-{step}",
                                rate_factor=0.5, why="spike"))  # fmt: skip

    def resume(self, step: int) -> "Night":
        return self.add(Resumed(step=step, name=f"checkpoint-{step}", steps_lost=0))

    def damage(self, step: int, name: str = WEIGHTS) -> None:
        """A file of a checkpoint becomes zeros."""
        path = self.folder / f"checkpoint-{step}" / name
        path.write_bytes(bytes(path.stat().st_size))

    def names(self) -> list[str]:
        """Names in the run folder, hidden ones too."""
        return sorted(path.name for path in self.folder.iterdir())

    def set_aside(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "set-aside").glob("*"))

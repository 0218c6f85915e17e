"""What is to be done next, and where training stands.

Decisions are imperatives, so that an instruction and a log line cannot be confused (ledger.py has
the events). In: nothing. Out: frozen values. Never: decides.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Take the next optimizer step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluate:
    """Measure the *select* part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Write a checkpoint."""

    why: str = "cadence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replan:
    """Set the horizon anew before the next step."""

    horizon: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewind:
    """Go back to the newest promoted checkpoint."""

    why: str
    best: bool = False
    """To the one with the lowest *select* loss instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """End the training and begin the ending."""

    reason: str


Decision = Step | Evaluate | Save | Replan | Rewind | Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where training stands: what a checkpoint restores and the loop carries on."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    """Optimizer-step batches of this epoch already drawn, dropped and skipped ones included."""
    batches_per_epoch: int = 1
    tokens: int = 0
    stage: int = 0
    """Of the night (values/curriculum.py); epochs and batches are counted in each anew."""
    before: float = 0.0
    """Epochs of all rows that were drawn in earlier stages."""
    weight: float = 1.0
    """What a pass over this stage's rows is of one over all."""

    @property
    def place(self) -> tuple[int, int, int]:
        """Stage, epoch and batch: later places are larger."""
        return self.stage, self.epoch, self.batch

    @property
    def epochs_done(self) -> float:
        """Epochs drawn so far, as a fraction."""
        done = self.epoch + self.batch / max(self.batches_per_epoch, 1)
        return self.before + self.weight * done

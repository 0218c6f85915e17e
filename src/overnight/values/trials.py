"""What a comparison is made of: settings side by side, each trained in trials that take turns.

A trial is one annealed run of one setting; a slice is what it trains between two turns of others.
In: nothing. Out: frozen values, the events of a comparison's journal among them. Never: which
trial is next (planning/division.py), what came out (values/comparison.py).
"""

from dataclasses import dataclass, field
from typing import Literal

from overnight.values.plan import Candidate

Kind = Literal["time", "work"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run of one setting, its learning rate brought to zero at its own end."""

    setting: str
    seed: int
    """1, 2 ...: which of the seeds, the same for all settings."""
    kind: Kind
    """As much training as a given time allows, or a given number of supervised tokens."""

    @property
    def title(self) -> str:
        """For people: "baseline, equal time, seed 1"."""
        return f"{self.setting}, equal {self.kind}, seed {self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A setting was planned and takes part."""

    setting: str
    candidate: Candidate
    job_steps: int
    """Optimizer steps of the whole job as this setting would do it, ..."""
    job_epochs: float
    """... its epochs, ..."""
    job_tokens: float
    """... and the tokens that it trains on."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A setting takes no part, or no further one."""

    setting: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A setting took a few steps that nothing is kept of but their pace."""

    setting: str
    steps: int
    step_seconds: float
    tokens_per_second: float
    learnt_per_second: float
    """Supervised tokens a second."""
    peak_bytes: int
    switch_seconds: float
    """Building the session, reading and writing its checkpoint: what every slice costs besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Divided:
    """The window was divided among the settings."""

    seconds: float
    """Training of each trial of the kind `time`."""
    seeds: int
    work: bool
    """Whether there is time for trials of equal work besides."""
    rounds: int
    """Slices of each trial."""
    rows: int
    """Held-out rows of each look."""
    why: str = ""
    """What was left out for want of time; or why it was divided anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliced:
    """A slice of a trial is over and its state is on the disk."""

    trial: Trial
    round: int
    name: str
    """Of the checkpoint."""
    step: int
    """Steps of the trial so far ..."""
    spent: float
    """... its seconds so far, ..."""
    learnt: int
    """... and the supervised tokens."""
    steps: int
    """Steady steps of this slice: what it took to get going again is left out ..."""
    seconds: float
    tokens: int
    learnt_tokens: int
    """... and the supervised ones of their tokens."""
    loss: float
    """Mean training loss of the slice's steps."""
    peak_bytes: int
    """The most memory taken in this slice; 0 where it cannot be told from that of others."""
    troubles: dict[str, int] = field(default_factory=dict)
    """What was seen in this slice: `dropped`, `clipped`, `rewound`, `shrunk`, how often each."""
    over: str = ""
    """Why the trial is over, in the words of `Stopped`; empty while it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The held-out rows were looked at after a trial, or before any (no trial: the base model)."""

    trial: Trial | None
    seconds: float
    sums: tuple[float, ...]
    """Token losses of each row, summed (nats)."""
    counts: tuple[int, ...] = ()
    """Supervised tokens of each row; given once, with the base."""

"""What earlier nights on this machine taught: one record a rehearsal or night, and their lessons.

In: nothing. Out: frozen values. Never: where they are kept (training/history.py), how they are
weighed (planning/lessons.py).
"""

from dataclasses import dataclass, field
from typing import Literal

from overnight.values.facts import Interval
from overnight.values.plan import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """One rehearsal or night as history keeps it; no text and no path of the user's data."""

    when_utc: float
    kind: Literal["rehearsal", "night"]
    run: str
    """Name of the run folder, nothing of what lies above it."""
    machine: str
    """Device, its number and the processors: what makes two nights comparable."""
    versions: str
    """Of overnight, torch and transformers."""
    architecture: str
    num_parameters: int
    hidden_size: int
    avg_tokens_per_sample: float
    candidate: Candidate
    fitted: Candidate | None = None
    """What was left of the candidate where memory ran out: this is known to fit."""
    free_bytes: int = 0
    """Of the device's memory when the night was planned."""
    prior: dict[str, float] = field(default_factory=dict)
    """What the catalogue alone said (the keys of `Plan.prior`)."""
    predicted: dict[str, float] = field(default_factory=dict)
    """What the plan said, history counted in."""
    actual: dict[str, float] = field(default_factory=dict)
    """What was measured, under the same keys; `total` in seconds and `steps` besides, where the
    night came to its planned end undisturbed."""
    night: str = ""
    """The night's own random name: what was remembered of it before is replaced."""
    data: str = ""
    """Tells the same data from other; nothing can be read out of it."""
    rows: int = 0
    """Training rows."""
    promised: dict[str, Interval] = field(default_factory=dict)
    """The intervals of what was predicted, under the same keys."""
    rehearsed: dict[str, Interval] = field(default_factory=dict)
    """What the plan said after its rehearsal: `tokens_per_second`, `total`, `steps`."""
    ended: str = ""
    """Why training stopped: `horizon`, `window`, `stop` ...; empty before the night is over."""
    gain: float | None = None
    """Base minus published loss on the *select* part; above 0 is better than the base."""
    piloted: bool = False
    """Whether its rate is what pilots spoke for."""
    well: bool = False
    """It came to its planned end, was never rewound, and left something better than the base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """By what factor a prior was off, as an interval that holds nine times in ten."""

    ratio: Interval
    """Actual over prior, `offset` added to both."""
    nights: int
    """How many records it rests on."""
    offset: float = 0.0
    """In the figure's own unit: keeps the ratio of two tiny figures from being carried over to
    large ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What history says about a question, by the keys of `Plan.prior`; empty without history."""

    by_key: dict[str, Lesson] = field(default_factory=dict)
    learning_rate: float | None = None
    """The rate of the best night alike in model, method and data, where it beat the rule's."""
    learning_rate_steps: int = 0
    """How many steps that night had: for another horizon the rate changes as the rule's does."""
    fitted: Candidate | None = None
    """What memory left of the candidate of the newest night alike in which it ran out."""

    def about(self, key: str) -> Lesson | None:
        """The lesson on one prior."""
        return self.by_key.get(key)

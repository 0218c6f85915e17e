"""What came out of a comparison: speed, time for the job, loss, memory and risk of every setting.

In: nothing. Out: frozen values. Never: a figure without what it was measured on; words
(report/comparison.py).
"""

from dataclasses import dataclass, field

from overnight.values.plan import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A figure with what it varied between; `n` looks at it, one of which tells no variation."""

    mid: float
    low: float
    high: float
    n: int

    @property
    def known(self) -> bool:
        """Whether low and high say anything."""
        return self.n > 1

    def scaled(self, factor: float) -> "Spread":
        """The same in another unit."""
        return Spread(mid=self.mid * factor, low=self.low * factor, high=self.high * factor,
                      n=self.n)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The held-out loss of one setting, after the same time or after the same work."""

    loss: Spread
    """Nats a token, mean of the seeds; 95 % bootstrap over rows and seeds."""
    seeds: tuple[float, ...]
    """The loss of each seed."""
    steps: float
    """Optimizer steps, mean of the seeds; ..."""
    learnt_tokens: float
    """... supervised tokens, ..."""
    seconds: float
    """... seconds of training."""
    difference: Spread | None = None
    """To the reference, paired by row and seed; below 0 is better. None for the reference."""
    quality: Spread | None = None
    """Per cent of the reference's loss gain over the base; None where the reference's own gain
    cannot be told from nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One setting and everything that was measured of it."""

    name: str
    candidate: Candidate
    tokens_per_second: Spread
    """All tokens, padding left out; low and high are the slowest and the fastest slice."""
    learnt_per_second: Spread
    """Supervised tokens alone."""
    step_seconds: Spread
    speed: Spread
    """Supervised tokens a second over the reference's, paired by slice, 95 %; 1 for itself."""
    job_steps: int
    job_epochs: float
    job_seconds: Spread
    """Training alone, for the whole job as this setting would do it."""
    peak_bytes: int
    """0: not to be told from the others'."""
    at_time: Outcome | None = None
    at_work: Outcome | None = None
    troubles: dict[str, int] = field(default_factory=dict)
    """What was seen: `dropped`, `clipped`, `rewound`, `shrunk`, `gave up`, how often each."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Settings side by side; the first one is the reference of all others."""

    data: str
    model: str
    machine: str
    versions: str
    when_utc: float
    window_seconds: float
    settings: tuple[Compared, ...]
    base_loss: float | None = None
    rows: int = 0
    """Held-out rows that every loss was measured on."""
    seeds: int = 0
    """Seeds that were measured at equal time."""
    seconds: float = 0.0
    """Of training in a trial of equal time."""
    work: float = 0.0
    """Supervised tokens of a trial of equal work."""
    refused: dict[str, str] = field(default_factory=dict)
    """Settings that took no part, and why."""
    whole: bool = True
    """Whether everything came that was planned."""
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> Compared:
        """What all others are held against."""
        return self.settings[0]

"""One night's account as a value: what was promised, what was done, what came out.

In: nothing; `summary.py` fills it in. Out: `Report`, with the figures that follow from its fields.
Never: words, layout, files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from overnight.report.reading import Answers, Incident, Phase, Segment, State, Timed
from overnight.report.words import Clock
from overnight.values.facts import DatasetProfile, Hardware, Interval, ModelProfile
from overnight.values.ledger import (
    Chosen,
    Ended,
    Evaluated,
    Forecast,
    Loss,
    Prepared,
    Published,
    Rehearsed,
    Replanned,
    StageBegan,
    Started,
    Stepped,
    Stopped,
)
from overnight.values.plan import Plan
from overnight.values.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One line of promised against done; `done` is None while it cannot be known."""

    what: str
    unit: str
    """As `words.in_unit` takes it."""
    promised: Interval
    done: float | None
    before: Interval | None = None
    """What was promised before anything was measured, where that was otherwise."""
    settled: bool = True
    """False while `done` is only the figure so far."""
    moved: bool = False
    """Whether it hangs on a deadline that was moved since it was promised."""

    @property
    def certain(self) -> bool:
        """Whether a single figure was promised, not an interval."""
        return self.promised.low == self.promised.high

    @property
    def kept(self) -> bool | None:
        """Whether the interval held; None without one, or with nothing to hold it against."""
        if self.done is None or self.certain or not self.settled or self.moved:
            return None
        return self.promised.low <= self.done <= self.promised.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One night, whole or as far as it has come."""

    plan: Plan
    dataset: DatasetProfile
    model: ModelProfile
    hardware: Hardware
    request: Request | None = None
    state: State
    started: Started | None
    as_of: float
    """Of the last entry, in seconds since the first start."""
    as_of_utc: float
    steps: tuple[Timed[Stepped], ...]
    evaluations: tuple[Timed[Evaluated], ...]
    """Of *select*, while training went on."""
    base_losses: Mapping[str, Loss]
    """The base model's figures by part."""
    replans: tuple[Timed[Replanned], ...]
    stages: tuple[Timed[StageBegan], ...] = ()
    """Those after the first."""
    forecasts: tuple[Timed[Forecast], ...]
    segments: tuple[Segment, ...]
    seconds: Mapping[Phase, float]
    incidents: tuple[Incident, ...]
    answers: tuple[Answers, ...]
    first_plan: Plan | None = None
    """As it was shown before anything was measured."""
    prepared: Prepared | None = None
    """The first time that libraries, data and model were loaded."""
    rehearsed: Timed[Rehearsed] | None = None
    stopped: Timed[Stopped] | None = None
    chosen: Chosen | None = None
    published: Published | None = None
    ended: Timed[Ended] | None = None
    moved: bool = False
    """Whether its deadline was moved on the way."""
    crashes: int = 0
    resumptions: int = 0
    notable: tuple[Mapping[str, object], ...] = field(default=(), repr=False)
    """Every entry but steps and forecasts as JSON's own types, for report.json."""

    @property
    def over(self) -> bool:
        """Whether the night has an end."""
        return self.ended is not None

    @property
    def started_utc(self) -> float:
        """The instant of the first start; of the last entry where that was not written."""
        return self.started.started_utc if self.started else self.as_of_utc

    @property
    def deadline_utc(self) -> float | None:
        """The instant at which everything must be over, where there is one."""
        return self.started.deadline_utc if self.started else None

    @property
    def spare_seconds(self) -> float | None:
        """From the end, or as of the last entry, to the deadline; below 0 it was missed."""
        if self.deadline_utc is None:
            return None
        return self.deadline_utc - (self.ended.utc if self.ended else self.as_of_utc)

    @property
    def steps_done(self) -> int:
        """Optimizer steps on the path to the result."""
        return self.steps[-1].event.step if self.steps else 0

    @property
    def horizon(self) -> int:
        """The step at which the learning rate is zero, as last set."""
        return self.replans[-1].event.horizon if self.replans else self.plan.time.total_steps

    @property
    def tokens(self) -> int:
        """Tokens of all steps on the path."""
        return sum(step.event.tokens for step in self.steps)

    @property
    def tokens_per_second(self) -> float | None:
        """Over the seconds that the steps themselves took."""
        seconds = sum(step.event.seconds for step in self.steps)
        return self.tokens / seconds if seconds > 0 else None

    @property
    def steps_trained(self) -> int:
        """Steps of the training phase: those of the rehearsal left out."""
        since = self.rehearsed.t if self.rehearsed else -1.0
        return sum(step.t > since for step in self.steps)

    @property
    def step_seconds(self) -> float | None:
        """Wall-clock seconds a step of the training phase, what lies between steps included."""
        training = self.seconds.get("training", 0.0)
        return training / self.steps_trained if self.steps_trained and training else None

    @property
    def planned_step_seconds(self) -> float:
        """What the plan gives a step."""
        time = self.plan.time
        training = time.phases.get("training", Interval.exactly(0.0)).mid
        # Older plans tell the rehearsal apart from training.
        apart = self.rehearsed is not None and "settling" not in time.phases
        before = self.rehearsed.event.steps if self.rehearsed and apart else 0
        return training / max(time.total_steps - before, 1)

    @property
    def peak_bytes(self) -> int | None:
        """The most memory that any step took."""
        return max((step.event.peak_bytes for step in self.steps), default=None)

    @property
    def clock(self) -> Clock:
        """How this night's times of day are shown: to the second where it is short."""
        length = self.plan.window_seconds or self.plan.time.total.mid
        return Clock(near=self.as_of_utc, exact=length < 3600)

    @property
    def promised_utc(self) -> Interval:
        """When everything would be over, as the plan said."""
        total = self.plan.time.total
        return Interval.exactly(self.started_utc) + total

    @property
    def planned_seconds(self) -> float:
        """What the plan gave the steps of the training phase that were done (DESIGN 8)."""
        return self.planned_step_seconds * self.steps_trained

    @property
    def accuracy(self) -> float | None:
        """Planned over actual time of the steps done, in per cent; 100 is a perfect estimate.

        None until a step is done that was planned after the rehearsal, where there is one.
        """
        if self.rehearsed is None and not self.over:
            return None
        actual = self.seconds.get("training", 0.0)
        return 100.0 * self.planned_seconds / actual if self.steps_trained and actual > 0 else None

    @property
    def eta_seconds(self) -> float | None:
        """Until the work is done: 0 when it is, None before anything was forecast."""
        if self.over:
            return 0.0
        if not self.forecasts:
            return None
        return max(self.forecasts[-1].event.mid_utc - self.as_of_utc, 0.0)

    @property
    def on_track(self) -> bool | None:
        """Whether the originally planned steps will be done by the deadline; None without one."""
        if self.deadline_utc is None or self.spare_seconds is None:
            return None
        left = self.plan.time.total_steps - self.steps_done
        if left <= 0 or self.over:
            return left <= 0 and self.spare_seconds >= 0
        pace = self.step_seconds or self.planned_step_seconds
        return left * pace + self.plan.reserve.seconds <= self.spare_seconds

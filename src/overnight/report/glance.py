"""What a glance at a night shows, kept up to date one entry at a time.

In: entries of the journal in order, with the newest `Status` where there is one. Out: `Glance`,
whose size does not grow with the night. Never: the present time (entries carry it), layout.
"""

from dataclasses import dataclass, field

from overnight.report.finish import Finish, finish_of
from overnight.report.reading import Phase, mode_after, phase_of
from overnight.report.words import Clock
from overnight.values.ledger import (
    Ended,
    Entry,
    Evaluated,
    Forecast,
    Loss,
    Prepared,
    Rehearsed,
    Replanned,
    Resumed,
    Started,
    Status,
    Stepped,
    Stopped,
)

CALM = 0.1
"""Weight of the newest step in the pace that is shown: a mean over about twenty steps."""
TRAIL = 128
"""Places of a trail, at most."""


@dataclass(slots=True)
class Trail:
    """A curve in at most `TRAIL` equal stretches, each the mean of what it holds."""

    means: list[float] = field(default_factory=list)
    each: int = 1
    """Values of a whole stretch."""
    _sum: float = 0.0
    _count: int = 0

    def add(self, value: float) -> None:
        """One value more; a full trail is folded to half its length."""
        self._sum, self._count = self._sum + value, self._count + 1
        if self._count < self.each:
            return
        self.means.append(self._sum / self._count)
        self._sum, self._count = 0.0, 0
        if len(self.means) == TRAIL:
            self.means = [(a + b) / 2 for a, b in zip(self.means[::2], self.means[1::2],
                                                      strict=True)]  # fmt: skip
            self.each *= 2


@dataclass(slots=True, kw_only=True)
class Glance:
    """How a night stands; instants in UTC seconds, durations in seconds."""

    horizon: int = 0
    limit_bytes: int = 0
    """The memory that there is; 0: not known."""
    state: str = "starting"
    """`starting`, `rehearsing`, `training`, `ending`, or how it ended."""
    step: int = 0
    loss: float | None = None
    trail: Trail = field(default_factory=Trail)
    held_out: Loss | None = None
    """The newest look at *select*."""
    base: Loss | None = None
    learning_rate: float | None = None
    tokens_per_second: float | None = None
    step_seconds: float | None = None
    peak_bytes: int = 0
    now_utc: float = 0.0
    """Of the newest entry or status."""
    t: float = 0.0
    """Seconds since the first start, at the newest entry."""
    deadline_utc: float | None = None
    finish: Finish | None = None
    mid_utc: float | None = None
    """The middle of the newest forecast."""
    seconds: dict[Phase, float] = field(default_factory=dict)
    exact: bool = False
    """Whether times of day are shown to the second."""
    _mode: Phase = "start"
    _rehearsed: bool = False

    def add(self, entry: Entry) -> None:
        """What is known once `entry` has happened."""
        self._spend(entry)
        self.now_utc = max(self.now_utc, entry.utc)
        match entry.event:
            case Stepped() as event:
                self._stepped(event)
            case Forecast() as event:
                clock = Clock(near=entry.utc, exact=self.exact)
                self.finish = Finish(low=event.low_utc, high=event.high_utc, clock=clock,
                                     deadline=self.deadline_utc)  # fmt: skip
                self.mid_utc = event.mid_utc
            case Evaluated(part="select", base=base, loss=loss):
                self.base, self.held_out = (loss, self.held_out) if base else (self.base, loss)
            case _:
                self._turned(entry)

    def _spend(self, entry: Entry) -> None:
        phase = phase_of(entry.event, self._mode, rehearsing=not self._rehearsed)
        gone = max(entry.t - self.t, 0.0)
        self.seconds[phase] = self.seconds.get(phase, 0.0) + gone
        self.t, self._mode = self.t + gone, mode_after(entry.event, phase)

    def _turned(self, entry: Entry) -> None:
        """What changes what the night is doing."""
        match entry.event:
            case Started() as event:
                self.deadline_utc = event.deadline_utc
                self.exact = event.window_seconds is not None and event.window_seconds < 3600
            case Prepared():
                self.state = "rehearsing"
            case Rehearsed():
                self._rehearsed, self.state = True, "training"
            case Replanned(horizon=horizon):
                self.horizon = horizon
            case Resumed(step=step):
                self.state, self.step = "training" if step else self.state, step
            case Stopped():
                self.state = "ending"
            case Ended(exit_status=status):
                self.state = {0: "finished", 4: "stopped"}.get(status, "failed")
            case _:
                pass

    def _stepped(self, event: Stepped) -> None:
        self.step, self.loss, self.learning_rate = event.step, event.loss, event.learning_rate
        self.peak_bytes = max(self.peak_bytes, event.peak_bytes)
        self.trail.add(event.loss)
        if event.seconds > 0:
            pace = event.tokens / event.seconds
            self.step_seconds = _calm(self.step_seconds, event.seconds)
            self.tokens_per_second = _calm(self.tokens_per_second, pace)

    def overrule(self, status: Status | None, *, now_utc: float) -> None:
        """What `status.json` knows better than the entries read so far."""
        if status is None:
            return
        self.now_utc = max(self.now_utc, now_utc)
        self.state, self.step, self.horizon = status.state, status.step, status.horizon
        self.loss = self.loss if status.loss is None else status.loss
        self.tokens_per_second = status.tokens_per_second or self.tokens_per_second
        self.finish = finish_of(status, now_utc=now_utc) or self.finish

    @property
    def share(self) -> float | None:
        """Of the steps that are done; None before a horizon is known."""
        return min(self.step / self.horizon, 1.0) if self.horizon else None

    @property
    def left(self) -> float | None:
        """Seconds until everything is over, as last foreseen."""
        return None if self.mid_utc is None else max(self.mid_utc - self.now_utc, 0.0)


def _calm(before: float | None, value: float) -> float:
    return value if before is None else (1 - CALM) * before + CALM * value

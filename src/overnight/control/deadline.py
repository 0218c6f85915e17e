"""What to do next, so that everything is over by the deadline.

In: the time now (seconds on the boot-time clock) and the events so far. Out: a Decision, and the
horizon as the pace allows it. Never: asks for the time, starts what cannot end together with the
reserve.
"""

import math
from dataclasses import dataclass, field, replace

from overnight.values.cadence import Cadence, Stretch
from overnight.values.decisions import (
    Decision,
    Evaluate,
    Replan,
    Save,
    Step,
    Stop,
)
from overnight.values.facts import Interval
from overnight.values.ledger import (
    Evaluated,
    Event,
    Rewound,
    Saved,
    Stepped,
)
from overnight.values.plan import Reserve, margin_seconds

ANNEAL_FRACTION = 5
"""An end that is wanted anneals over at most a fifth of the steps done (DESIGN 6)."""
REPLAN_SHARE = 0.03
"""A forecast that moved by less than this share of what is left is noise."""
RECENT = 40
"""Steps that the pace is read from."""
Z90 = 1.645
"""Nine times in ten, for a normal spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A frozen value: what is known of prices and time. `after` returns the next one."""

    started_at: float
    ends_at: float | None
    """On the boot-time clock; None where no window was asked for."""
    steps_wanted: int | None
    tokens_per_step: float
    """Mean over an epoch: what a step is expected to hold."""
    publish_seconds: float
    answer_seconds: float = 0.0
    """Of the answers that are written when training is over."""
    cadence: Cadence = field(default_factory=Cadence)
    horizon: int = 1
    step: int = 0
    recent: tuple[tuple[float, int], ...] = ()
    """(seconds, tokens) of the last steps."""
    save_seconds: float = 0.0
    select_seconds: float = 0.0
    """The dearest evaluation of the *select* part seen, ..."""
    test_seconds: float = 0.0
    """... and of the *test* part."""
    saved_at: float | None = None
    saved_step: int = -1
    evaluated_at: float | None = None
    evaluated_step: int = -1
    replanned_at: float = -math.inf

    @property
    def window_seconds(self) -> float | None:
        """Length of the window, from the night's first start."""
        return None if self.ends_at is None else self.ends_at - self.started_at

    @property
    def reserve(self) -> Reserve:
        """What is kept for the ending, part by part."""
        return Reserve(
            save=1.5 * self.save_seconds,
            evaluation=self.select_seconds + self.test_seconds,
            publish=self.publish_seconds + self.answer_seconds,
            margin=margin_seconds(self.window_seconds),
        )

    @property
    def slowest_step(self) -> float:
        """Seconds of the slowest recent step."""
        return max((seconds for seconds, _ in self.recent), default=0.0)

    @property
    def seconds_per_step(self) -> float:
        """Expected seconds of a step that holds as many tokens as the mean one."""
        tokens = sum(tokens for _, tokens in self.recent)
        seconds = sum(seconds for seconds, _ in self.recent)
        return seconds / tokens * self.tokens_per_step if tokens else 0.0

    @property
    def spread(self) -> float:
        """Relative standard deviation of the seconds a token."""
        rates = [seconds / tokens for seconds, tokens in self.recent if tokens]
        if len(rates) < 3:
            return 0.25
        mean = sum(rates) / len(rates)
        return math.sqrt(sum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1)) / mean

    def decide(self, now: float, *, asked_to_stop: str = "") -> Decision:
        """The next thing to do. `asked_to_stop`: why the world wants an end (`signal`, `stop`)."""
        over = asked_to_stop or self._over(now)
        if over:
            return Stop(reason=over)
        moved = self._moved(now)
        if moved is not None:
            return moved
        if self._save_due(now) and self._fits(now, self.save_seconds + self.slowest_step):
            return Save()
        if self._evaluation_due(now) and self._fits(now, self.select_seconds + self.slowest_step):
            return Evaluate()
        return Step()

    def after(self, event: Event, now: float) -> "Deadline":
        """What is known once this event has happened."""
        if isinstance(event, Stepped):
            recent = (*self.recent, (event.seconds, event.tokens))[-RECENT:]
            return replace(self, step=event.step, recent=recent)
        if isinstance(event, Saved):
            dearest = max(self.save_seconds, event.seconds)
            return replace(self, save_seconds=dearest, saved_at=now, saved_step=event.step)
        if isinstance(event, Evaluated) and event.part == "test":
            return replace(self, test_seconds=max(self.test_seconds, event.seconds))
        if isinstance(event, Evaluated):
            dearest = max(self.select_seconds, event.seconds)
            return replace(self, select_seconds=dearest, evaluated_at=now,
                           evaluated_step=event.step)  # fmt: skip
        if isinstance(event, Rewound):
            return replace(self, step=event.to_step, saved_step=event.to_step,
                           evaluated_step=min(self.evaluated_step, event.to_step))  # fmt: skip
        return self

    def annealed(self) -> int:
        """The horizon of an end that is wanted now: a fifth of the steps done, never later."""
        return min(self.horizon, self.step + max(1, self.step // ANNEAL_FRACTION))

    @property
    def save_affordable(self) -> bool:
        """Whether a save before every evaluation stays within what saving may cost."""
        return self.cadence.affordable(self.stretch())

    def replanned(self, horizon: int, now: float) -> "Deadline":
        """The same with its horizon moved."""
        return replace(self, horizon=horizon, replanned_at=now)

    def reachable(self, now: float) -> int | None:
        """The horizon that the pace and the time left allow; None when nothing is measured yet."""
        if not self.recent:
            return None
        if self.ends_at is None:
            return self.steps_wanted
        left = self.ends_at - self.reserve.seconds - now
        steps = self.step + max(0, int(left * self._training_share() / self.seconds_per_step))
        return steps if self.steps_wanted is None else min(steps, self.steps_wanted)

    def finish(self, now: float) -> Interval:
        """When everything is over (boot seconds), nine times in ten inside."""
        left = max(self.horizon - self.step, 0)
        share = self._training_share()
        middle = left * self.seconds_per_step / share
        # Independent noise of the steps left, and the doubt about the mean of the recent ones.
        doubt = self.spread * math.sqrt(1.0 / max(len(self.recent), 1) + 1.0 / max(left, 1))
        # The reserve is made of the dearest prices and a margin; what is expected is less.
        kept = self.reserve
        ending = kept.seconds - kept.margin - kept.save / 3.0
        width = Z90 * doubt * middle + 0.25 * ending
        end = now + middle + ending
        low, high = end - width, end + width
        if self.ends_at is not None:
            latest = self.ends_at - kept.margin
            low, end, high = (min(x, latest) for x in (low, end, high))
        return Interval(low=max(low, now), mid=max(end, now), high=max(high, now))

    def _training_share(self) -> float:
        """Share of the time left that steps get; evaluations and saves take the rest."""
        ahead = self.stretch()
        evaluation = self.select_seconds / self.cadence.look_interval(ahead)
        saving = self.save_seconds / max(self.cadence.save_interval(ahead), 1e-9)
        return 1.0 / (1.0 + evaluation + saving)

    def _over(self, now: float) -> str:
        if self.step >= self.horizon:
            # A horizon that the clock has cut is the window's end, not that of the work.
            return "horizon" if self.step >= (self.steps_wanted or self.horizon + 1) else "window"
        return "" if self._fits(now, self.slowest_step) else "window"

    def _fits(self, now: float, seconds: float) -> bool:
        return self.ends_at is None or now + seconds + self.reserve.seconds <= self.ends_at

    def _moved(self, now: float) -> Replan | None:
        reachable = self.reachable(now)
        if reachable is None or self.ends_at is None or len(self.recent) < 5:
            return None
        change = abs(reachable - self.horizon)
        left = max(self.horizon - self.step, 1)
        quiet = 0.01 * (self.ends_at - self.started_at)
        if change < 1 or change <= REPLAN_SHARE * left or now - self.replanned_at < quiet:
            return None
        return Replan(horizon=max(reachable, self.step), why="the pace has moved")

    def stretch(self, now: float | None = None) -> Stretch:
        """What lies ahead of this moment, with its prices."""
        return Stretch(
            step=self.step,
            horizon=self.horizon,
            step_seconds=max(self.seconds_per_step, 1e-9),
            look_seconds=self.select_seconds,
            save_seconds=self.save_seconds,
            window=self.window_seconds,
            looked_step=self.evaluated_step,
            looked_since=0.0 if now is None else now - (self.evaluated_at or now),
            saved_step=self.saved_step,
            saved_since=0.0 if now is None else now - (self.saved_at or now),
        )

    def _evaluation_due(self, now: float) -> bool:
        if self.step <= self.evaluated_step:
            return False
        steps = self.cadence.look_steps(self.horizon, self.window_seconds)
        if steps is not None:
            return self.step - max(self.evaluated_step, 0) >= steps
        return now - (self.evaluated_at or now) >= self.cadence.look_interval(self.stretch())

    def _save_due(self, now: float) -> bool:
        if self.step <= max(self.saved_step, 0):
            return False
        if self.cadence.save_steps:
            return self.step - max(self.saved_step, 0) >= self.cadence.save_steps
        if self.saved_at is None:
            return True
        return now - self.saved_at >= self.cadence.save_interval(self.stretch())

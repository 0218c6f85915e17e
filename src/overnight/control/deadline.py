"""What to do next, so that everything is over by the deadline.

In: the time now (seconds on the boot-time clock) and the events so far. Out: a Decision, and the
horizon as the pace allows it. Never: asks for the time, starts what cannot end together with the
reserve.
"""

import math
from dataclasses import dataclass, field, replace

from overnight.control.paced import RECENT, Paced
from overnight.values.cadence import Cadence, Stretch
from overnight.values.decisions import Decision, Evaluate, Replan, Save, Step, Stop
from overnight.values.ledger import Evaluated, Event, Rehearsed, Saved, Stepped
from overnight.values.plan import Reserve, margin_seconds
from overnight.values.troubles import Rewound

MOVED = "its end was moved"
ASKED = "somebody asked it to stop"
"""Why a horizon is set anew, besides the pace."""
ANNEAL_FRACTION = 5
"""An end that is wanted anneals over at most a fifth of the steps done (DESIGN 6)."""
REPLAN_SHARE = 0.03
"""A forecast that moved by less than this share of what is left is noise."""
CHECK_SECONDS = 0.5
"""Between two questions whether the horizon should move, a save or a look is due: a step of 50 ms
throws all that they read out of the processor's caches. Whether time is over is asked each step."""
FEW = 5  # looks and saves that a price is read from


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline(Paced):
    """A frozen value: what is known of prices and time. `after` returns the next one."""

    started_at: float
    ends_at: float | None
    """On the boot-time clock; None where no window was asked for."""
    leaves_at: float | None = None
    """When this session ends, before the night does."""
    moved: bool = False
    """Whether `ends_at` was moved since the horizon was set."""
    ending: str = ""
    """Why it anneals to an end that was asked for: the reason to stop once it is there."""
    steps_wanted: int | None
    publish_seconds: float
    answer_seconds: float = 0.0
    """Of the answers that are written when training is over."""
    cadence: Cadence = field(default_factory=Cadence)
    save_seconds: float = 0.0
    select_seconds: float = 0.0
    """The dearest evaluation of the *select* part seen, ..."""
    test_seconds: float = 0.0
    """... and of the *test* part."""
    look_rates: tuple[float, ...] = ()
    """Seconds a row of the last looks at either part."""
    look_rows: int = 0
    """Rows of the *select* part ..."""
    test_rows: int = 0
    """... and of the *test* part."""
    save_prices: tuple[float, ...] = ()
    """Seconds of the last saves."""
    saved_at: float | None = None
    saved_step: int = -1
    evaluated_at: float | None = None
    evaluated_step: int = -1
    save_refused: int = -1
    """Step of the last save that the disk refused ..."""
    look_refused: int = -1
    """... and look that was given up: each is tried again after another interval."""
    replanned_at: float = -math.inf

    @property
    def window_seconds(self) -> float | None:
        """Length of the window, from the night's first start."""
        return None if self.ends_at is None else self.ends_at - self.started_at

    @property
    def bounded(self) -> bool:
        """Whether the clock ends this night and not its steps."""
        return self.ends_at is not None and self.horizon < (self.steps_wanted or math.inf)

    @property
    def reserve(self) -> Reserve:
        """What is kept for the ending, part by part."""
        return Reserve(
            save=1.5 * self.save_seconds,
            evaluation=self.select_seconds + self.test_seconds,
            publish=self.publish_seconds + self.answer_seconds,
            margin=margin_seconds(self.window_seconds),
        )

    def decide(self, now: float, *, asked_to_stop: str = "") -> Decision:
        """The next thing to do. `asked_to_stop`: why the world wants an end (`signal`, `stop`)."""
        over, moved = asked_to_stop or self._over(now), self._moved(now)
        # A horizon that was reached already goes on where the deadline was moved since.
        if over and (asked_to_stop or not self.moved or moved is None):
            return Stop(reason=over)
        if moved is not None:
            return moved
        exact = self.cadence.save_steps or self.cadence.eval_steps
        if not (exact or self._turn):
            return Step()
        if self._save_due(now) and self._fits(now, self.save_seconds + self.slowest_step):
            return Save()
        if self._evaluation_due(now) and self._fits(now, self.select_seconds + self.slowest_step):
            return Evaluate()
        return Step()

    def after(self, event: Event, now: float) -> "Deadline":
        """What is known once this event has happened."""
        if isinstance(event, Stepped):
            return self.stepped(event)
        if isinstance(event, Rehearsed):
            good = max(event.steps - event.settled, 1)
            earlier = self.earlier if good > RECENT else (0.0, 0.0, 0.0)
            return replace(self, recent=self.recent[-good:], fixed_load=event.fixed_load,
                           earlier=earlier, stages=self.stages.opened())  # fmt: skip
        if isinstance(event, Saved):
            dearest = max(self.save_seconds, event.seconds)
            prices = (*self.save_prices, event.seconds)[-FEW:]
            return replace(self, save_seconds=dearest, save_prices=prices, saved_at=now,
                           saved_step=event.step)  # fmt: skip
        if isinstance(event, Evaluated):
            return self._looked(event, now)
        if isinstance(event, Rewound):
            stages = self.stages.rewound(self.step, event.to_step)
            return replace(self, step=event.to_step, saved_step=event.to_step, stages=stages,
                           evaluated_step=min(self.evaluated_step, event.to_step))  # fmt: skip
        return self

    def _looked(self, event: Evaluated, now: float) -> "Deadline":
        rates = (*self.look_rates, event.seconds / max(event.loss.n, 1))[-FEW:]
        if event.part == "test":
            dearest = max(self.test_seconds, event.seconds)
            return replace(self, test_seconds=dearest, test_rows=event.loss.n, look_rates=rates)
        dearest = max(self.select_seconds, event.seconds)
        return replace(self, select_seconds=dearest, look_rows=event.loss.n, look_rates=rates,
                       evaluated_at=now, evaluated_step=event.step)  # fmt: skip

    def may_save(self, now: float) -> bool:
        """Whether a save that somebody asks for is new and ends in time."""
        return self.saved_step != self.step and self._fits(now, self.save_seconds)

    def annealed(self) -> int:
        """The horizon of an end that is wanted now: a fifth of the steps done, never later."""
        return min(self.horizon, self.step + max(1, self.step // ANNEAL_FRACTION))

    @property
    def save_affordable(self) -> bool:
        """Whether a save before every evaluation stays within what saving may cost."""
        return self.cadence.affordable(self.stretch())

    def replanned(self, horizon: int, now: float) -> "Deadline":
        """The same with its horizon moved."""
        return replace(self, horizon=horizon, replanned_at=now, moved=False,
                       stages=self.stages.to(self.step, horizon))  # fmt: skip

    def moved_to(self, ends_at: float | None, leaves_at: float | None) -> "Deadline":
        """The same with its deadline moved."""
        return replace(self, ends_at=ends_at, leaves_at=leaves_at, moved=True)

    def reachable(self, now: float) -> int | None:
        """The horizon that the pace and the time left allow; None when nothing is measured yet."""
        if not self.recent or self.ends_at is None:
            return self.steps_wanted if self.recent else None
        left = self.ends_at - self.reserve.seconds - now
        room = max(left * self._training_share(), 0.0) / max(self.pace, 1e-12)
        steps = self.farthest(room)
        return steps if self.steps_wanted is None else min(steps, self.steps_wanted)

    def _training_share(self) -> float:
        """Share of the time left that steps get; evaluations and saves take the rest."""
        ahead = self.stretch()
        evaluation = self.select_seconds / self.cadence.look_interval(ahead)
        saving = self.save_seconds / max(self.cadence.save_interval(ahead), 1e-9)
        return 1.0 / (1.0 + evaluation + saving)

    def _over(self, now: float) -> str:
        if self.step >= self.horizon:
            if self.ending:
                return self.ending
            # A horizon that the clock has cut is the window's end, not that of the work.
            return "horizon" if self.step >= (self.steps_wanted or self.horizon + 1) else "window"
        if self._fits(now, self.slowest_step):
            return ""
        return "session" if self._fits_window(now, self.slowest_step) else "window"

    def _fits(self, now: float, seconds: float) -> bool:
        return self._fits_session(now, seconds) and self._fits_window(now, seconds)

    def _fits_session(self, now: float, seconds: float) -> bool:
        if self.leaves_at is None:
            return True
        kept = self.reserve.save + self.reserve.publish + margin_seconds(None)  # no last look yet
        return now + seconds + kept <= self.leaves_at

    def _fits_window(self, now: float, seconds: float) -> bool:
        return self.ends_at is None or now + seconds + self.reserve.seconds <= self.ends_at

    @property
    def _turn(self) -> bool:
        """Whether this step is one of those at which it is asked what is due. A power of two, so
        that steps whose time varies do not pass over all of them."""
        last = self.recent[-1][0] if self.recent else CHECK_SECONDS
        stride = 1 << max(math.frexp(CHECK_SECONDS / max(last, 1e-6))[1] - 1, 0)
        return self.step % stride == 0

    def _moved(self, now: float) -> Replan | None:
        if not self.moved and not (self._turn and self._settled(now)):
            return None
        reachable = self.reachable(now)
        if reachable is None or reachable == self.horizon:
            return None
        if self.moved:
            return Replan(horizon=max(reachable, self.step), why=MOVED)
        change, left = abs(reachable - self.horizon), max(self.horizon - self.step, 1)
        if change <= REPLAN_SHARE * left:
            return None
        return Replan(horizon=max(reachable, self.step), why="the pace has moved")

    def _settled(self, now: float) -> bool:
        """Whether the pace is known and the horizon has stood for a hundredth of the window."""
        if self.window_seconds is None or len(self.recent) < 5:
            return False
        return now - self.replanned_at >= 0.01 * self.window_seconds

    def stretch(self, now: float | None = None) -> Stretch:
        """What lies ahead of this moment, at the dearest prices seen."""
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
        last = max(self.evaluated_step, self.look_refused)
        if self.step <= last:
            return False
        steps = self.cadence.look_steps(self.horizon, self.window_seconds)
        if steps is not None:
            return self.step - max(last, 0) >= steps
        return now - (self.evaluated_at or now) >= self.cadence.look_interval(self.stretch())

    def _save_due(self, now: float) -> bool:
        last = max(self.saved_step, self.save_refused, 0)
        if self.step <= last or self.cadence.save_steps:
            return self.step - last >= (self.cadence.save_steps or 1)
        since = math.inf if self.saved_at is None else now - self.saved_at
        return since >= self.cadence.save_interval(self.stretch())

"""How often a night looks at its held-out rows and saves: as the user gave it, else by the prices.

In: prices in seconds, a stretch of steps. Out: intervals, and how many looks and saves fall into
the stretch. Never: the time; whether one is due now (control/deadline.py, by the same intervals).
"""

import math
from dataclasses import dataclass

EVALUATIONS = 20
"""Evaluations a night ..."""
EVALUATION_SHARE = 0.03
"""... within this share of the window (DESIGN 5)."""
LOOK_SHARE = 0.015
"""Most of a window that one look at one held-out part may take: there are four at least."""
SAVE_SHARE = 0.035
"""Most that saving may cost: CheckFreq's bound (FAST 2021)."""
SAVES = 20
"""Saves a short window has at least, where that share allows it; Young's interval (1974) forgets
that a night of one minute has nothing before its first save."""
SAVE_BOUND_SECONDS = 600.0
"""Most work that a crash may cost."""
FAILURE_HOURS = 24.0
"""Mean time between failures assumed on one's own machine until the journal knows better."""
COUNTED = 2000
"""Looks and saves that are counted one by one; the rest of a longer stretch is in proportion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Steps that lie ahead, with what they and what lies between them cost (seconds)."""

    step: int
    """Steps done."""
    horizon: int
    step_seconds: float
    look_seconds: float
    """One evaluation of the *select* part."""
    save_seconds: float
    window: float | None = None
    looked_step: int = 0
    """Step of the last look ..."""
    looked_since: float = 0.0
    """... and the seconds since then."""
    saved_step: int = 0
    saved_since: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """What the user gave wins; what is None follows from the prices."""

    eval_steps: int | None = None
    save_steps: int | None = None
    save_seconds: float | None = None
    least_steps: int = 1
    """Between two looks where no window bounds them: in these as many rows are trained on as are
    looked at, so that looking takes no more than a third of what training does."""

    def look_steps(self, horizon: int, window: float | None) -> int | None:
        """Steps between two evaluations; None where the clock counts and not the steps."""
        if self.eval_steps:
            return self.eval_steps
        return max(horizon // EVALUATIONS, self.least_steps) if window is None else None

    def look_interval(self, ahead: Stretch) -> float:
        """Seconds between two evaluations."""
        steps = self.look_steps(ahead.horizon, ahead.window)
        if steps is not None or ahead.window is None:
            return max((steps or 1) * ahead.step_seconds, 1e-9)
        return max(ahead.window / EVALUATIONS, ahead.look_seconds / EVALUATION_SHARE)

    def save_interval(self, ahead: Stretch) -> float:
        """Seconds between two saves, those before evaluations left out."""
        if self.save_steps:
            return self.save_steps * max(ahead.step_seconds, 1e-9)
        if self.save_seconds:
            return self.save_seconds
        wanted = math.sqrt(2.0 * ahead.save_seconds * FAILURE_HOURS * 3600.0)
        if ahead.window is not None:
            wanted = min(wanted, ahead.window / SAVES)  # who asks for minutes fears for them
        return min(max(wanted, ahead.save_seconds / SAVE_SHARE), SAVE_BOUND_SECONDS)

    def affordable(self, ahead: Stretch) -> bool:
        """Whether a save before every evaluation stays within what saving may cost."""
        return ahead.save_seconds <= SAVE_SHARE * self.look_interval(ahead)

    def coming(self, ahead: Stretch) -> tuple[float, float]:
        """How many evaluations and saves fall into the stretch, its very end left out."""
        first = self.affordable(ahead)
        here = _Place(step=ahead.step, clock=0.0)
        looked = _Place(step=max(ahead.looked_step, 0), clock=-ahead.looked_since)
        saved = _Place(step=max(ahead.saved_step, 0), clock=-ahead.saved_since)
        looks = saves = 0
        while looks + saves < COUNTED:
            look_at, save_at = (
                self._next_look(ahead, here, looked),
                self._next_save(ahead, here, saved),
            )
            step = min(look_at, save_at)
            if step >= ahead.horizon:
                return looks, saves
            here = here.later(step, (step - here.step) * ahead.step_seconds)
            if save_at == step or (first and saved.step != step):
                here = saved = here.later(step, ahead.save_seconds)
                saves += 1
            if look_at == step:
                here = looked = here.later(step, ahead.look_seconds)
                looks += 1
        share = (ahead.horizon - ahead.step) / max(here.step - ahead.step, 1)
        return looks * share, saves * share

    def _next_look(self, ahead: Stretch, here: "_Place", last: "_Place") -> int:
        steps = self.look_steps(ahead.horizon, ahead.window)
        return here.due(last, steps, self.look_interval(ahead), ahead.step_seconds)

    def _next_save(self, ahead: Stretch, here: "_Place", last: "_Place") -> int:
        return here.due(last, self.save_steps, self.save_interval(ahead), ahead.step_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A step, and the seconds of the stretch at which it is reached."""

    step: int
    clock: float

    def later(self, step: int, seconds: float) -> "_Place":
        return _Place(step=step, clock=self.clock + seconds)

    def due(self, last: "_Place", steps: int | None, interval: float, step_seconds: float) -> int:
        """The step at which what was done at `last` is due again; one step later at the least."""
        if steps is not None:
            coming = last.step + steps
        else:
            left = last.clock + interval - self.clock
            coming = self.step + math.ceil(left / max(step_seconds, 1e-9))
        return max(coming, self.step, last.step + 1)

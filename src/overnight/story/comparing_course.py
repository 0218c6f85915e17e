"""The course of a trial: its own end, by its own time or its steps, and nothing in between.

In: a candidate, a horizon, the tokens of a step. Out: a `Course` that its loop decides by; a clock
that goes only while it trains. Never: saves and looks of the loop's own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from overnight.control.course import Course
from overnight.control.deadline import Deadline
from overnight.control.schedule import Schedule
from overnight.planning import rules
from overnight.values.cadence import Cadence
from overnight.values.curriculum import Curriculum
from overnight.values.plan import Candidate, margin_seconds

NEVER = 10**9
"""Steps between two saves or looks of the loop's own: slices are what is saved and looked at."""
ONE_STAGE = Curriculum()


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """Where a trial ends: by its own time, or after so many steps."""

    candidate: Candidate
    horizon: int
    """Steps expected, or asked for."""
    seconds: float | None = None
    """Of training; None where the steps end it."""


class OwnTime:
    """A clock that goes only while its trial trains."""

    def __init__(self, clock: Callable[[], float], spent: float = 0.0) -> None:
        self._clock, self._spent = clock, spent
        self._since: float | None = None

    def __call__(self) -> float:
        """Seconds that it has gone so far."""
        since = self._since
        return self._spent if since is None else self._spent + self._clock() - since

    def go(self) -> None:
        """From here on it goes."""
        self._since = self._clock()

    def halt(self) -> None:
        """From here on it stands still."""
        self._spent, self._since = self(), None


def course(
    aim: Aim, *, tokens_per_step: float,
    loads: tuple[float, ...] = (), stages: Curriculum = ONE_STAGE,
) -> Course:  # fmt: skip
    """The course of a trial before its first step: no saves, no looks, its own end."""
    deadline = Deadline(
        started_at=0.0,
        ends_at=None if aim.seconds is None else with_margin(aim.seconds),
        steps_wanted=aim.horizon if aim.seconds is None else None,
        tokens_per_step=tokens_per_step,
        loads=loads,
        stages=stages.opened().to(0, aim.horizon),
        publish_seconds=0.0,
        cadence=Cadence(eval_steps=NEVER, save_steps=NEVER),
        horizon=aim.horizon,
    )
    schedule = Schedule(
        peak=aim.candidate.learning_rate,
        horizon=aim.horizon,
        warmup_steps=rules.warmup_steps(aim.horizon, aim.candidate.warmup_ratio),
        shape=aim.candidate.lr_scheduler_type,
    )
    return Course(deadline=deadline, schedule=schedule)


def with_margin(seconds: float) -> float:
    """The window whose end, less the margin that every deadline keeps, comes after `seconds`."""
    hundredth = seconds / 0.99
    return seconds + max(margin_seconds(None), margin_seconds(hundredth))

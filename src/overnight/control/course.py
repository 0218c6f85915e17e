"""The course of a night: everything that its loop decides by, and what each event makes of it.

In: the time now (seconds on the boot-time clock), the events so far. Out: a Decision; the next
course. Never: asks for the time, does anything.
"""

from dataclasses import dataclass, field, replace

from overnight.control.deadline import ASKED, MOVED, Deadline
from overnight.control.health import Health
from overnight.control.patience import LOST, OVERFIT, Guard, Patience
from overnight.control.schedule import Schedule
from overnight.values.decisions import Decision, Replan, Rewind, Save, Stop
from overnight.values.ledger import Evaluated, Event, Replanned, StageBegan, Stepped
from overnight.values.troubles import Dropped, Rewound

SETTLING = "the loss scaler is looking for its scale"
"""Why fp16 drops its first steps: neither sickness nor a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Everything that the loop decides by: values only."""

    deadline: Deadline
    schedule: Schedule
    health: Health = field(default_factory=Health)
    patience: Patience = field(default_factory=Patience)
    guard: Guard = field(default_factory=Guard)

    def after(self, event: Event, now: float) -> "Course":
        """The course once this event has happened."""
        deadline, schedule, health = self.deadline.after(event, now), self.schedule, self.health
        patience, guard = self.patience, self.guard
        if isinstance(event, Evaluated) and event.part == "select":
            patience, guard = patience.after(event.loss.loss), guard.after(event.loss.loss)
        if isinstance(event, Stepped):
            health = health.after_step(event.loss, event.grad_norm)
            guard = guard.at(event.epoch)
        elif isinstance(event, Dropped):
            searching = event.reason == SETTLING
            health = health.after_settling() if searching else health.after_drop()
        elif isinstance(event, StageBegan) and event.pool == "best":
            health = health.elsewhere()
        elif isinstance(event, Replanned):
            return self._replanned(event, now)
        elif isinstance(event, Rewound):
            schedule = schedule.rewound(event.to_step, event.rate_factor)
            overfit = event.why == OVERFIT
            health = health.anew() if overfit else health.after_rewind()
            guard = replace(guard, back=guard.back or overfit)
        return Course(deadline=deadline, schedule=schedule, health=health, patience=patience,
                      guard=guard)  # fmt: skip

    def _replanned(self, event: Replanned, now: float) -> "Course":
        """The course with its horizon moved; some of them are ends."""
        deadline, patience, guard = (
            self.deadline.replanned(event.horizon, now), self.patience, self.guard,
        )  # fmt: skip
        if event.why in (LOST, OVERFIT):
            ending = "patience" if event.why == LOST else "overfit"
            deadline = replace(deadline, steps_wanted=event.horizon, ending=ending)
            patience, guard = Patience(), Guard()
        if event.why == ASKED:
            deadline = replace(deadline, steps_wanted=event.horizon, ending="stop")
        anew = event.warmup_steps if event.warmup_steps != self.schedule.warmup_steps else None
        schedule = self.rescheduled(event.step, event.horizon, event.why, anew)
        return replace(self, deadline=deadline, schedule=schedule, patience=patience, guard=guard)

    def rescheduled(self, step: int, horizon: int, why: str, warmup: int | None) -> Schedule:
        """The schedule with its horizon moved; more time is used as if it had been known."""
        if why == MOVED:
            return self.schedule.lengthened(step, horizon)
        return self.schedule.replanned(step, horizon, warmup_steps=warmup)

    def decide(self, now: float, asked: str) -> Decision:
        """Health first, then the clock."""
        if asked == "signal":
            return self.deadline.decide(now, asked_to_stop=asked)
        urgent = self._sick() or self._learnt_by_heart()
        if urgent is not None:
            return urgent
        if self.patience.lost:
            return Replan(horizon=self.deadline.annealed(), why=LOST)
        if asked == "stop" and not self.deadline.ending:
            return Replan(horizon=self.deadline.annealed(), why=ASKED)
        if asked == "save" and self.deadline.may_save(now):
            return Save(why="asked")
        return self.deadline.decide(now)

    def _sick(self) -> Decision | None:
        if self.health.verdict == "rewind":
            return Rewind(why=self.health.trouble)
        return Stop(reason="health") if self.health.verdict == "give-up" else None

    def _learnt_by_heart(self) -> Decision | None:
        if self.guard.fires:
            return Rewind(why=OVERFIT, best=True)
        return Replan(horizon=self.deadline.annealed(), why=OVERFIT) if self.guard.back else None

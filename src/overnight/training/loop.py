"""The loop: ask what to do, do it, tell what happened.

In: a live session, a course (deadline, schedule, health) and the acts that touch the disk. Out:
events, one by one. Never: decides by itself, writes the journal, prints.

    repeat:
        decision = deadline.decide(now)      # pure; with several processes rank 0 decides, all obey
        Stop(reason)  -> yield Stopped; end
        Replan        -> yield Replanned(horizon)
        Save          -> yield Saved(step, seconds)
        Evaluate      -> yield Evaluated(step, loss)
        Rewind        -> yield Rewound(to_step)
        Step          -> yield Stepped(...), before it Clipped(...) when its gradient was a spike,
                         Dropped(...) when it was not finite,
                         or, memory gone: rebuild smaller, yield Shrunk(...), same step again
        course = course.after(event, now)    # pure: learns the price of steps, evaluations, saves
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from overnight.control import recovery
from overnight.control.course import SETTLING, Course
from overnight.control.health import Health, finite
from overnight.training.room import MemoryGone
from overnight.training.session import Session, Taken
from overnight.values.decisions import (
    Decision,
    Evaluate,
    Replan,
    Rewind,
    Save,
    Stop,
)
from overnight.values.errors import NoPlanFits
from overnight.values.ledger import Evaluated, Event, Promoted, Replanned, Saved, Stepped, Stopped
from overnight.values.troubles import Clipped, Dropped, Rewound, Shrunk

E = TypeVar("E", bound=Event)

PEAK_SECONDS = 1.0
"""Between two questions for the peak of memory: the system takes 30 us for an answer."""
REWIND_FACTOR = 0.5
"""A rewind halves the rate and skips the batches (OPT-175B did the one, PaLM the other)."""


class Acts(Protocol):
    """What the loop has done by others: everything that touches the disk or the held-out rows."""

    def asked(self) -> str:
        """What the world wants: an end (`signal`, `stop`), a `save`, or nothing."""
        ...

    def save(self, session: Session) -> Saved | None:
        """Writes a checkpoint; None where the disk refused, which is said elsewhere."""
        ...

    def evaluate(self, session: Session) -> Evaluated | None:
        """Measures the *select* part; None where time ran out over it."""
        ...

    def rewind(self, session: Session, *, best: bool = False) -> str | None:
        """Goes back to the newest promoted checkpoint, or to the one with the lowest *select*
        loss; its name, None where there is none."""
        ...

    def promotions(self, event: Event, health: Health) -> list[Promoted]:
        """Checkpoints that this event has proved healthy."""
        ...


class Loop:
    """One training run under way. `course` may be replaced between two events."""

    def __init__(
        self,
        session: Session,
        course: Course,
        *,
        acts: Acts,
        clock: Callable[[], float],
        awake: Callable[[], float] | None = None,
    ) -> None:
        """`awake` stands still while the machine sleeps: what a step takes is read from it."""
        self.session, self.course = session, course
        self._acts, self._clock, self._awake = acts, clock, awake or clock
        self._most_tokens, self._peak, self._peak_at = 0, 0, -math.inf
        self.coming: tuple[Shrunk, ...] = ()
        """What ran out of memory at steps that a killed process had reached."""

    def train(self) -> Iterator[Event]:
        """Yields every event until training is over; the last one is Stopped."""
        while True:
            asked = self._acts.asked()
            decision = self.session.agreed(self.course.decide(self._clock(), asked))
            for event in self._do(decision):
                yield self.happened(event)
                if isinstance(event, Stopped):
                    return
                yield from self._acts.promotions(event, self.course.health)

    def happened(self, event: E) -> E:
        """Takes note of an event, also of one that came from outside the loop."""
        self.course = self.course.after(event, self._clock())
        return event

    def _do(self, decision: Decision) -> Iterator[Event]:
        step = self.session.progress.step
        if isinstance(decision, Stop):
            yield Stopped(step=step, reason=decision.reason)
        elif isinstance(decision, Replan):
            yield self.replanned(decision.horizon, decision.why)
        elif isinstance(decision, Rewind):
            yield self._rewind(decision)
        elif isinstance(decision, Save | Evaluate):
            yield from self._look(decision)
        else:
            yield from self._step()

    def replanned(self, horizon: int, why: str, *, warmup_steps: int | None = None) -> Replanned:
        """The event of a horizon set anew, with where the schedule goes on from."""
        step = self.session.progress.step
        after = self.course.rescheduled(step, horizon, why, warmup_steps)
        return Replanned(
            step=step,
            horizon=horizon,
            anchor_step=step,
            anchor_progress=after.anchor_progress,
            warmup_steps=after.warmup_steps,
            why=why,
        )

    def _look(self, decision: Save | Evaluate) -> Iterator[Event]:
        """A save; or an evaluation, after a save where one can be afforded (DESIGN 5)."""
        deadline = self.course.deadline
        fresh = deadline.saved_step == self.session.progress.step
        affordable = not fresh and self.session.agreed(deadline.save_affordable)
        if isinstance(decision, Save) or affordable:
            saved = self._acts.save(self.session)
            if saved is not None:
                yield saved
            elif isinstance(decision, Save):
                self._skip(saved_at=self._clock(), save_refused=deadline.step)
        if isinstance(decision, Evaluate):
            seen = self._acts.evaluate(self.session)
            if seen is not None:
                yield seen
            else:
                self._skip(evaluated_at=self._clock(), look_refused=deadline.step)

    def _skip(self, **tried: Any) -> None:
        """What was refused is tried again after another interval, not at once."""
        self.course = replace(self.course, deadline=replace(self.course.deadline, **tried))

    def _rewind(self, decision: Rewind) -> Event:
        step = self.session.progress.step
        name = self._acts.rewind(self.session, best=decision.best)
        if name is None and decision.best:
            return self.replanned(self.course.deadline.annealed(), decision.why)
        if name is None:
            return Stopped(step=step, reason="health")
        return Rewound(
            step=step,
            to_step=self.session.progress.step,
            name=name,
            rate_factor=1.0 if decision.best else REWIND_FACTOR,
            why=decision.why,
            epoch=self.session.progress.epoch,
            batch=self.session.progress.batch,
            stage=self.session.progress.stage,
        )

    def _step(self) -> Iterator[Event]:
        step = self.session.progress.step
        stage = self.session.enter(self.course.deadline.stages.at(step))
        if stage is not None:
            yield stage
        rate = self.course.schedule.rate(step)
        limit = self._limit()
        self.take_up()
        while True:
            begun = self._awake()
            try:
                taken = self.session.step(rate, clip=limit)
            except MemoryGone as gone:
                yield self.shrink(gone)
                continue
            told = self._told(taken, rate, self._awake() - begun)
            if taken.taken and taken.grad_norm > limit:
                yield Clipped(step=told.step, grad_norm=taken.grad_norm, limit=limit)
            yield told
            return

    def _limit(self) -> float:
        """How long a gradient may be that is no spike; none where all are clipped shorter, or
        where `max_grad_norm` 0 asked for no clipping."""
        limit = self.course.health.norms.limit
        return limit if limit < self.session.candidate.max_grad_norm else math.inf

    def shrink(self, gone: MemoryGone) -> Shrunk:
        """Rebuilds the session smaller, with the same effective batch.

        Raises:
            NoPlanFits: there is nothing smaller.
        """
        now = self.session.candidate
        candidate = recovery.smaller(now, ran_out=gone.tokens, fitted=gone.fitted)
        if candidate is None:
            raise NoPlanFits("a single row does not fit into the memory, every layer checkpointed; "
                             "lower max_length")  # fmt: skip
        self.session.rebuild(candidate)
        why = f"{gone} did not fit; the same step again"
        return recovery.shrunk(
            candidate, step=self.session.progress.step, where="gradients", why=why
        )

    def take_up(self) -> None:
        """As small, from this step on, as the process before this one had to be here."""
        step = self.session.progress.step
        for event in self.coming:
            if event.step <= step:
                self.session.rebuild(recovery.as_small(self.session.candidate, event))
        self.coming = tuple(event for event in self.coming if event.step > step)

    def _told(self, taken: Taken, rate: float, seconds: float) -> Stepped | Dropped:
        progress = self.session.progress
        if not taken.taken:
            which = "the loss" if not finite(taken.loss) else "a gradient"
            reason = SETTLING if taken.settling else f"{which} was not finite"
            return Dropped(step=progress.step, reason=reason, seconds=seconds)
        return Stepped(
            step=progress.step,
            epoch=progress.epochs_done,
            loss=taken.loss,
            tokens=taken.tokens,
            learnt_tokens=taken.learnt_tokens,
            seconds=seconds,
            learning_rate=rate,
            grad_norm=taken.grad_norm,
            peak_bytes=self._peak_bytes(taken.tokens),
        )

    def _peak_bytes(self, tokens: int) -> int:
        """The most memory so far; asked for after the largest step yet, else now and then."""
        now = self._awake()
        if tokens > self._most_tokens or now - self._peak_at >= PEAK_SECONDS:
            self._peak, self._peak_at = self.session.peak_bytes(), now
            self._most_tokens = max(tokens, self._most_tokens)
        return self._peak

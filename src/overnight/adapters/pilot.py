"""When a training loop that is not ours must save, look and stop: control/ fed from its events.

In: the loop's events, each at its moment. Out: `Wishes`; the forecast. Never: torch, the Trainer's
objects, files; what is wished for is done by adapters/transformers.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from overnight.adapters.kept import Kept
from overnight.adapters.manners import Manners
from overnight.adapters.rates import WARM_AGAIN, Descent
from overnight.adapters.stopwatch import Stopwatch
from overnight.control import forecast
from overnight.control.deadline import Deadline
from overnight.control.health import Health, finite
from overnight.planning import measure, timing
from overnight.values.cadence import Cadence
from overnight.values.decisions import Replan, Save, Stop
from overnight.values.facts import Interval
from overnight.values.ledger import Evaluated, Loss, Rehearsed, Saved, Stepped

NEVER = 1 << 40
"""Steps between evaluations where the arguments want none."""
MOST_UNSEEN = 0.05
"""Of the window: most that is kept for an evaluation that was never seen."""
GLANCE_SECONDS = 0.5
"""Between two forecasts: one may take as long as a tenth of the smallest model's step."""
ON_TRACK = 0.95
"""Of the steps first planned: what must still be reachable (as the nights of our own loop)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is to be done after a step; every process does the same."""

    stop: str = ""
    save: bool = False
    look: bool = True
    """Whether an evaluation that the arguments ask for ends in time."""
    horizon: int | None = None
    """Set anew, where it is."""
    rehearsed: bool = False
    """Whether the first measured steps are over with it."""


class Pilot:
    """What is known of somebody else's training run; one in each process, the first decides."""

    def __init__(self, manners: Manners, *, started_at: float, ends_at: float,
                 clock: Callable[[], float]) -> None:  # fmt: skip
        self.manners, self.ends_at, self._clock = manners, ends_at, clock
        self.watch = Stopwatch(clock)
        self.deadline = Deadline(
            started_at=started_at,
            ends_at=ends_at,
            steps_wanted=manners.steps,
            tokens_per_step=1.0,
            publish_seconds=manners.afterwards + manners.save_prior,
            cadence=_cadence(manners),
            horizon=manners.steps,
            save_seconds=manners.save_prior,
        )
        self.health = Health()
        self.descent = Descent.over(manners.steps, manners.warmup(manners.steps))
        self.rehearsing = True
        self.first: list[Stepped] = []
        self.planned_steps = 0
        self.estimated_seconds = float("nan")
        self.promised = 0.0
        """Seconds a step, by the rehearsal."""
        self.steady: tuple[int, float] = (0, 0.0)
        """Steps since then, and their seconds."""
        self.look_seen = self.save_seen = False
        self._looking = 0.0
        self._foretold: tuple[float, Interval] | None = None

    def resume(self, kept: Kept, *, step: int) -> None:
        """Goes on from what a checkpoint at `step` remembers."""
        now, descent = self._clock(), kept.descent or self.descent
        self.save_seen, self.look_seen = kept.save_seconds > 0, kept.look_seconds > 0
        self.planned_steps, self.estimated_seconds = kept.planned_steps, kept.estimated_seconds
        save = kept.save_seconds or self.deadline.save_seconds
        known = replace(
            self.deadline,
            step=step,
            recent=tuple((seconds, 1.0) for seconds in kept.seconds),
            save_seconds=save,
            select_seconds=kept.look_seconds,
            publish_seconds=self.manners.afterwards + save,
            saved_step=step,
            saved_at=now,
            evaluated_step=step,
        )
        horizon = descent.left.horizon
        if kept.ended:  # it had landed, and has more time or more steps now
            horizon = known.reachable(now) or self.manners.steps
            descent = descent.lengthened(step, max(horizon, step))
        self.descent = descent
        self.deadline = replace(known, horizon=min(max(horizon, step), self.manners.steps))

    # What happened.

    def stepped(self, step: int, *, dropped: bool = False) -> None:
        """A step was taken, or dropped as its gradients were not finite: it took its time."""
        seconds, health = self.watch.step(), self.health
        sound = replace(health, dropped_in_a_row=0, steps=health.steps + 1)
        self.health = health.after_drop() if dropped else sound
        event = _step(step, seconds)
        self.deadline = self.deadline.after(event, self.watch.mark)
        if self.rehearsing:
            self.first.append(event)
        else:
            self.steady = (self.steady[0] + 1, self.steady[1] + seconds)
        self._looking = 0.0
        self._expect_look()

    def _expect_look(self) -> None:
        """What is kept for the last evaluation while none was seen."""
        if self.look_seen or not self.manners.look_steps:
            return
        unseen = self.look_seconds
        kept = unseen if unseen <= MOST_UNSEEN * (self.deadline.window_seconds or 0.0) else 0.0
        self.deadline = replace(self.deadline, select_seconds=kept)

    @property
    def look_seconds(self) -> float:
        """What an evaluation is taken to last."""
        if self.look_seen:
            return self.deadline.select_seconds
        return self.manners.unseen_look_steps * self.deadline.seconds_per_step

    def looked(self) -> None:
        """An evaluation is over; several data sets at one step are one, together."""
        self._looking += self.watch.lap()
        before = self.deadline if self.look_seen else replace(self.deadline, select_seconds=0.0)
        loss = Loss(loss=0.0, low=0.0, high=0.0, n=1)
        step = self.deadline.step
        event = Evaluated(step=step, part="select", loss=loss, seconds=self._looking)
        self.deadline = before.after(event, self.watch.mark)
        self.look_seen = True

    def saved(self) -> None:
        """A checkpoint was written, whoever asked for it."""
        step = self.deadline.step
        event = Saved(step=step, name=f"checkpoint-{step}", parent="", seconds=self.watch.lap(),
                      bytes=0)  # fmt: skip
        before = self.deadline if self.save_seen else replace(self.deadline, save_seconds=0.0)
        after = before.after(event, self.watch.mark)
        self.save_seen = True
        self.deadline = replace(after, publish_seconds=self.manners.afterwards + after.save_seconds)

    def reported(self, loss: float) -> None:
        """The mean loss of some steps, which are counted one by one."""
        now = self.health
        if finite(loss):
            self.health = replace(now.after_step(loss), steps=now.steps,
                                  dropped_in_a_row=now.dropped_in_a_row)  # fmt: skip

    @property
    def saved_here(self) -> bool:
        """Whether the last step is saved."""
        return self.deadline.saved_step == self.deadline.step

    @property
    def looked_here(self) -> bool:
        """Whether the last step is evaluated."""
        return self.look_seen and self.deadline.evaluated_step == self.deadline.step

    # What is to be done.

    def nothing_left(self) -> str:
        """Why no step may begin, before the first one of this process; else empty."""
        decision = self.deadline.decide(self._clock())
        return decision.reason if isinstance(decision, Stop) else ""

    def wishes(self) -> Wishes:
        """What is to be done now."""
        now = self._clock()
        rehearsed = self.rehearsing and self._enough()
        deadline = self._concluded(self.deadline, now) if rehearsed else self.deadline
        decision = deadline.decide(now, asked_to_stop=self._sick())
        if isinstance(decision, Replan):
            deadline = deadline.replanned(decision.horizon, now)
            decision = deadline.decide(now)
        moved = rehearsed or deadline.horizon != self.deadline.horizon
        self.deadline = deadline
        return Wishes(
            stop=decision.reason if isinstance(decision, Stop) else "",
            save=isinstance(decision, Save),
            look=self.look_fits(),
            horizon=deadline.horizon if moved else None,
            rehearsed=rehearsed,
        )

    def _sick(self) -> str:
        """Weights stay sound as every bad step is dropped; many of them mean that none is good."""
        sick = self.health.dropped_in_a_row > 0 and self.health.verdict != "well"
        return "health" if sick else ""

    def _enough(self) -> bool:
        """The rehearsal of our own nights: 2 % of the window or eight steps, at most 15 %."""
        window = self.deadline.window_seconds or 0.0
        spent = sum(step.seconds for step in self.first)
        if spent > timing.REHEARSAL_LIMIT * window:
            return True
        few = len(self.first) < timing.REHEARSAL_STEPS
        return not few and spent >= timing.rehearsal_seconds(self.first[-1].seconds, window)

    def _concluded(self, deadline: Deadline, now: float) -> Deadline:
        """What the first steps say: how many fit."""
        taken = [step.seconds for step in self.first]
        event = Rehearsed(steps=len(taken), seconds=sum(taken), tokens_per_second=0.0,
                          peak_bytes=0, settled=measure.settled(taken))  # fmt: skip
        known = deadline.after(event, now)
        horizon = max(known.reachable(now) or 0, known.step)
        return known.replanned(horizon, now)

    def obey(self, wishes: Wishes) -> None:
        """Takes over what was decided, in every process alike."""
        if wishes.horizon is None:
            return
        step = self.deadline.step
        self.deadline = replace(self.deadline, horizon=wishes.horizon)
        self._foretold = warm = None
        if wishes.rehearsed:
            self.rehearsing = False
            warm = self.manners.warmup(wishes.horizon)
            warm = max(warm, step + WARM_AGAIN) if warm else None
        self.descent = self.descent.replanned(step, wishes.horizon, warmup_steps=warm)
        if wishes.rehearsed:
            self._promise()

    def _promise(self) -> None:
        """What the end will be held against: the first forecast, of all processes of the run."""
        self.promised = forecast.pace(self.deadline)
        if not self.planned_steps:
            self.planned_steps = self.deadline.horizon
            self.estimated_seconds = self.finish().mid - self.deadline.started_at

    def look_fits(self) -> bool:
        """Whether an evaluation, a step after it and the ending fit."""
        step = self.deadline.slowest_step + self.deadline.reserve.evaluation
        return self._ends_in_time(self.look_seconds + step)

    def last_look_fits(self) -> bool:
        """Whether the evaluation after the last step fits; the model is saved by then."""
        save = self.deadline.reserve.save if self.saved_here else 0.0
        return self._ends_in_time(self.look_seconds - save)

    def _ends_in_time(self, seconds: float) -> bool:
        """Whether these seconds and the ending fit, the last evaluation left out of it."""
        kept = self.deadline.reserve
        return self._clock() + seconds + kept.seconds - kept.evaluation <= self.ends_at

    def late(self, done: int) -> bool:
        """Whether a step of which `done` micro-batches are over has no time for one more."""
        now = self._clock()
        another = (now - self.watch.mark) / max(done, 1)
        return now + another + self.deadline.reserve.seconds > self.ends_at

    # What is foretold.

    def finish(self) -> Interval:
        """When training is over (boot seconds), nine times in ten inside."""
        now = self._clock()
        if self._foretold is None or now - self._foretold[0] >= GLANCE_SECONDS:
            self._foretold = now, forecast.finish(self.deadline, now, publish_seconds=0.0)
        return self._foretold[1]

    @property
    def on_track(self) -> bool:
        """Whether the steps first planned will be done by the deadline."""
        return self.deadline.horizon >= ON_TRACK * self.planned_steps

    @property
    def accuracy(self) -> float | None:
        """Planned over actual time of the steps done since the rehearsal, in per cent."""
        steps, seconds = self.steady
        return 100.0 * self.promised * steps / seconds if self.promised and seconds > 0 else None


def _cadence(manners: Manners) -> Cadence:
    """Evaluations as the arguments ask for them, saves by time."""
    return Cadence(eval_steps=manners.look_steps or NEVER, save_seconds=manners.save_seconds)


def _step(step: int, seconds: float) -> Stepped:
    """A step of which nothing but its time is known: each holds as much as any other."""
    return _STEP(step=step, seconds=seconds)


_STEP = partial(Stepped, epoch=0.0, loss=0.0, tokens=1, learnt_tokens=1, learning_rate=0.0,
                grad_norm=0.0, peak_bytes=0)  # fmt: skip

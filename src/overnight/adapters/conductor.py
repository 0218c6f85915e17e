"""One training run of somebody's Trainer, led to its deadline: what each event of it means.

In: the Trainer's arguments, state, control and live objects at each event. Out: its control flags,
the rate of each step, lines. Never: transformers itself (adapters/transformers.py), a decision
(adapters/pilot.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overnight.adapters import folders, gradients, kept, manners, rates, telling, traps
from overnight.adapters.pilot import Pilot, Wishes
from overnight.adapters.speaker import Speaker
from overnight.control.signs import Signs
from overnight.probe.clock import Clock
from overnight.training import processes
from overnight.values.errors import NoPlanFits
from overnight.values.units import show_duration

SPOKEN_SHARE = 0.1
"""Of the window: how often the finishing time is said anew, at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the callback was given besides its deadline."""

    afterwards: float = 0.0
    """Seconds."""
    own_rate: bool = False
    save_minutes: float | None = None


class Conductor:
    """From `on_train_begin` to `on_train_end`."""

    def __init__(self, term: kept.Term, wanted: Wanted, clock: Clock, *,
                 at: tuple[Any, Any, Mapping[str, Any]]) -> None:  # fmt: skip
        args, state, live = at
        self.term, self.wanted, self.clock = term, wanted, clock
        self.main, self.several = bool(state.is_world_process_zero), args.world_size > 1
        self.speaker, self.output_dir = Speaker(self.main), str(args.output_dir)
        found = manners.read(args, state, live, afterwards=wanted.afterwards,
                             minutes=wanted.save_minutes)  # fmt: skip
        self.pilot = Pilot(found, started_at=term.started_at(clock), ends_at=term.ends_at(clock),
                           clock=clock.boot)  # fmt: skip
        self.stretched: rates.Stretched | None = None
        self.ours: tuple[int, ...] = ()
        self.ending, self.over, self.signs = "", False, Signs()
        self._dropped, self._by_time, self._micro, self._spoken_at = False, False, 0, 0.0

    def remembered(self) -> kept.Kept:
        """What a checkpoint keeps of this run."""
        night, pilot = self.pilot.deadline, self.pilot
        return kept.Kept(
            term=self.term,
            step=night.step,
            descent=pilot.descent,
            seconds=tuple(seconds for seconds, _ in night.recent),
            save_seconds=night.save_seconds if pilot.save_seen else 0.0,
            look_seconds=night.select_seconds if pilot.look_seen else 0.0,
            ended=self.ending,
            steps_wanted=pilot.manners.steps,
            planned_steps=pilot.planned_steps,
            estimated_seconds=pilot.estimated_seconds,
            ours=self.ours,
        )

    def agreed(self, value: Any) -> Any:
        """What the first process has found; the others only follow."""
        if not self.several:
            return value
        from accelerate import PartialState

        return processes.agreed(PartialState(), value)

    def begin(self, before: kept.Kept | None, at: tuple[Any, Any, Mapping[str, Any]]) -> None:
        """The first lines; the run is taken up where a checkpoint remembers it.

        Raises:
            NoPlanFits: not even one step and the ending fit.
        """
        args, state, live = at
        if state.global_step:
            self.pilot.resume(before or kept.Kept(term=self.term), step=state.global_step)
            self.ours = before.ours if before else ()
        for line in traps.found(args, live["model"], now_utc=self.clock.utc()):
            self.speaker.say(line)
        if not self.wanted.own_rate:
            self._follow(live["lr_scheduler"])
        if before is not None and before.term.words != self.term.words:
            self.speaker.say(f"'{self.term.words}' in place of '{before.term.words}'")
        self.speaker.say(telling.begins(self.term, self.clock))
        if before is not None and before.finished(self.term, step=state.global_step,
                                                  steps_wanted=state.max_steps):  # fmt: skip
            self._refuse(before.ended, state.global_step)
        elif why := self.agreed(self.pilot.nothing_left()):
            self._refuse(why, state.global_step)

    def _follow(self, scheduler: Any) -> None:
        """Takes the learning rate over, if it can be led."""
        steps, warmup = self.pilot.manners.steps, self.pilot.manners.warmup
        self.stretched = rates.Stretched.of(scheduler, steps=steps, warmup=warmup(steps))
        if self.stretched is None:
            self.speaker.say(f"{type(rates.inside(scheduler)).__name__} follows no count of steps, "
                             "so the learning rate is not led to the deadline; with "
                             'lr_scheduler_type="linear" or "cosine" it is')  # fmt: skip

    def _refuse(self, why: str, step: int) -> None:
        """A run that is over, or whose deadline has passed, trains no further step."""
        if not step:
            raise NoPlanFits(f"{self.term.words}: not even one step and the ending fit; the ending "
                             f"takes about {show_duration(self.pilot.deadline.reserve.seconds)} "
                             "by the size of a checkpoint. Give more time")  # fmt: skip
        self.over, self.ending = True, why
        self.speaker.say(f"nothing is trained: {telling.WHY.get(why, why)} at step {step}; another "
                         "by or within, or more steps, go on from here")  # fmt: skip

    # A step.

    def step_begins(self, state: Any, live: Mapping[str, Any]) -> None:
        """The rate of the step."""
        if self.stretched is not None and not self.over:
            factors = self.stretched.factors(self.pilot.descent, state.global_step)
            rates.put(live["optimizer"], live["lr_scheduler"], factors)

    def gradients_are_there(self, args: Any, live: Mapping[str, Any]) -> None:
        """Where they are no numbers, or the end was before, nothing is changed."""
        model, optimizer = live["model"], live["optimizer"]
        clipped = bool(args.max_grad_norm and args.max_grad_norm > 0)
        self._dropped = not gradients.sound(model, optimizer, clipped=clipped,
                                            several=self.several)  # fmt: skip
        if self._dropped or self.over:
            gradients.hold_still(model, optimizer)

    def micro_batch_ends(self, control: Any) -> None:
        """A step that has become too slow is given up between two micro-batches."""
        self._micro += 1
        if self.several or self.over or self.ending:
            return
        if self.pilot.late(self._micro):
            self.ending = "window"
            self.speaker.say(telling.ended(self.pilot, self.ending, self.clock))
            control.should_training_stop = True

    def step_ends(self, state: Any, control: Any) -> None:
        """What comes next: another step, a save, an evaluation, the end."""
        self._micro, self._by_time = 0, False
        if self.over:
            state.global_step -= 1  # the Trainer took one more, which changed nothing
            control.should_training_stop = True
            control.should_save = control.should_evaluate = control.should_log = False
            return
        self.pilot.stepped(state.global_step, dropped=self._dropped)
        if self._dropped:
            self.speaker.say(f"step {state.global_step} had no finite gradient; it was dropped")
        self._obey(control)

    def _obey(self, control: Any) -> None:
        wishes: Wishes = self.agreed(self.pilot.wishes() if self.main else None)
        self.pilot.obey(wishes)
        if wishes.stop:
            self._end(wishes.stop, control)
            return
        if wishes.horizon is not None:
            self._speak(first=wishes.rehearsed)
        self._by_time = self._by_time or (wishes.save and not control.should_save)
        control.should_save = control.should_save or wishes.save
        if control.should_evaluate and not wishes.look:
            control.should_evaluate = False
            self.speaker.once("an evaluation is left out: it would not end in time")

    def _end(self, reason: str, control: Any) -> None:
        """The model is saved at once; its evaluation comes after that, in `epoch_ends`."""
        self.ending = reason
        self.speaker.say(telling.ended(self.pilot, reason, self.clock))
        control.should_training_stop = control.should_log = True
        control.should_evaluate = False
        control.should_save = not self.pilot.saved_here

    def _speak(self, *, first: bool) -> None:
        """The finishing time, now and then."""
        now = self.clock.boot()
        if first or now - self._spoken_at >= SPOKEN_SHARE * self.term.seconds:
            self._spoken_at = now
            self.speaker.say(telling.forecast(self.pilot, self.clock))

    # What lies between steps.

    def evaluated(self, control: Any) -> None:
        """An evaluation is over; it may have taken the time of the next step."""
        self.pilot.looked()
        if not self.ending:
            self._obey(control)

    def saved(self, args: Any, state: Any, control: Any) -> None:
        """A checkpoint is written; it may have taken the time of the next step."""
        if args.should_save:
            self._care(args, state)
        self.pilot.saved()
        if not self.ending:
            self._obey(control)
            control.should_save = False

    def _care(self, args: Any, state: Any) -> None:
        """What the Trainer leaves undone: the disk is asked to keep it, older ones of ours go."""
        there = folders.path(args.output_dir, state.global_step)
        if not there.is_dir():
            self.speaker.say(f"{there} is gone as soon as it was written: save_total_limit deletes "
                             "by date; give it a higher number")  # fmt: skip
            return
        folders.flush(there)
        if self._by_time:
            self.ours = (*self.ours, state.global_step)
        if not args.save_total_limit:
            best = state.best_model_checkpoint
            self.ours = folders.thin(args.output_dir, self.ours, best=best)

    def epoch_ends(self, args: Any, control: Any) -> None:
        """The last chance: what was not saved is saved now, and the saved model evaluated."""
        if self.over:
            control.should_save = control.should_evaluate = control.should_log = False
        elif self.ending or control.should_training_stop:  # a stop of anybody's saves
            control.should_save = self.pilot.deadline.step > 0 and not self.pilot.saved_here
            wanted = manners.spelled(args.eval_strategy) != "no" and not self.pilot.looked_here
            fits = wanted and self.agreed(self.pilot.last_look_fits())
            control.should_evaluate = fits
            if wanted and not fits:
                self.speaker.say("no last evaluation: " + telling.no_look(self.pilot))
        elif control.should_evaluate and not self.agreed(self.pilot.look_fits()):
            control.should_evaluate = False
            self.speaker.once("an evaluation is left out: it would not end in time")

    def logged(self, state: Any, logs: dict[str, Any]) -> None:
        """Figures beside the Trainer's own, for whoever reads them after this callback."""
        figure = telling.figure(logs, state, self.pilot.deadline.horizon)
        if figure is not None:
            self.signs = self.signs.after(figure)
            for sign in self.signs.fresh:
                self.speaker.say(sign.text)
        if "loss" in logs:
            self.pilot.watch.carry()
            self.pilot.reported(float(logs["loss"]))
            told = telling.metrics(self.pilot, self.term, self.clock)
        elif "train_runtime" in logs:
            told = telling.summary(self.pilot, self.clock)
            self._best(state)
            if self.over:  # the Trainer divides the loss of that one step by a thousandth
                logs.pop("train_loss", None)
        else:
            return
        logs.update(told)
        if state.log_history:
            state.log_history[-1].update(told)

    def _best(self, state: Any) -> None:
        """The last model is evaluated after it was saved; the Trainer looks before it saves."""
        there = self.checkpoint()
        if there is not None and state.best_global_step == self.pilot.deadline.step:
            state.best_model_checkpoint = str(there)

    def checkpoint(self) -> Path | None:
        """The checkpoint of the last step, where it is really there."""
        there = folders.path(self.output_dir, self.pilot.deadline.step)
        return there if (there / "trainer_state.json").is_file() else None

    def ends(self) -> None:
        """The last line."""
        if self.over:
            return
        there, left = self.checkpoint(), self.pilot.ends_at - self.clock.boot()
        what = f"{there} is saved" if there else "no checkpoint of the last step is there"
        when = "before" if left >= 0 else "after"
        self.speaker.say(f"{what}, {show_duration(abs(left))} {when} the deadline")

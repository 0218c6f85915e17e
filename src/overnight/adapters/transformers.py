"""`DeadlineCallback`: a deadline for somebody's own Trainer, SFTTrainer or Seq2SeqTrainer.

In: the Trainer's events. Out: its control flags, the rate of each step, lines and metrics. Never:
whole checkpoints, a resumption bit for bit, rewinding: those need our own loop. This module loads
transformers, so it is loaded itself only when `overnight.DeadlineCallback` is first asked for.
"""

from typing import Any, Literal

from transformers import TrainerCallback
from transformers.trainer_callback import DefaultFlowCallback, ExportableState

from overnight.adapters import folders, kept, manners
from overnight.adapters.conductor import Conductor, Wanted
from overnight.adapters.speaker import say
from overnight.probe.clock import Clock, SystemClock
from overnight.values.errors import ArgumentError


class DeadlineCallback(TrainerCallback, ExportableState):  # type: ignore[misc]
    """Ends the training in time with a saved model, its learning rate at zero.

        trainer = SFTTrainer(..., callbacks=[DeadlineCallback(by="sat 8am")])

    `by` is a clock time in this machine's zone, `within` a length that counts from the making of
    this object; one of them is given. Training ends after the steps that the arguments ask for, or
    as many as fit: no step begins that cannot end together with the last save and evaluation at
    their measured prices, and `afterwards` ("10m") for what your script does after `train()`.

    The arguments' own schedule is stretched or squeezed to end there (`learning_rate="deadline"`),
    or left alone (`"own"`). Besides the arguments' saves there are some by time: as often as their
    price allows, at most 10 minutes apart, or every `save_minutes`; 0 leaves only the arguments'
    own. The last step is always saved, under `save_strategy="no"` too. The last evaluation (unless
    `eval_strategy="no"`) comes after that save, if it fits; `eval_on_start=True` tells its price
    from the beginning. Of the saves by time the newest two stay, unless `save_total_limit` is set.

    A step without finite gradients is dropped; three in a row end the training. What works against
    all this in the arguments is said at the beginning, and `logging_nan_inf_filter` turned off.

    The deadline is kept in `trainer_state.json`: resumed under the same words the run keeps it,
    under others the new one counts; a run that was over trains no further step.

    What a callback cannot do: interrupt a single micro-batch, save or evaluation under way, vouch
    for every byte of a checkpoint (one that a kill left unfinished is renamed to `unfinished-...`),
    resume bit for bit, go back to an earlier checkpoint. `overnight train` does.

    Raises:
        ArgumentError: `by`, `within`, `afterwards`, `learning_rate` or `save_minutes` is wrong.
    """

    def __init__(
        self,
        *,
        by: str | None = None,
        within: str | None = None,
        afterwards: str | None = None,
        learning_rate: Literal["deadline", "own"] = "deadline",
        save_minutes: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        if learning_rate not in ("deadline", "own"):
            raise ArgumentError(f"learning_rate: '{learning_rate}' is neither deadline nor own")
        if save_minutes is not None and not save_minutes >= 0:
            raise ArgumentError(f"save_minutes: {save_minutes} is no time between two saves")
        self.clock = clock or SystemClock()
        self.term = kept.term(by=by, within=within, clock=self.clock)
        self._given = {"by": by, "within": within, "afterwards": afterwards,
                       "learning_rate": learning_rate, "save_minutes": save_minutes}  # fmt: skip
        self._wanted = Wanted(
            afterwards=kept.length("afterwards", afterwards) if afterwards else 0.0,
            own_rate=learning_rate == "own",
            save_minutes=save_minutes,
        )
        self.kept: dict[str, Any] = {}
        self._run: Conductor | None = None
        self._look_rows: int | None = None

    def attach(self, trainer: Any) -> "DeadlineCallback":
        """Puts this callback before the trackers of `report_to`, so that they get its figures.

        It then knows too how many rows an evaluation has, before it has seen one.
        """
        self._look_rows = manners.rows(trainer.eval_dataset)
        callbacks = trainer.callback_handler.callbacks
        if self in callbacks:
            callbacks.remove(self)
        flow = [isinstance(one, DefaultFlowCallback) for one in callbacks]
        callbacks.insert(flow.index(True) + 1 if any(flow) else 0, self)
        return self

    def state(self) -> dict[str, Any]:
        """What `trainer_state.json` keeps: how this was made, and the run so far."""
        if self._run is not None:
            self.kept = kept.as_json(self._run.remembered())
        return {"args": self._given, "attributes": {"kept": self.kept}}

    def on_init_end(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        """What a kill left half-written is out of the way before anything is resumed."""
        if args.should_save:
            for name in folders.set_aside(args.output_dir):
                say(f"{name} was never finished, it is unfinished-{name} now")
        if args.world_size > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()

    def on_train_begin(self, args: Any, state: Any, control: Any, **live: Any) -> Any:
        """The window is fixed, or taken up again where a checkpoint remembers it.

        Raises:
            NoPlanFits: not even one step and the ending fit.
        """
        name = type(self).__name__
        before = kept.from_state(state.stateful_callbacks.get(name))
        # Where a run begun without this callback is taken up, the Trainer finds no entry to fill.
        state.stateful_callbacks.setdefault(name, self.state())
        if before is not None and not 0 < before.step == state.global_step:
            before = None  # of an earlier run of the same object
        if before is not None and before.term.words == self.term.words:
            self.term = before.term
        live["look_rows"] = self._look_rows
        self._run = Conductor(self.term, self._wanted, self.clock, at=(args, state, live))
        self._run.begin(before, (args, state, live))
        control.should_training_stop = control.should_training_stop or self._run.over
        return control

    def on_step_begin(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        """The rate of the step."""
        if self._run is not None:
            self._run.step_begins(state, live)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        """A step without finite gradients changes nothing."""
        if self._run is not None:
            self._run.gradients_are_there(args, live)

    def on_substep_end(self, args: Any, state: Any, control: Any, **live: Any) -> Any:
        """A step that has become too slow is given up between two micro-batches."""
        if self._run is not None:
            self._run.micro_batch_ends(control)
        return control

    def on_step_end(self, args: Any, state: Any, control: Any, **live: Any) -> Any:
        """What comes next."""
        if self._run is not None:
            self._run.step_ends(state, control)
        return control

    def on_evaluate(self, args: Any, state: Any, control: Any, **live: Any) -> Any:
        """An evaluation has its price."""
        if self._run is not None:
            self._run.evaluated(control)
        return control

    def on_save(self, args: Any, state: Any, control: Any, **live: Any) -> Any:
        """So has a save; this is told when it is written and the older ones are gone."""
        if self._run is not None:
            self._run.saved(args, state, control)
        return control

    def on_epoch_end(self, args: Any, state: Any, control: Any, **live: Any) -> Any:
        """Here the Trainer comes after a stop too."""
        if self._run is not None:
            self._run.epoch_ends(args, control)
        return control

    def on_log(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        """Guide 4's figures beside the Trainer's."""
        if self._run is not None:
            self._run.logged(state, live["logs"])

    def on_train_end(self, args: Any, state: Any, control: Any, **live: Any) -> None:
        """The run is over; what is evaluated or saved from here on is its own affair."""
        if self._run is not None:
            self.state()
            self._run.ends()
            self._run = None

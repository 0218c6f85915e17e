"""How a Trainer is set up, as far as a deadline must know it.

In: the Trainer's arguments, state and live objects. Out: `Manners`. Never: an argument changed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from overnight.planning import prices

LOOK_OF_EPOCH = 0.1
"""Of an epoch's rows: twice the 5 % that are usually held out, where their number is not known."""
NEVER_SECONDS = 1e12
"""Between two saves by time where only the arguments' own are wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How the loop is set up that is watched."""

    steps: int
    """What its arguments ask for."""
    unseen_look_steps: float
    """Steps that an evaluation is taken to be as long as, while none was seen."""
    look_steps: int | None = None
    """Between two evaluations by the arguments; None where there are none."""
    save_seconds: float | None = None
    """Between two saves; None: by their price."""
    afterwards: float = 0.0
    """Seconds kept for what follows the training."""
    save_prior: float = 0.0
    """Seconds of a save that none was measured of."""
    warmup: Callable[[int], int] = lambda horizon: 0
    """Steps of the warm-up, by those of the horizon."""


def read(args: Any, state: Any, live: Any, *, afterwards: float, minutes: float | None) -> Manners:
    """What the arguments ask for; `minutes` between two saves, 0 for the arguments' own alone."""
    epoch = epoch_steps(live["train_dataloader"], args, state)
    written = saved_bytes(live["model"]) / prices.DISK_BYTES_PER_SECOND
    return Manners(
        steps=state.max_steps,
        unseen_look_steps=_unseen(live.get("look_rows"), args, epoch),
        look_steps={"steps": state.eval_steps, "epoch": epoch}.get(spelled(args.eval_strategy)),
        save_seconds=minutes if minutes is None else 60.0 * minutes or NEVER_SECONDS,
        afterwards=afterwards,
        save_prior=prices.SAVE.mid + written,
        warmup=args.get_warmup_steps,
    )


def rows(data: Any) -> int | None:
    """How many rows are evaluated, in one data set or several; None where they are not counted."""
    parts = list(data.values()) if isinstance(data, dict) else [data]
    try:
        return sum(len(part) for part in parts)
    except TypeError:
        return None


def _unseen(rows: int | None, args: Any, epoch: int) -> float:
    """As if its rows were trained on: a third of that work, and thrice for what is not known."""
    if rows is None:
        return LOOK_OF_EPOCH * epoch
    at_once = args.per_device_train_batch_size * args.gradient_accumulation_steps
    return float(rows / (at_once * max(args.world_size, 1)))


def spelled(strategy: Any) -> str:
    """A strategy of the arguments as it is written in them."""
    return str(getattr(strategy, "value", strategy))


def epoch_steps(loader: Any, args: Any, state: Any) -> int:
    """Optimizer steps of an epoch; all that are asked for where the data has no length."""
    try:
        batches = len(loader)
    except TypeError:
        return int(state.max_steps)
    return max(-(-batches // int(args.gradient_accumulation_steps)), 1)


def alone(model: Any) -> Any:
    """The model without what distributes it."""
    while hasattr(model, "module"):
        model = model.module
    return model


def saved_bytes(model: Any) -> int:
    """About what a checkpoint holds: weights, and two moments of each trained one in fp32."""
    parameters = list(model.parameters())
    trained = sum(one.numel() for one in parameters if one.requires_grad)
    adapters = hasattr(alone(model), "peft_config")
    written = [one for one in parameters if one.requires_grad or not adapters]
    return int(sum(one.numel() * one.element_size() for one in written) + 8 * trained)

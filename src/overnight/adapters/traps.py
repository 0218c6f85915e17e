"""What in somebody's Trainer works against a deadline or against the model, in sentences.

In: the Trainer's arguments, its model. Out: one line for each trap, with the way round; the filter
that hides NaN is turned off. Never: anything else that is changed behind the user's back.
"""

import inspect
from typing import Any

from overnight.adapters import folders
from overnight.adapters.manners import alone

DIVIDING = ("loss_function(", "num_items_in_batch")
"""Words in the source of a `forward` that divides by what the Trainer tells it."""


def found(args: Any, model: Any, *, now_utc: float) -> list[str]:
    """Every trap that this run stands in."""
    return [line for line in (
        _hidden_nan(args), _batch_size(args), _jit(args), accumulation(args, model),
        _dates(args, now_utc),
    ) if line]  # fmt: skip


def _hidden_nan(args: Any) -> str:
    if not args.logging_nan_inf_filter:
        return ""
    args.logging_nan_inf_filter = False
    return ("logging_nan_inf_filter is off for this run: it shows an earlier mean in place of a "
            "loss that is not a number")  # fmt: skip


def _batch_size(args: Any) -> str:
    if not args.auto_find_batch_size:
        return ""
    return ("auto_find_batch_size=True: where memory runs out it counts from step 0 again, with "
            "the weights trained so far and another batch size; give per_device_train_batch_size "
            "a number that fits instead")  # fmt: skip


def _jit(args: Any) -> str:
    if not getattr(args, "enable_jit_checkpoint", False):
        return ""
    return ("enable_jit_checkpoint=True: a signal that comes between gradient and optimizer saves "
            "a state that no run was ever in, and waits 3 s before; the saves by time do "
            "without")  # fmt: skip


def _dates(args: Any, now_utc: float) -> str:
    if not args.save_total_limit or not args.should_save:
        return ""
    ahead = folders.date_in_order(args.output_dir, now=now_utc)
    if not ahead:
        return ""
    return (f"{', '.join(ahead)} in {args.output_dir}: dated after now, so save_total_limit would "
            "delete every new checkpoint at once; dated back")  # fmt: skip


def accumulation(args: Any, model: Any) -> str:
    """Whether the Trainer leaves gradients undivided that the model has not divided either.

    It takes any `forward(..., **kwargs)` for one that divides its loss by the tokens of the whole
    step. Many do not (VisionEncoderDecoder, BART, Whisper, BERT's classifiers ...): their loss and
    gradients are then as many times too large as micro-batches are accumulated.
    """
    times = args.gradient_accumulation_steps
    bare = _bare(model)
    if times < 2 or hasattr(bare, "accepts_loss_kwargs") or divides(type(bare)):
        return ""
    return (f"{type(bare).__name__} takes the mean over each micro-batch, and the Trainer does not "
            f"divide by gradient_accumulation_steps: loss and gradients come out {times} times too "
            "large; set model.accepts_loss_kwargs = False before the Trainer is made")  # fmt: skip


def divides(model: type) -> bool:
    """Whether the Trainer's guess about a model's loss is right, as far as its source says."""
    forward = inspect.unwrap(model.forward)  # type: ignore[attr-defined]
    given = inspect.signature(forward).parameters
    if not any(one.kind is one.VAR_KEYWORD for one in given.values()) or "labels" not in given:
        return True
    try:
        source = inspect.getsource(forward)
    except (OSError, TypeError):
        return True
    return "Loss(" not in source or any(word in source for word in DIVIDING)


def _bare(model: Any) -> Any:
    """The model itself, without adapters too."""
    found = alone(model)
    return found.get_base_model() if hasattr(found, "get_base_model") else found

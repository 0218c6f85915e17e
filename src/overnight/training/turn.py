"""The end of a step: gradients clipped, weights moved, and what is told of it.

In: a live session whose gradients are summed up. Out: `Taken`. Never: a forward or backward pass, a
rate of its own, a second look at what a device has computed.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from overnight.training import processes, state
from overnight.training.room import OptimizerMemoryGone

if TYPE_CHECKING:
    import torch

    from overnight.training.session import Session


@dataclass(frozen=True, slots=True)
class Taken:
    """One optimizer step, or one whose gradients were thrown away (`taken` False)."""

    taken: bool
    loss: float
    grad_norm: float
    tokens: int
    learnt_tokens: int
    settling: bool = False
    """The loss scaler of fp16 looked for its scale: neither sickness nor a step."""


def take(session: "Session", total: "torch.Tensor", rate: float, clip: float) -> Taken:
    """Moves the weights by the gradients that are there, none longer than `clip`.

    Raises:
        OptimizerMemoryGone: memory ran out over it; half of the weights may have moved.
    """
    scaler = session.accelerator.scaler
    if scaler is not None:
        scaler.unscale_(session.optimizer)
    loss, size = _clipped(session, total, min(session.candidate.max_grad_norm or math.inf, clip))
    sound = math.isfinite(loss) and math.isfinite(size)
    for group in session.optimizer.param_groups:
        group["lr"] = rate
    _move(session, sound=sound)
    session.optimizer.zero_grad(set_to_none=True)
    settling = scaler is not None and not sound and math.isfinite(loss)
    return Taken(sound, loss, size, 0, 0, settling)


def _clipped(session: "Session", total: "torch.Tensor", limit: float) -> tuple[float, float]:
    """Loss and length of the gradients, which are shortened only where they are too long: on a
    processor passing over them once more costs a hundredth of a step."""
    import torch

    # Over lists: by default a processor takes one gradient after the other, each through Python.
    lists = True if session.accelerator.device.type == "cpu" else None
    gradients = [one.grad for one in session.parameters if one.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients, foreach=lists)
    loss, size = torch.stack([total, norm.to(total)]).tolist()  # the one sync of a step
    if size > limit:
        torch.nn.utils.clip_grads_with_norm_(session.parameters, limit, norm, foreach=lists)
    return loss, size


def _move(session: "Session", *, sound: bool) -> None:
    """The optimizer's turn. What memory cuts short there is not taken again."""
    scaler, gone = session.accelerator.scaler, False
    try:
        if scaler is not None:
            scaler.step(session.optimizer)
            scaler.update()
        elif sound:
            session.optimizer.step()
    except (RuntimeError, MemoryError) as error:
        if not state.out_of_memory(error):
            raise
        gone = True
    if processes.anywhere(session.accelerator, gone):
        raise OptimizerMemoryGone

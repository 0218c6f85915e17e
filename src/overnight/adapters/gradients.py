"""A step whose gradients are no numbers, taken without touching the weights.

In: the Trainer's model and optimizer, between clipping and the optimizer's step. Out: whether the
gradients are sound; a step that changes nothing. Never: a step's count, which stays the Trainer's.
"""

from typing import Any

SCALER = "scaler"
"""Of accelerate's optimizer, in fp16: it skips such steps by itself, and looks for its scale so."""


def sound(model: Any, optimizer: Any, *, several: bool) -> bool:
    """Whether every gradient is finite, on all processes if there are `several`."""
    import torch

    given = [_plain(one.grad) for one in model.parameters() if one.grad is not None]
    if getattr(optimizer, SCALER, None) is not None or not given:
        return True
    # The largest entry never overflows, as a sum of squares in half precision may.
    largest = torch.stack([one.float().to(given[0].device)
                           for one in torch._foreach_norm(given, float("inf"))])  # fmt: skip
    bad = (~torch.isfinite(largest)).any().float()
    if several:
        torch.distributed.all_reduce(bad)
    return bool(bad.item() == 0.0)


def _plain(gradient: Any) -> Any:
    """The numbers of a sharded or sparse gradient that lie here."""
    here = gradient.to_local() if hasattr(gradient, "to_local") else gradient
    return here.coalesce().values() if here.is_sparse else here


def hold_still(model: Any, optimizer: Any) -> None:
    """Has the optimizer's next step change no weight."""
    if getattr(optimizer, SCALER, None) is None:
        for parameter in model.parameters():
            parameter.grad = None
        return
    for group in optimizer.param_groups:  # a scaler must find gradients
        group["lr"] = 0.0 * group["lr"]

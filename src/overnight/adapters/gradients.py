"""A step whose gradients are no numbers, taken without touching the weights.

In: the Trainer's model and optimizer, between clipping and the optimizer's step. Out: whether the
gradients are sound; a step that changes nothing. Never: a step's count, which stays the Trainer's.
"""

from typing import Any

SCALER = "scaler"
"""Of accelerate's optimizer, in fp16: it skips such steps by itself, and looks for its scale so."""


def sound(model: Any, optimizer: Any, *, clipped: bool, several: bool) -> bool:
    """Whether every gradient is finite, on all processes if there are `several`.

    `clipped`: they were scaled by their norm. Then one finite entry that is not zero tells of all:
    a norm that is no number leaves none that is, an infinite one leaves none but zero.
    """
    import torch

    given = [one.grad for one in model.parameters() if one.grad is not None]
    if getattr(optimizer, SCALER, None) is not None or not given:
        return True
    fine = clipped and 0.0 < _largest([min(given, key=_size)]) < float("inf")
    fine = fine or _largest(given) < float("inf")
    if several:
        bad = torch.tensor(float(not fine), device=given[0].device)
        torch.distributed.all_reduce(bad)
        return bool(bad.item() == 0.0)
    return fine


def _size(gradient: Any) -> int:
    return int(gradient.numel())


def _largest(gradients: list[Any]) -> float:
    """The largest entry: it never overflows, as a sum of squares in half precision may."""
    import torch

    here = [one for one in map(_plain, gradients) if one.numel()]
    if not here:
        return 0.0
    norms = torch._foreach_norm(here, float("inf"))
    return float(torch.stack([one.float().to(norms[0].device) for one in norms]).max().item())


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

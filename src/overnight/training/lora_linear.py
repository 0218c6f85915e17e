"""An adapted linear layer as one operation: the same figures with less moved about.

In: a model that peft has adapted. Out: the same model, its plain LoRA layers computed in one go.
Never: a layer with dropout, DoRA, a quantised or a merged base; those stay peft's.
"""

from functools import cache, partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def install(model: Any) -> int:
    """Has every layer that it can do compute so; how many these are."""
    from peft.tuners.lora import Linear

    found = [layer for layer in model.modules() if isinstance(layer, Linear) and _plain(layer)]
    for layer in found:
        layer.forward = partial(_forward, layer, layer.forward)
    return len(found)


def _plain(layer: Any) -> bool:
    from torch import nn

    names = list(layer.lora_A)
    return (
        type(layer.base_layer) is nn.Linear
        and len(names) == 1
        and not layer.lora_variant
        and isinstance(layer.lora_dropout[names[0]], nn.Identity)
        and layer.lora_B[names[0]].bias is None
        and not layer.fan_in_fan_out
    )


def _forward(layer: Any, otherwise: Any, x: "torch.Tensor", *args: Any, **more: Any) -> Any:
    """As peft does it where something is switched off or merged, or weights must be cast."""
    name = next(iter(layer.lora_A))
    base, down, up = layer.base_layer, layer.lora_A[name].weight, layer.lora_B[name].weight
    off = args or more or layer.disable_adapters or layer.merged or layer.active_adapters != [name]
    narrowed = _as_cast(x)
    if off or narrowed.dtype != base.weight.dtype:
        return otherwise(x, *args, **more)
    return _operation().apply(narrowed, base.weight, base.bias, down, up, layer.scaling[name])


def _as_cast(x: "torch.Tensor") -> "torch.Tensor":
    """The input as a linear layer sees it under autocast."""
    import torch

    kind = x.device.type
    return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x


@cache
def _operation() -> Any:
    """Made at its first use, for torch is not loaded before."""
    import torch

    class Adapted(torch.autograd.Function):
        """x W' + b + s (x A') B'. Keeps its input and the few numbers a token inside the adapter,
        nothing of full width."""

        @staticmethod
        def forward(ctx: Any, x: Any, *given: Any) -> Any:
            """`given`: weight (out x in), bias or None, the adapter's A and B, its scaling s."""
            weight, bias, down, up, by = given
            down, up = down.to(x.dtype), up.to(x.dtype)  # peft would cast the input, and back
            flat = x.reshape(-1, x.shape[-1])
            narrow = flat @ down.t()
            found = torch.nn.functional.linear(flat, weight, bias).addmm_(narrow, up.t(), alpha=by)
            ctx.save_for_backward(flat, weight, down, up, narrow)
            ctx.by, ctx.shape, ctx.kind = by, x.shape, given[2].dtype
            return found.view(*x.shape[:-1], -1)

        @staticmethod
        def backward(ctx: Any, wanted: Any) -> Any:
            """Of the input, where somebody wants it, and of the adapter."""
            flat, weight, down, up, narrow = ctx.saved_tensors
            wanted = wanted.reshape(-1, wanted.shape[-1])
            inner = (wanted @ up).mul_(ctx.by)
            of_input = None
            if ctx.needs_input_grad[0]:
                of_input = (wanted @ weight).addmm_(inner, down).view(ctx.shape)
            of_up = (wanted.t() @ narrow).to(ctx.kind).mul_(ctx.by)
            return of_input, None, None, (inner.t() @ flat).to(ctx.kind), of_up, None

    return Adapted

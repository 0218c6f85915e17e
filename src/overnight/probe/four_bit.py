"""A linear layer that takes the memory of one in 4 bits, without the library that computes it.

In: a model on the `meta` device. Out: the same with such layers in place of the ones that
bitsandbytes would quantise. Never: a result of use; only shapes, types and lifetimes are right.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

BLOCK = 64
"""Weights that share one constant (bitsandbytes' default for nf4)."""
OUTER_BLOCK = 256
"""Constants, in 8 bits, that share one of 32 bits (double quantisation)."""


def quantised(model: Any, dtype: "torch.dtype") -> Any:
    """The model with every linear layer but the head in 4 bits, computing in `dtype`."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if child is not head and (isinstance(child, Conv1D) or type(child) is nn.Linear):
                setattr(module, name, _layer(child, dtype))
    return model


def _layer(old: Any, dtype: "torch.dtype") -> Any:
    """The layer in 4 bits: its weight packed, its constants beside it."""
    import torch

    rows, columns = old.weight.shape if hasattr(old, "out_features") else old.weight.T.shape
    layer: Any = _class()(columns, rows, bias=old.bias is not None, device="meta")
    if old.bias is not None:
        layer.bias = old.bias
    layer.computes_in = dtype
    packed = torch.empty((rows * columns + 1) // 2, 1, dtype=torch.uint8, device="meta")
    layer.weight = torch.nn.Parameter(packed, requires_grad=False)
    blocks = -(-rows * columns // BLOCK)
    layer.register_buffer("constants", torch.empty(blocks, dtype=torch.uint8, device="meta"))
    layer.register_buffer("outer", torch.empty(-(-blocks // OUTER_BLOCK), device="meta"))
    return layer


def _class() -> Any:
    """Built here since torch is imported only where it is needed."""
    import torch

    class Product(torch.autograd.Function):
        """Unpacks the weight for the product and once more for its backward pass."""

        @staticmethod
        def forward(ctx: Any, x: Any, packed: Any, shape: Any) -> Any:
            ctx.packed, ctx.shape = packed, shape
            weight = torch.empty(*shape, dtype=x.dtype, device=x.device)
            return torch.nn.functional.linear(x, weight)

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            (gradient,) = gradients
            weight = torch.empty(*ctx.shape, dtype=gradient.dtype, device=gradient.device)
            return gradient @ weight, None, None

    class FourBit(torch.nn.Linear):
        """Input cast to the type it computes in, result cast back, as bitsandbytes does."""

        computes_in = torch.bfloat16

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            x = input.to(self.computes_in)
            result = Product.apply(  # type: ignore[no-untyped-call]
                x, self.weight, (self.out_features, self.in_features)
            )
            if self.bias is not None:
                result = result + self.bias.to(x.dtype)
            return result.to(input.dtype)  # type: ignore[no-any-return]

    return FourBit

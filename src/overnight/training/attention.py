"""Causal attention on a processor in 16 bits, by blocks of queries.

In: a model that leaves the choice of its attention to transformers. Out: the same model, whose rows
without a mask are computed here, in about half of the time. Never: masks, dropout, other precisions
or devices: those stay with torch's own kernel, which is as fast there.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from overnight.values.plan import Candidate

if TYPE_CHECKING:
    import torch

NAME = "overnight_blocks"
BLOCK = 64
"""Queries of a block: what stands behind its last one is not computed. Of 64, 128 and 256 the
fastest for rows of 128 to 1,024 tokens (bench/results/attention.md)."""
KEPT = 256
"""Tokens of rows whose probabilities wait for the backward pass; those of longer rows, which would
take as much as all else that a layer keeps, are computed again."""
OWN = ("position_bias", "softcap", "s_aux", "cache")
"""What some models want besides."""


def install(model: Any, candidate: Candidate, device: str) -> None:
    """Has a model of bf16 on a processor compute so, where its class lets that be chosen."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    if device != "cpu" or candidate.precision != "bf16" or candidate.torch_compile:
        return  # compiled it would be anew for every length
    if inner.config._attn_implementation != "sdpa" or not inner._can_set_attn_implementation():
        return
    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    inner.set_attn_implementation(NAME)


def _attend(
    module: Any,
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attention_mask: "torch.Tensor | None" = None,
    **more: Any,
) -> "tuple[torch.Tensor, None]":
    """As transformers asks: rows x heads x tokens x width in, rows x tokens x heads x width out."""
    import torch
    from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

    sides = _narrowed(query, key, value)
    own = any(more.get(name) is not None for name in OWN)
    if attention_mask is not None or own or not _alone(module, sides, more):
        found: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **more
        )
        return found
    query, key, value = sides
    times = query.shape[1] // key.shape[1]
    scale = more.get("scaling") or query.shape[-1] ** -0.5
    out = causal(query, repeat_kv(key, times), repeat_kv(value, times), scale)
    return out.transpose(1, 2), None


def _narrowed(*sides: "torch.Tensor") -> "list[torch.Tensor]":
    """As autocast casts them for torch's kernel."""
    import torch

    if not torch.is_autocast_enabled("cpu"):
        return list(sides)
    return [side.to(torch.get_autocast_dtype("cpu")) for side in sides]


def _alone(module: Any, sides: "list[torch.Tensor]", more: dict[str, Any]) -> bool:
    """Whether each token looks at all before it and nothing else is wanted."""
    import torch

    query, key, _ = sides
    causally = more.get("is_causal")
    causally = getattr(module, "is_causal", True) if causally is None else causally
    here = all(side.dtype == torch.bfloat16 and side.device.type == "cpu" for side in sides)
    whole = query.shape[2] == key.shape[2] > 1
    return here and whole and bool(causally) and not more.get("dropout")


def causal(
    query: "torch.Tensor", key: "torch.Tensor", value: "torch.Tensor", scale: float
) -> "torch.Tensor":
    """softmax(scale Q K') V, each token over itself and those before it (rows x heads x tokens x
    width). Scores are in fp32, as in torch's kernel."""
    import torch

    with torch.autocast("cpu", enabled=False):
        found: torch.Tensor = _operation().apply(query, key, value, scale)
    return found


def _probabilities(query: Any, key: Any, first: int, scale: float) -> Any:
    """Of the block of queries that begins at `first`, over all keys up to its end."""
    import torch

    last = min(first + BLOCK, query.shape[1])
    seen = key[:, :last].float().transpose(1, 2)
    scores = torch.bmm(query[:, first:last].float(), seen).mul_(scale)
    later = torch.ones(last - first, last - first, dtype=torch.bool).triu_(1)
    scores[:, :, first:].masked_fill_(later, float("-inf"))
    return torch.softmax(scores, -1).to(query.dtype)


def _gradients(wanted: Any, sides: tuple[Any, Any, Any], shares: Any) -> tuple[Any, Any, Any]:
    """Of one block's queries, and of the keys and values that it sees."""
    import torch

    query, key, value = sides
    of_value = torch.bmm(shares.transpose(1, 2), wanted)
    of_shares = torch.bmm(wanted, value.transpose(1, 2))
    of_scores = torch._softmax_backward_data(of_shares, shares, -1, shares.dtype)
    return (torch.bmm(of_scores, key), torch.bmm(of_scores.transpose(1, 2), query), of_value)


@cache
def _operation() -> Any:
    """Made at its first use, for torch is not loaded before."""
    import torch

    class Blocks(torch.autograd.Function):
        """Forward and backward, block by block."""

        @staticmethod
        def forward(ctx: Any, *given: Any) -> Any:
            """`given`: queries, keys, values, the scale of scores."""
            *sides, scale = given
            query, key, value = (side.flatten(0, 1) for side in sides)
            out = torch.empty_like(query[..., :1].expand(*query.shape[:2], value.shape[-1]))
            kept = []
            for first in range(0, query.shape[1], BLOCK):
                shares = _probabilities(query, key, first, scale)
                last = first + shares.shape[1]
                out[:, first:last] = torch.bmm(shares, value[:, :last])
                kept += [shares] if query.shape[1] <= KEPT else []
            ctx.save_for_backward(query, key, value, *kept)
            ctx.scale, ctx.heads = scale, sides[0].shape[:2]
            return out.view(*ctx.heads, *out.shape[1:])

        @staticmethod
        def backward(ctx: Any, wanted: Any) -> Any:
            """Sums over blocks are in fp32."""
            query, key, value, *kept = ctx.saved_tensors
            wanted = wanted.flatten(0, 1)
            of_query, of_key, of_value = torch.empty_like(query), *_zeros(key, value)
            for place, first in enumerate(range(0, query.shape[1], BLOCK)):
                shares = kept[place] if kept else _probabilities(query, key, first, ctx.scale)
                last = first + shares.shape[1]
                seen = (query[:, first:last], key[:, :last], value[:, :last])
                found = _gradients(wanted[:, first:last], seen, shares)
                of_query[:, first:last] = found[0].mul_(ctx.scale)
                of_key[:, :last] += found[1]
                of_value[:, :last] += found[2]
            of_key.mul_(ctx.scale)
            sides = (of_query, of_key.to(key.dtype), of_value.to(value.dtype))
            return (*(side.view(*ctx.heads, *side.shape[1:]) for side in sides), None)

    return Blocks


def _zeros(*like: "torch.Tensor") -> "list[torch.Tensor]":
    import torch

    return [torch.zeros(one.shape, dtype=torch.float32) for one in like]

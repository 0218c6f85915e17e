"""What a built model consists of: its weights counted, its linear layers listed.

In: a model of transformers, on the `meta` device or live, and its text configuration. Out: whole
numbers and shapes. Never: a weight read, a model built.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from overnight.probe.model_config import number
from overnight.values.facts import NAMES_OF_EXPERTS

if TYPE_CHECKING:
    from torch import nn

EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
PER_TOKEN = (
    "num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_topk", "moe_top_k",
    "moe_k", "top_k",
)  # fmt: skip


def total(parameters: Iterable[Any]) -> int:
    """Weights, each tied one counted once where they come from one model."""
    return sum(parameter.numel() for parameter in parameters)


def embedding_parameters(model: Any, text: Any) -> int:
    """Of the tables in which tokens are looked up: the input embedding, and Gemma 3n's by layer."""
    tables = total(model.get_input_embeddings().parameters())
    by_layer = number(text, "vocab_size_per_layer_input")
    width = number(text, "hidden_size_per_layer_input")
    layers = number(text, "num_hidden_layers")
    return tables + (by_layer * width * layers if by_layer and width and layers else 0)


def tied(model: Any) -> bool:
    """Whether the head's weight is the input embedding's."""
    head = model.get_output_embeddings()
    table = getattr(model.get_input_embeddings(), "weight", None)
    return head is not None and table is not None and getattr(head, "weight", None) is table


def linear_shapes(model: Any) -> list[tuple[int, int]]:
    """(in, out) of every linear layer that LoRA wraps: all but the head, in the model's order.

    Of a mixture of experts those of its attention and of what else is no feed-forward block: the
    experts are tensors of three dimensions, which are no linear layers.
    """
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    left_out = NAMES_OF_EXPERTS if routed(model) else frozenset[str]()
    return [
        _shape(layer)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear | Conv1D)
        and layer is not head
        and name.rpartition(".")[2] not in left_out
    ]


def _shape(layer: Any) -> tuple[int, int]:
    """GPT-2's Conv1D keeps its weight as (in, out), a linear layer as (out, in)."""
    if hasattr(layer, "in_features"):
        return layer.in_features, layer.out_features
    return layer.nx, layer.nf


def routed(model: "nn.Module") -> dict[str, Any]:
    """The weights of which a token passes through some only: those of experts, by name."""
    count = number(_text(model), *EXPERTS) or 0
    if count < 2:
        return {}
    return {
        name: weight
        for name, weight in model.named_parameters()
        if "experts" in name.split(".") or (weight.dim() == 3 and weight.shape[0] == count)
    }


def experts(model: Any) -> tuple[int, int | None]:
    """(experts of a block, how many of them a token passes); (0, 0) where there are none.

    The second is None where the configuration does not say it.
    """
    if not routed(model):
        return 0, 0
    text = _text(model)
    return number(text, *EXPERTS) or 0, number(text, *PER_TOKEN)


def active_parameters(model: Any) -> int | None:
    """Weights that a token of text passes through; None where these are all."""
    everything = total(model.parameters())
    kept = {id(weight): weight.numel() for weight in _text_part(model)}
    count, passed = experts(model)
    for weight in routed(model).values():
        kept[id(weight)] = weight.numel() * (passed or count) // count
    active = sum(kept.values())
    return None if active == everything else active


def _text_part(model: Any) -> Iterable[Any]:
    """All weights but those of a tower for pictures or sound."""
    if model.config.get_text_config() is model.config:
        return list(model.parameters())
    head = model.get_output_embeddings()
    return [*model.get_decoder().parameters(), *(head.parameters() if head is not None else ())]


def _text(model: Any) -> Any:
    return model.config.get_text_config()

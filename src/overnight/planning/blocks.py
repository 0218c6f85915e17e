"""What a card's caching allocator holds beyond what is in use: blocks that serve nothing then.

In: the sizes of a step's blocks, in bytes. Out: bytes held. Never: a device, a published peak: the
rules say what does not fit into what, their figures are from replays of our own traced steps
(bench/results/memory_own.md).
"""

from dataclasses import dataclass

from overnight.values.facts import ModelProfile
from overnight.values.plan import Candidate

FULL, ADAPTED, ADAPTED_IN_FP32 = 8.0, 14.0, 17.0
"""Bytes a token that one layer's forward pass leaves behind as free blocks, over its hidden and
feed-forward width together: too small for the stream of all layers, let alone for logits. Replayed:
LoRA 12 to 16, QLoRA, whose stream is in fp32, 15 to 20."""
UNCHECKPOINTED = 0.7
"""Of that where the layer's tensors are kept: the blocks that are free are then fewer."""
SCORES = 0.5
"""Of the attention scores that one layer writes out (eager attention): likewise."""
STATES = 1.25
"""Full training makes its optimizer's states after the first step, in blocks that the second would
need whole: so much more than the states themselves is then missing."""
REACHED = 0.7
"""Of all that passes, the most that the states can spoil."""
SPOILT = 0.75
"""Of the largest block: spoilt by the smallest state in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """One step's, in bytes."""

    in_use: float
    """At the peak."""
    kept: float
    """By the forward pass over all layers."""
    logits: float
    """All blocks that hold logits at one time or another, those let go early included."""
    idle_logits: float
    """Of them those that serve nothing afterwards."""
    layer: float
    """Left behind by one layer's forward pass."""
    cast: float
    """Copies of weights in 16 bits."""
    largest: float
    """One tensor of logits."""
    weights: float
    states: float
    gradients: float
    copies: float
    """Of all trained weights, while the optimizer steps."""


def layer_bytes(candidate: Candidate, model: ModelProfile, *, wide: bool) -> float:
    """What one layer's forward pass leaves behind, a token; `wide` where the stream is in fp32."""
    size = (ADAPTED_IN_FP32 if wide else ADAPTED) if candidate.method != "full" else FULL
    size *= 2 if candidate.precision == "fp32" else 1
    share = 1.0 if candidate.gradient_checkpointing else UNCHECKPOINTED
    return share * size * (model.hidden_size + model.intermediate_size)


def held(blocks: Blocks, *, full: bool) -> float:
    """All that is reserved; with adapters the states are small, and lie where nothing else does."""
    beside = blocks.in_use + blocks.layer + blocks.idle_logits
    return max(beside, _with_states(blocks)) if full else beside


def _with_states(blocks: Blocks) -> float:
    """Full training: the first step's blocks, and what the second needs anew."""
    passing = blocks.kept + blocks.logits + blocks.layer
    first = blocks.weights + passing + blocks.cast
    stepping = blocks.weights + blocks.states + blocks.gradients + blocks.copies
    spoilt = max(STATES * blocks.states, SPOILT * blocks.largest)
    return max(first, stepping) + min(REACHED * passing, spoilt)

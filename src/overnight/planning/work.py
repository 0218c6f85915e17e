"""Candidate and model -> what a micro-batch computes and moves, counted, not timed.

In: a candidate, a model's profile, the padded length of a micro-batch's rows. Out: `Work`: matrix
and attention operations, bytes moved, weights unpacked, layers passed. Never: a machine or seconds
(pace.py has those).
"""

from dataclasses import dataclass
from functools import lru_cache

from overnight.planning.memory import trainable_parameters
from overnight.values.facts import ModelProfile
from overnight.values.plan import Candidate

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
LOGIT_BYTES = 30
"""Moved for each logit: from 16 to 32 bits, log-probabilities, their gradient, back to 16 bits."""
SCORE_BYTES = 12
"""Moved for each attention score in one pass where scores are written out (eager attention)."""
NF4_BYTES = 2.6
"""Moved to unpack a weight once: half a byte is read with its constants, two are written."""
ADAM_BYTES = 28
"""Moved for each trained weight in an optimizer step: weight, gradient and two moments are read,
all but the gradient written, in fp32."""
CLIP_BYTES = 12
"""Moved for each gradient by clipping: read for the norm, read and written for the scaling."""
FLASH_BACKWARD = 2.5
"""Five matrix products in the backward pass of fused attention, two in the forward pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one micro-batch takes, forward and backward."""

    tokens: float
    """Places, padding included."""
    width: float
    """The hidden size: narrow matrices are multiplied less well."""
    matrices: float
    """Operations (two for each multiply-add) in products with weights."""
    attention: float
    """Operations in attention itself."""
    scores: float
    """Attention scores, each counted once a pass, whatever a head's width."""
    stream: float
    """Bytes of inputs and outputs of linear layers, each counted once a pass: what norms,
    activations and residuals move is a multiple of it."""
    adapted: float
    """The part of `stream` that passes through adapted layers as well."""
    moved: float
    """Bytes moved once, whatever the stack: logits, and scores where they are written out."""
    unpacked: float
    """Bytes moved to unpack quantised weights."""
    layers: float
    """Layers times passes (forward, two backward, recomputation)."""
    update: float
    """Bytes that the optimizer step moves; once a step, not a micro-batch."""


def flops_per_token(
    candidate: Candidate, model: ModelProfile, length: float, *, learnt: float = 1.0
) -> float:
    """Operations of forward and backward a token of rows that are `length` tokens long.

    Full: 6 a weight; LoRA: 4 a frozen weight, which needs no gradient of its own, and 6 a trained
    one. `learnt` is the share of positions at which the head is computed.
    """
    trained = trainable_parameters(candidate, model)
    matrices = _matrices(candidate, model, learnt, trained)
    return matrices + _attention(candidate, model, length)


def micro_batch(
    candidate: Candidate, model: ModelProfile, length: float, *, learnt: float = 1.0
) -> Work:
    """The work of one micro-batch whose rows are padded to `length` tokens."""
    tokens = candidate.per_device_train_batch_size * length
    trained = trainable_parameters(candidate, model)
    passes = 3.0 + _again(candidate)
    stream = tokens * passes * _elements(model) * BYTES[candidate.precision]
    return Work(
        tokens=tokens,
        width=model.hidden_size,
        matrices=tokens * _matrices(candidate, model, learnt, trained),
        attention=tokens * _attention(candidate, model, length),
        scores=tokens * passes * model.num_layers * model.num_heads
        * _looked_at(candidate, model, length),
        stream=stream,
        adapted=0.0 if candidate.method == "full" else stream,
        moved=tokens * _moved(candidate, model, length, learnt),
        unpacked=_unpacked(candidate, model),
        layers=model.num_layers * passes,
        update=(ADAM_BYTES + CLIP_BYTES) * trained,
    )  # fmt: skip


def body_parameters(model: ModelProfile) -> int:
    """Weights of the blocks that one token passes through: neither embedding nor head."""
    active = model.active_parameters or model.num_parameters
    head = 0 if model.tied_embeddings else model.vocab_size * model.hidden_size
    return max(active - model.embedding_parameters - head, 0)


def _again(candidate: Candidate) -> float:
    """Forward passes that checkpointing adds."""
    return 1.0 / candidate.checkpoint_every if candidate.gradient_checkpointing else 0.0


def _matrices(candidate: Candidate, model: ModelProfile, learnt: float, trained: int) -> float:
    """Operations a token in products with weights; the head again only in chunks."""
    body, head = body_parameters(model), learnt * model.vocab_size * model.hidden_size
    again, twice = 2.0 * _again(candidate), 2.0 * (candidate.loss_chunk_size > 0)
    if candidate.method == "full":
        return (6.0 + again) * body + (6.0 + twice) * head
    return (4.0 + again) * body + (4.0 + twice) * head + (6.0 + again) * trained


def _attention(candidate: Candidate, model: ModelProfile, length: float) -> float:
    """Operations a token in scores and weighted values, over all layers and passes."""
    width = model.num_heads * model.head_dim or model.hidden_size
    passes = 1.0 + FLASH_BACKWARD + _again(candidate)
    return 4.0 * model.num_layers * width * _looked_at(candidate, model, length) * passes


def _looked_at(candidate: Candidate, model: ModelProfile, length: float) -> float:
    """Positions that the kernel computes for each: half of them where a row stands alone.

    Rows of several lengths come with a mask, and kernels compute what it hides, too.
    """
    alone = candidate.per_device_train_batch_size == 1 and not candidate.packing
    alone = candidate.varlen or (alone and candidate.attn_implementation == "sdpa")
    return length / 2.0 if alone and model.sliding_window is None else length


def _moved(candidate: Candidate, model: ModelProfile, length: float, learnt: float) -> float:
    """Bytes a token moved by logits and by scores that are written out."""
    return learnt * model.vocab_size * LOGIT_BYTES + _scores(candidate, model, length)


def _scores(candidate: Candidate, model: ModelProfile, length: float) -> float:
    """Bytes a token moved by attention scores that are written out."""
    if candidate.attn_implementation != "eager":
        return 0.0
    return SCORE_BYTES * (3.0 + _again(candidate)) * model.num_layers * model.num_heads * length


def _elements(model: ModelProfile) -> float:
    """Inputs and outputs of all linear layers of the blocks, a token."""
    if model.num_experts == 0 and model.linear_shapes:
        return _sides(model.linear_shapes)
    kv = model.hidden_size * model.num_kv_heads / model.num_heads
    inner = 3 * model.intermediate_size * max(model.experts_per_token, 1)
    return model.num_layers * (9 * model.hidden_size + 2 * kv + inner)


def _unpacked(candidate: Candidate, model: ModelProfile) -> float:
    """All experts' weights are unpacked, whichever the tokens pass through."""
    if candidate.method != "qlora":
        return 0.0
    head = 0 if model.tied_embeddings else model.vocab_size * model.hidden_size
    weights = model.num_parameters - model.embedding_parameters - head
    return (2.0 + _again(candidate)) * NF4_BYTES * weights


@lru_cache(maxsize=16)
def _sides(shapes: tuple[tuple[int, int], ...]) -> float:
    return float(sum(wide + long for wide, long in shapes))

"""What one token leaves behind in one layer for the backward pass.

In: a candidate (with the program that runs it) and a model's profile. Out: `Layer`, in bytes a
token. Never: a device, a number of layers. Each figure is a count of the tensors that autograd
keeps in transformers 5.23 and peft 0.21, checked by tracing (bench/results/memory.md).
"""

from dataclasses import dataclass

from overnight.values.facts import ModelProfile
from overnight.values.plan import Candidate

FP32 = 4
MIXED = {"fp32": 4, "bf16": 2, "fp16": 2}
"""Bytes of what a matrix product takes in and gives out."""
GELU_STEPS = {"GPT2": 4, "Phi": 4, "GPTJ": 4, "GPTNeoX": 1, "Falcon": 1, "OPT": 1}
"""Tensors of the feed-forward's width kept between its two products where it has no gate: one by
a kernel of its own, four where the tanh approximation is spelled out."""
MORE_NORMS = {"Gemma2": 2, "Gemma3": 2, "Olmo2": 0}
"""Norms of the hidden width beyond the two that every layer has."""
HEAD_NORMS = ("Qwen3", "Gemma3", "Olmo2")
"""Those that normalise queries and keys as well."""
CAPPED = ("Gemma2",)
"""Those that cap attention scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """How a training program computes, where programs differ; the defaults are our own loop."""

    autocast: bool = True
    """Weights and inputs are cast at each product; without, the model is in 16 bits itself."""
    stream_fp32: bool = True
    """Whether norms, and so the stream between layers, are in fp32 under QLoRA."""
    trained_bytes: int = 4
    """Of a trained weight, and of its gradient; its two moments take twice as much."""
    logit_bytes: float = 12.0
    """A logit at the start of the backward pass: log-probabilities, their gradient and that of the
    logits, each fp32 (counted by tracing; published peaks are met within 0.4 %)."""
    forward_logit_bytes: float = 8.0
    """At the end of the forward pass: logits and log-probabilities in fp32."""
    idle_logit_bytes: float = 2.0
    """Of blocks that held logits in 16 bits before that, and are too small for any in fp32."""
    cached_layer_bytes: float = 0.0
    """A token and layer: what lives until the forward pass is over (a key/value cache left on)."""
    left_bytes: int = FP32
    """Of a weight that QLoRA leaves unquantised: embeddings, norms, head."""
    step_copies: int = 0
    """Copies of all trained weights that the optimizer makes while it steps (torch's AdamW over
    lists of tensors makes one; the fused one that is ours where the device has it, none)."""
    experts_apart: bool = False
    """Whether experts are computed one after the other, each over its own tokens."""
    quantised_bytes: float = 0.5 + 0.127 / 8
    """A weight in 4 bits, and 0.127 bits of block constants quantised twice (QLoRA, Dettmers
    2023)."""
    adapted: tuple[tuple[int, int], ...] | None = None
    """(in, out) of one layer's products that are adapted; None: all."""


OURS = Stack()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Bytes a token in one decoder layer."""

    kept: float
    """All that is kept for the backward pass without checkpointing."""
    stream: float
    """Its input: what is kept of it with checkpointing."""
    passing: float
    """What its backward pass takes beyond that, at its highest."""
    per_position: float
    """Kept for each token and each position of its row (attention scores, masks)."""
    passing_per_position: float
    """What the backward pass takes beyond that, likewise."""


def one_layer(
    candidate: Candidate, model: ModelProfile, *, padded: bool = True, stack: Stack = OURS
) -> Layer:
    """What a layer keeps a token; `padded` where rows of a micro-batch differ in length."""
    eager = candidate.attn_implementation == "eager" or model.writes_scores
    masked = padded and (candidate.per_device_train_batch_size > 1 or candidate.packing)
    masked = masked and not candidate.varlen
    fp32 = candidate.precision == "fp32"
    shape = _Shape.of(model)
    kept = (
        _inputs(candidate, shape, stack)
        + _norms(candidate, model, shape, stack)
        + _attention(candidate, shape, expanded=eager or masked)
        + _feed_forward(candidate, model, shape, stack)
    )
    apart = stack.experts_apart or not model.num_experts
    widest = shape.feed * (1 if apart else model.experts_per_token)
    return Layer(
        kept=kept,
        stream=model.hidden_size * stream_bytes(candidate, stack),
        passing=widest * _passing(candidate, stack),
        per_position=_scores(candidate, model) if eager else 2.0 * masked,
        passing_per_position=eager * model.num_heads * (8.0 if fp32 else 6.0),
    )


def stream_bytes(candidate: Candidate, stack: Stack = OURS) -> int:
    """Of one element of the residual stream."""
    if candidate.method == "lora" or not stack.autocast:
        return MIXED[candidate.precision]
    return FP32 if candidate.method == "full" or stack.stream_fp32 else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """The widths of a layer."""

    hidden: int
    queries: int
    keys: int
    feed: int
    gated: bool
    inputs: float
    """Summed input widths of all its matrix products."""
    products: float

    @classmethod
    def of(cls, model: ModelProfile) -> "_Shape":
        head = model.head_dim or model.hidden_size // model.num_heads
        feed = model.intermediate_size
        ups = sum(out // feed for _, out in model.linear_shapes if out in (feed, 2 * feed))
        layers = max(model.num_layers, 1)
        return cls(
            hidden=model.hidden_size,
            queries=head * model.num_heads,
            keys=head * model.num_kv_heads,
            feed=feed,
            gated=ups >= 2 * layers or bool(model.num_experts) or not model.linear_shapes,
            inputs=sum(wide for wide, _ in model.linear_shapes) / layers,
            products=len(model.linear_shapes) / layers,
        )


def _named(model: ModelProfile, names: tuple[str, ...]) -> bool:
    return model.architecture.startswith(names)


def _inputs(candidate: Candidate, shape: _Shape, stack: Stack) -> float:
    """What products keep of their inputs, to find their weights' gradients."""
    size = MIXED[candidate.precision]
    if candidate.method != "full":
        return _adapter_inputs(candidate, shape, stack)
    if stack.autocast and candidate.precision != "fp32":
        # Each product makes its own copy in 16 bits; attention's last one takes what is there.
        return size * (shape.inputs - shape.queries)
    return size * min(shape.inputs, 2 * shape.hidden + shape.feed)


def _adapter_inputs(candidate: Candidate, shape: _Shape, stack: Stack) -> float:
    """Of the adapters' products: a copy each where types differ, and what dropout left in."""
    adapted = stack.adapted
    inputs = shape.inputs if adapted is None else float(sum(wide for wide, _ in adapted))
    products = shape.products if adapted is None else float(len(adapted))
    size = MIXED[candidate.precision] if stack.autocast else stack.trained_bytes
    same = size == MIXED[candidate.precision] and not (stack.autocast and size < FP32)
    copied = min(inputs, 2 * shape.hidden + shape.feed) if same else inputs
    dropped = inputs if candidate.lora_dropout else 0.0
    return size * (copied + candidate.lora_r * products) + dropped


def _norms(candidate: Candidate, model: ModelProfile, shape: _Shape, stack: Stack) -> float:
    """Norms keep their input in fp32, and where they are trained their result before scaling."""
    trained = candidate.method == "full"
    if not shape.gated:  # LayerNorm, a kernel of its own: its input alone; autocast's is in fp32
        autocast = stack.autocast and candidate.precision != "fp32"
        return 2 * shape.hidden * (FP32 if autocast else stream_bytes(candidate, stack))
    count = 2 + next((n for name, n in MORE_NORMS.items() if _named(model, (name,))), 0)
    heads = shape.queries + shape.keys if _named(model, HEAD_NORMS) else 0
    each = FP32 + (stream_bytes(candidate, stack) if trained else 0)
    return each * (count * shape.hidden + heads)


def _attention(candidate: Candidate, shape: _Shape, *, expanded: bool) -> float:
    """Queries, keys, values and the result; keys for every query head where a mask is given."""
    keys = shape.queries if expanded else shape.keys
    return MIXED[candidate.precision] * (2 * shape.queries + 2 * keys)


def _feed_forward(candidate: Candidate, model: ModelProfile, shape: _Shape, stack: Stack) -> float:
    """What lies between its products; QLoRA's layers give out what they took in: fp32."""
    wide = candidate.method == "qlora" and stream_bytes(candidate, stack) == FP32
    # Autocast does not reach experts: they compute in their weights' precision.
    wide = wide or (candidate.method == "full" and bool(model.num_experts) and stack.autocast)
    size = FP32 if wide else MIXED[candidate.precision]
    if not shape.gated:
        steps = next((n for name, n in GELU_STEPS.items() if _named(model, (name,))), 4)
        return size * steps * shape.feed
    if model.num_experts:
        # Each expert's result before it is weighed, and where they are computed as one also the
        # rows gathered for them.
        more = 0 if stack.experts_apart else shape.feed + shape.hidden
        return size * model.experts_per_token * (3 * shape.feed + shape.hidden + more)
    return size * 3 * shape.feed


def _scores(candidate: Candidate, model: ModelProfile) -> float:
    """Eager attention keeps its softmax in fp32 and once more as it is multiplied."""
    size = MIXED[candidate.precision]
    capped = 2 * size if _named(model, CAPPED) else 0
    same = candidate.precision == "fp32"
    return model.num_heads * (FP32 + (0 if same else size) + capped)


def _passing(candidate: Candidate, stack: Stack) -> float:
    """Bytes for each feed-forward unit: gradients on their way (counted by tracing)."""
    if candidate.precision == "fp32":
        return 8.0
    return 4.0 if candidate.method == "full" or not stack.autocast else 10.0

"""Candidate and model to peak memory, part by part, in closed form.

In: a candidate, a model's profile, the kind of device. Out: `MemoryEstimate`, in bytes. Never: a
measurement (a rehearsal's peak replaces this). The micro-batch is taken as full: every row
`max_length` tokens long and all of them learnt, since the fullest batch is what must fit.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from overnight.planning import blocks, shapes
from overnight.planning.activations import FP32, MIXED, OURS, Layer, Stack, one_layer, stream_bytes
from overnight.planning.blocks import Blocks
from overnight.values.facts import ModelProfile
from overnight.values.lessons import Lesson
from overnight.values.plan import Candidate, MemoryEstimate

MIB = 2**20
Parts = dict[str, float]
SHORT_LOGITS = 6.0
"""Bytes a logit where all of them are in 16 bits: three tensors."""
MOMENTS = {"adamw_torch": 2.0, "adamw_bnb_8bit": 0.5 + 2 / 256}
"""Over a trained weight's bytes: two moments like it, or in 8 bits with a constant for each 256
(of weights in fp32)."""
CONTEXT_BYTES = {"cpu": 510 * MIB, "cuda": 500 * MIB, "mps": 500 * MIB}
"""On a CPU the process with its libraries: 515 to 549 MiB after rehearsals of a 260k-parameter
model that takes 33 itself; on a card its context and library workspaces (the default of
fitcheck-llm; a T4 takes 141 MiB)."""
HEAP_HOLES = 0.15
"""On a CPU, over all that comes and goes: the holes of glibc's heap under rows of every length.
Rehearsed peaks of six nights of 0.26 to 5.8 M parameters lie -5 to +14 % from this."""
ERROR = 0.08
"""Of the peak, one-sided: nineteen published peaks in twenty were no further above the closed form
(bench/results/memory.md)."""


def trainable_parameters(candidate: Candidate, model: ModelProfile) -> int:
    """Weights that the method trains: all, or LoRA's two factors beside every linear layer."""
    if candidate.method == "full":
        return model.num_parameters
    return candidate.lora_r * sum(wide + long for wide, long in model.linear_shapes)


def _fullest(candidate: Candidate, length: int) -> int:
    """Tokens of the fullest micro-batch; a single row is never cut."""
    rows = candidate.per_device_train_batch_size
    tokens = min(candidate.pack_places, rows * length) if candidate.packing else rows * length
    return min(tokens, max(shapes.most_places(candidate) or tokens, length))


def _trained(candidate: Candidate, model: ModelProfile, stack: Stack) -> int:
    """The same where another program adapts some products only."""
    if candidate.method == "full" or stack.adapted is None:
        return trainable_parameters(candidate, model)
    beside = sum(wide + long for wide, long in stack.adapted)
    return candidate.lora_r * model.num_layers * beside


def estimate(
    candidate: Candidate,
    model: ModelProfile,
    *,
    device: str,
    lesson: Lesson | None = None,
    stack: Stack = OURS,
    capacity: int | None = None,
) -> MemoryEstimate:
    """Peak bytes on one device (`cpu`, `cuda`, `mps`); on a CPU of all its processes together.

    `lesson` is by what factor earlier estimates were off here. `capacity` is what there is: near
    it a card's allocator gives back what it does not use before it fails.
    """
    step = _Step.of(candidate, model, stack)
    parts = _peak(step)
    parts["context"] = float(CONTEXT_BYTES[device])
    spare = float("inf") if capacity is None else max(capacity - sum(parts.values()), 0.0)
    holes = heap_holes(parts) if device == "cpu" else _fragmentation(step, parts)
    parts["fragmentation"] = min(holes, spare)
    copies = candidate.processes if device == "cpu" else 1
    whole = {name: int(copies * amount) for name, amount in parts.items() if amount >= 1}
    return MemoryEstimate(parts=whole, margin_bytes=_margin(sum(whole.values()), lesson))


def heap_holes(parts: Mapping[str, float]) -> float:
    """What a process's heap holds beyond what is in use."""
    passing = ("activations", "checkpointed stream", "working set", "logits", "cast weights")
    return HEAP_HOLES * sum(parts.get(name, 0.0) for name in passing)


def _fragmentation(step: "_Step", parts: Parts) -> float:
    """What a card's caching allocator holds beyond what is in use."""
    stack, logits = step.stack, step.logits
    in_use = sum(amount for name, amount in parts.items() if name != "context")
    trained = float(step.trained * stack.trained_bytes)
    most = max(stack.logit_bytes, stack.forward_logit_bytes)
    idle = 0.0 if step.candidate.precision == "fp32" else stack.idle_logit_bytes * logits
    found = Blocks(
        in_use=in_use,
        kept=sum(_kept(step).values()) + _cached(step),
        logits=most * logits + idle,
        idle_logits=idle,
        layer=step.tokens * _left_behind(step),
        cast=_cast(step, layers=True),
        largest=min(most, 4.0 if most > SHORT_LOGITS else 2.0) * logits,
        weights=_static(step)["weights"],
        states=_static(step)["optimizer"],
        gradients=trained,
        copies=stack.step_copies * trained,
    )
    return blocks.held(found, full=step.candidate.method == "full") - in_use


def _left_behind(step: "_Step") -> float:
    """Free blocks, a token, that one layer's forward pass leaves."""
    wide = stream_bytes(step.candidate, step.stack) == FP32 and step.candidate.precision != "fp32"
    scores = blocks.SCORES * step.layer.per_position * step.length
    return scores + blocks.layer_bytes(step.candidate, step.model, wide=wide)


def _margin(peak: int, lesson: Lesson | None) -> int:
    """What stays free for the estimate's own error: it is to hold nineteen times in twenty."""
    off = ERROR if lesson is None else lesson.ratio.high - 1.0
    return int(max(off, 0.0) * peak)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One training step's quantities, each worked out once."""

    candidate: Candidate
    model: ModelProfile
    stack: Stack
    layer: Layer
    length: int
    tokens: int
    logits: float
    """Of the fullest micro-batch; of logits those that are held at once."""
    trained: int
    linear: int
    """Weights of all linear layers but the head."""

    @classmethod
    def of(cls, candidate: Candidate, model: ModelProfile, stack: Stack) -> "_Step":
        length = min(candidate.max_length, model.max_positions)
        tokens = _fullest(candidate, length)
        return cls(
            candidate=candidate,
            model=model,
            stack=stack,
            layer=one_layer(candidate, model, stack=stack),
            length=length,
            tokens=tokens,
            logits=float(min(tokens, candidate.loss_chunk_size or tokens) * model.vocab_size),
            trained=_trained(candidate, model, stack),
            linear=sum(wide * long for wide, long in model.linear_shapes),
        )

    @property
    def mixed_full(self) -> bool:
        """Whether fp32 weights are trained in 16 bits, so that copies of them are made."""
        full = self.candidate.method == "full" and self.stack.autocast
        return full and self.candidate.precision != "fp32"


def _peak(step: _Step) -> Parts:
    """The parts at the moment when most is in use: one of six, the rest lies between them."""
    moments = (_after_the_forward(step), _at_the_loss(step), _in_the_last_layer(step),
               _in_the_first_layer(step), _at_the_embedding(step), _stepping(step))  # fmt: skip
    return _static(step) | max(moments, key=lambda parts: sum(parts.values()))


def _static(step: _Step) -> Parts:
    """What is there from the second step on, whatever is being done."""
    candidate, model = step.candidate, step.model
    trained = float(step.stack.trained_bytes * step.trained)
    parts: Parts = {"optimizer": MOMENTS[candidate.optim] * trained}
    if candidate.method == "full":
        return parts | {"weights": trained}
    parts["adapters"] = trained
    if candidate.method == "lora":
        return parts | {"weights": float(MIXED[candidate.precision] * model.num_parameters)}
    left = step.stack.left_bytes * (model.num_parameters - step.linear)
    return parts | {
        "quantised weights": step.stack.quantised_bytes * step.linear,
        "weights": float(left),
    }


def _after_the_forward(step: _Step) -> Parts:
    """The loss is known, and autocast's copies of all weights have not been let go yet."""
    kept = _kept(step)
    return kept | {
        "activations": kept.get("activations", 0.0) + _cached(step),
        "logits": step.stack.forward_logit_bytes * step.logits,
        "cast weights": _cast(step, layers=True),
        "gradients": _gradients_before(step),
    }


def _at_the_loss(step: _Step) -> Parts:
    """The backward pass begins: all layers' keepings and the logits."""
    return _kept(step) | {
        "logits": step.stack.logit_bytes * step.logits,
        "cast weights": _cast(step, layers=not step.candidate.gradient_checkpointing),
        "gradients": _gradients_before(step),
    }


def _cast(step: _Step, *, layers: bool) -> float:
    """Copies in 16 bits of weights in fp32: the head's, and those of all layers."""
    model, candidate = step.model, step.candidate
    left = step.stack.left_bytes if candidate.method == "qlora" else 0
    fp32_head = candidate.method == "full" or left == FP32
    if candidate.precision == "fp32" or not step.stack.autocast or not fp32_head:
        return 0.0
    linear = step.linear if layers and candidate.method == "full" else 0
    return 2.0 * (model.vocab_size * model.hidden_size + linear)


def _in_the_last_layer(step: _Step) -> Parts:
    """The first layer that is gone back through; the logits have gone, the head's gradient not."""
    head = float(step.stack.trained_bytes * step.model.vocab_size * step.model.hidden_size)
    grown = head if step.candidate.method == "full" else 0.0
    return _kept(step) | _one_layer_again(step) | {"gradients": max(_gradients_before(step), grown)}


def _in_the_first_layer(step: _Step) -> Parts:
    """The layer that is gone back through last: nearly all gradients are there."""
    layer = step.layer
    name, kept = "checkpointed stream", layer.stream
    if not step.candidate.gradient_checkpointing:
        name, kept = "activations", layer.kept + layer.per_position * step.length
    embedding = step.model.embedding_parameters
    untied = 0 if step.model.tied_embeddings else embedding
    later = untied if step.candidate.method == "full" else 0
    each = step.stack.trained_bytes
    gradients = max(float(each * (step.trained - later)), _gradients_before(step))
    return _one_layer_again(step) | {
        name: kept * step.tokens, "gradients": gradients,
    }  # fmt: skip


def _at_the_embedding(step: _Step) -> Parts:
    """The embedding's gradient, dense; where it is the head's weight too, the two are added."""
    tied = step.model.tied_embeddings
    copies = 2 if tied else int(step.candidate.gradient_accumulation_steps > 1)
    full = step.candidate.method == "full"
    return {
        "gradients": float(step.stack.trained_bytes * step.trained),
        "working set": 4.0 * copies * step.model.embedding_parameters * full,
    }


def _stepping(step: _Step) -> Parts:
    """The optimizer's turn."""
    trained = float(step.stack.trained_bytes * step.trained)
    return {"gradients": trained, "working set": step.stack.step_copies * trained}


def _cached(step: _Step) -> float:
    """What lives until the forward pass is over."""
    return step.stack.cached_layer_bytes * float(step.tokens * step.model.num_layers)


def _gradients_before(step: _Step) -> float:
    """Those of earlier micro-batches of the same step."""
    one, places = step.candidate, step.candidate.per_device_train_batch_size * step.length
    several = one.gradient_accumulation_steps > 1 or one.max_tokens_per_micro_batch
    return step.stack.trained_bytes * float(step.trained) * bool(several or step.tokens < places)


def _kept(step: _Step) -> Parts:
    """What the forward pass leaves for the backward pass over all layers."""
    layer, layers = step.layer, step.model.num_layers
    # The last norm keeps its input in fp32; the positions' sines and cosines are a few more.
    last = (4.5 if step.candidate.method != "full" else 8.5) * step.model.hidden_size
    whole = (layer.kept + layer.per_position * step.length) * step.tokens
    if not step.candidate.gradient_checkpointing:
        return {"activations": whole * layers + last * step.tokens}
    checkpointed = -(-layers // step.candidate.checkpoint_every)
    stream = (layer.stream * checkpointed + last) * step.tokens
    return {
        "checkpointed stream": stream,
        "activations": whole * (layers - checkpointed),
    }


def _one_layer_again(step: _Step) -> Parts:
    """What one layer's backward pass takes: gradients on their way, its own keepings anew."""
    layer = step.layer
    # Its feed-forward and its attention are gone back through one after the other.
    passing = max(layer.passing, layer.passing_per_position * step.length) * step.tokens
    if not step.candidate.gradient_checkpointing:
        return {"working set": passing}
    again = (layer.kept + layer.per_position * step.length) * step.tokens
    per_layer = step.linear / max(step.model.num_layers, 1)
    return {
        "working set": passing + again,
        "cast weights": 2.0 * per_layer if step.mixed_full else 0.0,
    }

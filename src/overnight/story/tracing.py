"""Our own training step run on tensors without memory, and what it would take on a device.

In: a candidate, a model's configuration, the machine. Out: `MemoryEstimate`, by named parts.
Never: weights read, a device used, the candidate changed. Takes seconds, so it is for finalists.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from overnight.planning import allocator, memory
from overnight.planning.shapes import most_places
from overnight.probe import four_bit, trace
from overnight.probe.trace import Recorder, Trace
from overnight.training import methods
from overnight.training.losses import Head
from overnight.training.optimizer import adamw
from overnight.values.errors import ModelError, first_line
from overnight.values.facts import Hardware, ModelProfile
from overnight.values.plan import Candidate, MemoryEstimate

if TYPE_CHECKING:
    import torch

ERROR = 0.06
"""Kept free beyond what was traced: the middle of 43 published peaks was so far from their traces
(bench/results/memory.md); beyond that the loop takes the step again in smaller pieces."""
SCALED = ("final_logit_softcapping", "logits_scaling", "logit_scale")
"""Configuration entries that say that the head's output is not yet the logits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The micro-batch that is tried: the fullest one."""

    rows: int
    length: int
    padded: bool
    """Whether one of its rows is shorter, so that attention needs a mask."""


def fullest(candidate: Candidate, model: ModelProfile) -> Batch:
    """Every row as long as it may be and learnt; several rows are hardly ever equally long."""
    length = min(candidate.max_length, model.max_positions)
    most, rows = most_places(candidate), candidate.per_device_train_batch_size
    rows = min(rows, most // length or 1) if most else rows
    return Batch(rows=rows, length=length, padded=rows > 1)


def traced(
    candidate: Candidate,
    model: ModelProfile,
    hardware: Hardware,
    *,
    limit: int | None = None,
    trust_remote_code: bool = False,
) -> MemoryEstimate:
    """Peak bytes on one device, counted on a step that is run without memory.

    `limit` is what may be taken (None: the device's whole memory): near it the allocator gives
    back what it does not use before it fails, so what it holds on to counts only up to there.

    Raises:
        ModelError: the model's configuration cannot be read again, or built.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(model.path, trust_remote_code=trust_remote_code)
    except (OSError, ValueError) as error:
        raise ModelError(f"{model.path}: its config.json cannot be read: {error}") from error
    try:
        seen = step(config, candidate, fullest(candidate, model), device=hardware.device)
    except RuntimeError as error:  # torch's own kinds for what hangs on data or is not built
        why = first_line(error)
        raise ModelError(
            f"{model.path} ({model.architecture}) cannot be traced ({why}); leave --trace out"
        ) from error
    return estimated(seen, candidate, hardware.device, limit or hardware.memory_bytes)


def estimated(seen: Trace, candidate: Candidate, device: str, limit: int) -> MemoryEstimate:
    """A trace as parts, with what the allocator and the device's runtime add."""
    context = memory.CONTEXT_BYTES[device]
    room = int(limit / (1 + ERROR)) - context
    parts = seen.peak() | {"context": context}
    if device == "cpu":
        parts["fragmentation"] = int(memory.heap_holes(parts))
    elif device == "cuda":
        held = allocator.replay(seen.events, capacity=room)
        parts["fragmentation"] = max(held.reserved - sum(seen.peak().values()), 0)
    copies = candidate.processes if device == "cpu" else 1
    whole = {name: copies * size for name, size in parts.items() if size}
    margin = int(ERROR * sum(whole.values()))
    return MemoryEstimate(parts=whole, margin_bytes=margin, how="trace")


def step(config: Any, candidate: Candidate, batch: Batch, *, device: str = "cpu") -> Trace:
    """Two optimizer steps of our loop: in the second the optimizer has its state."""
    model = _built(config, candidate)
    masks = nullcontext() if batch.padded else trace.unmasked()
    like = trace.as_on_cuda() if device == "cuda" else nullcontext()
    with trace.weightless(), trace.any_precision(), masks, like:
        trace.filled(model)
        live = _Step(model, candidate, config)
        with live.recorder.watching():
            live.optimizer_step(batch, micro_batches=1)
            live.optimizer_step(batch, micro_batches=min(candidate.gradient_accumulation_steps, 2))
    return live.recorder.trace()


def _built(config: Any, candidate: Candidate) -> Any:
    """The model as `methods` prepares it, on the `meta` device."""
    import torch
    from transformers import AutoModelForCausalLM

    full = candidate.method == "full"
    runs = getattr(torch, methods.DTYPES[candidate.precision])
    eager = {"attn_implementation": "eager"} if candidate.attn_implementation == "eager" else {}
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(
            deepcopy(config),  # which is where the choice of attention would be left
            dtype=torch.float32 if full else runs,
            **eager,
        )
        if candidate.method == "qlora":
            model = four_bit.quantised(model, runs)
        return methods.prepare(model, candidate)


class _Step:
    """A prepared model with its optimizer, and the recorder that watches them."""

    def __init__(self, model: Any, candidate: Candidate, config: Any) -> None:
        self.model, self.candidate = model.train(), candidate
        self.config = config.get_text_config()
        self.trained = [p for p in model.parameters() if p.requires_grad]
        self._matrices = {tuple(p.shape) for p in model.parameters() if p.ndim == 2}
        self.recorder = Recorder(self._part)
        for part, tensors in _static(model, candidate).items():
            self.recorder.name(part, tensors)
        self.optimizer = (
            _EightBit(self.trained)
            if candidate.optim == "adamw_bnb_8bit"
            else adamw(self.trained, candidate, "cpu")
        )
        self.head = Head(bare=not any(getattr(self.config, name, None) for name in SCALED))

    def _part(self, tensor: "torch.Tensor") -> str:
        """What a new tensor is by its shape."""
        if tuple(tensor.shape) in self._matrices:
            return "cast weights"
        return "logits" if tensor.shape[-1:] == (self.config.vocab_size,) else ""

    def optimizer_step(self, batch: Batch, *, micro_batches: int) -> None:
        """Forward and backward of each micro-batch, then the weights' change."""
        import torch

        for _ in range(micro_batches):
            self._backward(batch)
        torch.nn.utils.clip_grad_norm_(self.trained, self.candidate.max_grad_norm or float("inf"))
        self.optimizer.step()
        self.recorder.name("optimizer", _states(self.optimizer))
        self.optimizer.zero_grad(set_to_none=True)

    def _backward(self, batch: Batch) -> None:
        with self._autocast():
            losses = self.head.token_losses(self.model, _tensors(batch))
        loss = losses.sum() / batch.rows
        checkpointed = self.candidate.gradient_checkpointing
        self.recorder.name_alive("checkpointed stream" if checkpointed else "activations")
        loss.backward()  # type: ignore[no-untyped-call]
        grads = (p.grad for p in self.trained if p.grad is not None)
        self.recorder.name("gradients", grads)

    def _autocast(self) -> AbstractContextManager[Any]:
        import torch

        if self.candidate.precision == "fp32":
            return nullcontext()
        return torch.autocast("cpu", dtype=torch.bfloat16)  # fp16 takes the same


def _static(model: Any, candidate: Candidate) -> dict[str, Iterable["torch.Tensor"]]:
    """What is there before the first step."""
    full = candidate.method == "full"
    own = [p for p in model.parameters() if p.requires_grad and not full]
    rest = [p for p in model.parameters() if full or not p.requires_grad] + list(model.buffers())
    packed = [p for p in rest if p.element_size() == 1]
    return {
        "weights": [p for p in rest if p.element_size() > 1],
        "quantised weights": packed,
        "adapters": own,
    }


def _states(optimizer: Any) -> Iterator["torch.Tensor"]:
    import torch

    for state in optimizer.state.values():
        yield from (value for value in state.values() if isinstance(value, torch.Tensor))


def _tensors(batch: Batch) -> dict[str, Any]:
    """As the corpus collates it."""
    import torch

    shape = (batch.rows, batch.length)
    places = torch.zeros(batch.rows * batch.length, dtype=torch.long)
    mask = torch.ones(shape, dtype=torch.long) if batch.padded else None
    return {
        "input_ids": torch.zeros(shape, dtype=torch.long), "attention_mask": mask,
        "places": places, "targets": torch.zeros_like(places),
    }  # fmt: skip


class _EightBit:
    """The states of bitsandbytes' 8-bit AdamW: a byte a moment, small weights in fp32."""

    SMALL = 4096
    BLOCK = 256

    def __init__(self, parameters: list[Any]) -> None:
        self.parameters = parameters
        self.state: dict[Any, dict[str, torch.Tensor]] = {}

    def step(self) -> None:
        """The first one makes the states, the later ones need nothing."""
        import torch

        for p in self.parameters if not self.state else ():
            small = p.numel() < self.SMALL
            moment = torch.float32 if small else torch.uint8
            states = [torch.zeros(p.shape, dtype=moment) for _ in range(2)]
            blocks = 0 if small else -(-p.numel() // self.BLOCK)
            states += [torch.zeros(blocks) for _ in range(2)]
            self.state[p] = {str(at): tensor for at, tensor in enumerate(states)}

    def zero_grad(self, *, set_to_none: bool) -> None:
        """Lets the gradients go."""
        for p in self.parameters:
            p.grad = None if set_to_none else p.grad

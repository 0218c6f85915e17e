"""Others' measured peaks, and how their programs train: what of them can be predicted, and why not.

In: published_runs.csv. Out: `Row`s with a candidate, a model and the conventions of their source;
reasons for those left out. Never: a convention chosen row by row; each follows from the source's
own description or code, and a source is taken whole or not at all.
"""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import shapes
from overnight.planning.activations import Stack
from overnight.values.facts import ModelProfile
from overnight.values.plan import Candidate

GB, MIB, GIB = 1e9, 2**20, 2**30
MODELS = {
    "mistral-7b-v0.1": "mistral-7b", "mistral-7b-v0.1-gptq": "mistral-7b",
    "mixtral-8x7b-instruct-v0.1": "mixtral-8x7b", "mixtral-8x7b-instruct-v0.1-gptq": "mixtral-8x7b",
    "llama-2-70b-hf": "llama-2-70b", "llama-2-70b-gptq": "llama-2-70b",
    "meta-llama-3-8b": "llama-3-8b", "meta-llama-3-8b-gptq": "llama-3-8b",
    "gpt_bigcode-santacoder": "santacoder", "llama-3.1-8b": "llama-3-8b",
    "qwen-1.8b-chat-int4": "qwen-1.8b", "qwen-7b-chat-int4": "qwen-7b",
    "qwen-14b-chat-int4": "qwen-14b", "qwen-72b-chat-int4": "qwen-72b",
}  # fmt: skip
"""Published names -> shapes; names that are shapes themselves need no entry."""
GPTQ_BYTES = 0.5 + (2 + 0.5) / 128
"""4 bits, and a scale in 16 and a zero in 4 bits for each 128 weights."""
NORMS_IN_FP32 = ("santacoder",)
"""Models with LayerNorm, which autocast computes in fp32; RMSNorm gives back what it took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Bytes a logit on the way to the loss, by a model's own code in a version of transformers."""

    forward: float
    """In use when the loss is known."""
    backward: float
    """In use when its gradient has reached the logits."""
    idle: float
    """Of blocks let go before that are too small for copies in fp32."""


COPIED = Loss(forward=14, backward=12, idle=0)
"""transformers 4.46 on: the logits in 16 bits wait in the outputs, beside them lie a copy in fp32,
that copy cut by one position, and the log-probabilities."""
DIVIDED = Loss(forward=12, backward=12, idle=4)
"""Granite in 4.45: logits in 16 bits, the same divided, both let go; then fp32, cut, log-prob."""
SHORT = Loss(forward=6, backward=6, idle=0)
"""GPTBigCode: logits, cut, log-probabilities, all in 16 bits."""
SHORT_AUTOCAST = Loss(forward=12, backward=12, idle=4)
"""The same, and Qwen's first, under autocast: logits and cut in 16 bits, then the loss's own copy
in fp32 and log-probabilities; the blocks in 16 bits serve no gradient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured peak, and what it was measured on."""

    source: str
    title: str
    candidate: Candidate
    model: ModelProfile
    stack: Stack
    allocated: float | None
    """Bytes: PyTorch's most in use."""
    taken: float | None
    """Bytes of the device: nvidia-smi or what the allocator had reserved."""
    capacity: int
    loss: Loss | None = None
    """None: as ours."""

    @property
    def measured(self) -> float:
        """What must fit: bytes of the device where they are known, else those in use."""
        return self.taken or self.allocated or 0.0


Reader = Callable[[dict[str, str]], Row | str]


def read(path: Path) -> tuple[list[Row], list[tuple[str, str]]]:
    """Rows that state enough, and (source, reason) for the single-GPU rows that do not."""
    rows: list[Row] = []
    left_out: list[tuple[str, str]] = []
    for line in _single(path):
        reader = next((r for name, r in READERS.items() if line["source"].startswith(name)), None)
        found = reader(line) if reader else "conditions not stated (length, rank or checkpointing)"
        if isinstance(found, Row):
            rows.append(found)
        else:
            left_out.append((line["source"], found))
    return rows, left_out


def _single(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if line["n_gpus"].strip() == "1" and line["peak_mem_gb"]:
                yield line


def shape_of(name: str) -> str | None:
    """The shape that a published name means, where it is known."""
    short = name.rsplit("/", maxsplit=1)[-1].lower()
    short = MODELS.get(short, short)
    return short if short in shapes.SHAPES else None


def _candidate(line: dict[str, str], method: str, **changes: object) -> Candidate:
    plain = Candidate(
        method=method,  # type: ignore[arg-type]
        per_device_train_batch_size=int(line["micro_batch"]),
        gradient_accumulation_steps=int(line["grad_accum"] or 1),
        max_length=int(line["seq_len"]),
        learning_rate=1e-4,
        precision="bf16",
        gradient_checkpointing=line["grad_ckpt"].startswith("yes"),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def _layer(model: ModelProfile) -> tuple[tuple[int, int], ...]:
    return model.linear_shapes[: len(model.linear_shapes) // model.num_layers]


def _quantised_experts(model: ModelProfile) -> ModelProfile:
    """Before transformers 5 each expert's matrices were layers of their own, and were quantised."""
    wide, feed = model.hidden_size, model.intermediate_size
    one = ((wide, feed), (wide, feed), (feed, wide))
    layer = _layer(model) + one * model.num_experts
    return replace(model, linear_shapes=layer * model.num_layers)


def _number(pattern: str, text: str) -> float | None:
    found = re.search(pattern, text)
    return float(found.group(1)) if found else None


def _fms(line: dict[str, str]) -> Row | str:
    """The Trainer, packed rows, flash attention; both peaks are given.

    transformers 4.48.1, for PowerLM 4.45.0 (refs/requirements_granite.txt). The Trainer lets the
    outputs go before the backward pass. Without a precision flag all is in bf16 itself.
    `baseline` is prepared for k-bit training (fp32 embeddings, norms and head), `accelerated` is
    not; both quantise twice (fms-acceleration's framework_plugin_bnb.py).
    """
    framework = (re.search(r"framework=([^;]*)", line["notes"]) or ["", ""])[1]
    name = shape_of(line["model"])
    if not line["seq_len"]:
        return "rows of every length, not packed: tokens of the fullest batch not stated"
    if "foak" in framework:
        return "kernels of their own (foak, Liger), which keep less than the models' own code"
    if name is None:
        return f"shape not in the table: {line['model']}"
    model = shapes.profile(name)
    if model.num_experts:
        model = _quantised_experts(model)
    loss = _fms_loss(name, flag="flag" in line["precision"])
    smi = _number(r"nvidia-smi peak ([\d.]+)", line["notes"])
    return Row(
        source="fms-acceleration", title=f"{name} {line['method']} {framework}", model=model,
        candidate=_candidate(line, line["method"], lora_dropout=0.1), loss=loss,
        stack=_fms_stack(line, framework, model, loss),
        allocated=float(line["peak_mem_gb"]) * GB, taken=smi * MIB if smi else None,
        capacity=80 * 1000 * MIB,
    )  # fmt: skip


def _fms_loss(name: str, *, flag: bool) -> Loss:
    if name in NORMS_IN_FP32:
        return SHORT_AUTOCAST if flag else SHORT
    return DIVIDED if name == "powerlm-3b" else COPIED


def _fms_stack(line: dict[str, str], framework: str, model: ModelProfile, loss: Loss) -> Stack:
    flag, baseline = "flag" in line["precision"], framework.startswith("baseline")
    bigcode = model.path in NORMS_IN_FP32
    wide = line["quant"] != "none" and (baseline or (bigcode and flag))
    targets = _layer(model)[:4]
    if bigcode:  # its one product of the names given is c_attn: queries, one key, one value
        targets = ((model.hidden_size, sum(out for _, out in targets[:3])),)
    return Stack(
        autocast=flag, stream_fp32=wide, left_bytes=4 if baseline else 2, step_copies=1,
        trained_bytes=2 if line["method"] == "full" else 4, adapted=targets, experts_apart=True,
        forward_logit_bytes=loss.forward, logit_bytes=loss.backward, idle_logit_bytes=loss.idle,
        # It leaves its cache of keys and values on: views of c_attn's whole result.
        cached_layer_bytes=float(targets[0][1] * (4 if wide else 2)) if bigcode else 0.0,
        quantised_bytes=GPTQ_BYTES if "gptq" in line["quant"] else Stack().quantised_bytes,
    )  # fmt: skip


def _qwen(line: dict[str, str]) -> Row | str:
    """finetune.py: Trainer with a precision flag, every row padded, r 64; "G", taken as 1e9 bytes.

    The model's own code (modeling_qwen.py) finds the loss from logits in 16 bits.
    Full training and Q-LoRA run under DeepSpeed (its README), LoRA under the Trainer alone.
    """
    if line["method"] == "lora+emb":
        return "LoRA with embedding and head trained: not a method of ours"
    if line["method"] != "lora":
        return "under DeepSpeed, whose buffers are not described"
    name = shape_of(line["model"])
    if name is None:
        return f"shape not in the table: {line['model']}"
    model = replace(shapes.profile(name), max_positions=8192)
    wide, feed = model.hidden_size, model.intermediate_size
    layer = ((wide, 3 * wide), (wide, wide), (wide, feed), (wide, feed), (feed, wide))
    model = replace(model, linear_shapes=layer * model.num_layers)
    loss = SHORT_AUTOCAST
    stack = Stack(
        step_copies=1, adapted=layer, forward_logit_bytes=loss.forward,
        logit_bytes=loss.backward, idle_logit_bytes=loss.idle,
    )  # fmt: skip
    return Row(
        source="Qwen README", title=f"{name} {line['method']} {line['seq_len']}",
        candidate=_candidate(line, "lora", lora_r=64, lora_dropout=0.05), model=model,
        stack=stack, loss=loss, allocated=None, taken=float(line["peak_mem_gb"]) * GB,
        capacity=80 * 1000 * MIB,
    )  # fmt: skip


def _torchtune(line: dict[str, str]) -> Row | str:
    """The ladder's second rung: pure bf16, packed, AdamW; the most in use, in GiB.

    Its recipe lets the logits go before the backward pass.
    """
    if "+packed" not in line["notes"]:
        return "compiled, offloaded or unpacked: kept is what the compiler chooses, or unknown"
    model = shapes.profile("llama-3.2-3b")
    stack = Stack(autocast=False, trained_bytes=2, step_copies=1)
    return Row(
        source="torchtune README", title="llama-3.2-3b full", model=model, stack=stack,
        candidate=_candidate(line, "full"), allocated=float(line["peak_mem_gb"]) * GIB, taken=None,
        capacity=80 * GIB,
    )  # fmt: skip


READERS: dict[str, Reader] = {
    "fms-acceleration": _fms,
    "Qwen README": _qwen,
    "LitGPT": lambda line: "its length is a cap on rows of every length, which is how they come",
    "torchtune README opt": _torchtune,
}

"""What is proposed: one complete set of settings with its estimates and its reasons.

In: nothing. Out: frozen values; `Candidate` speaks Hugging Face names. Never: choosing (planning/).
"""

from dataclasses import dataclass, field
from typing import Literal

from overnight.values.facts import Interval

Source = Literal["catalogue", "history", "rehearsal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One complete set of settings. Every field has the meaning it has in transformers and peft."""

    method: Literal["lora", "qlora", "full"]
    per_device_train_batch_size: int
    gradient_accumulation_steps: int
    max_length: int
    learning_rate: float
    precision: Literal["fp32", "bf16", "fp16"]
    gradient_checkpointing: bool
    num_train_epochs: float | None = None
    """None where the window alone decides."""
    max_steps: int | None = None
    warmup_ratio: float | None = None
    """None: the rule's (planning/rules.py)."""
    lr_scheduler_type: Literal["linear", "constant", "cosine", "wsd"] = "linear"
    max_grad_norm: float = 1.0
    weight_decay: float = 0.0
    adam_beta2: float = 0.99
    lora_r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    lora_target_modules: tuple[str, ...] = ()
    """Layers that are adapted, where an adapter that the night goes on from says so; none: every
    linear one."""
    dataloader_num_workers: int = 0
    dataloader_pin_memory: bool = False
    logging_steps: int = 1
    eval_steps: int | None = None
    save_steps: int | None = None
    save_minutes: float | None = None
    save_total_limit: int = 2
    load_best_model_at_end: bool = True
    seed: int = 42
    processes: int = 1
    optim: Literal["adamw_torch", "adamw_bnb_8bit"] = "adamw_torch"
    attn_implementation: Literal["sdpa", "eager", "flash_attention_2", "flash_attention_3"] = "sdpa"
    checkpoint_every: int = 1
    """With `gradient_checkpointing`: every n-th layer is checkpointed; 1: all, 2: every other."""
    max_tokens_per_micro_batch: int = 0
    """Tokens, padding included, above which a micro-batch is cut further; 0: never. A single row
    is never cut."""
    packing: bool = False
    """The rows of a step are laid end to end, each in its own bounds, instead of being padded to
    equal lengths. What a step holds and learns is the same."""
    use_liger_kernel: bool = False
    torch_compile: bool = False
    """Decoder layers are compiled at the first step. What a compiled layer computes may differ in
    its last bits from process to process, so a night that goes on is not the same bit for bit."""
    shaped_for: Literal["", "cpu"] = ""
    """`cpu`: micro-batches are rounded and cut as a processor's kernels want them
    (planning/shapes.py). What a step holds and learns is the same."""
    loss_chunk_size: int = 0
    """Learnt positions whose logits are held at once; 0: all of a micro-batch. The head's products
    are then computed once more on the way back."""

    strategy: Literal["one-stage", "two-stage", "progressive", "progressive-guide"] = "one-stage"
    """Which rows, and how many a step, by progress (planning/curriculum.py)."""
    stage2_rows: int = 10_000
    """Of the second stage of `two-stage`: the best rows."""

    @property
    def rows_per_step(self) -> int:
        """Rows of one optimizer step, over all micro-batches and processes."""
        return (self.per_device_train_batch_size * self.gradient_accumulation_steps
                * self.processes)  # fmt: skip

    @property
    def varlen(self) -> bool:
        """Whether attention takes rows end to end and computes no score between two of them. All
        other kernels are given a mask of every place by every place."""
        return self.attn_implementation.startswith("flash_attention")

    @property
    def pack_places(self) -> int:
        """Tokens of a full pack: those of a full padded micro-batch, but of one row of
        `max_length` tokens where a mask has to keep its rows apart."""
        return self.max_length * (self.per_device_train_batch_size if self.varlen else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """Peak device memory by named parts, in bytes."""

    parts: dict[str, int] = field(default_factory=dict)
    margin_bytes: int = 0
    """What is kept free beyond the peak for the estimate's own error, learnt from history."""
    how: Literal["closed form", "trace", "measured"] = "closed form"

    @property
    def needed_bytes(self) -> int:
        """The peak and the margin."""
        return self.peak_bytes + self.margin_bytes

    @property
    def peak_bytes(self) -> int:
        """All parts together."""
        return sum(self.parts.values())

    @property
    def largest(self) -> str:
        """The name of the part that takes most."""
        return max(self.parts, key=lambda name: self.parts[name], default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEstimate:
    """How long the night's phases take, in seconds, and what training they leave room for."""

    phases: dict[str, Interval]
    """In their order: `imports`, `tokenising`, `loading`, `first look` (a save, the base measured),
    `settling` (what the first steps take beyond later ones), `trials`, `training`, `evaluations`,
    `saves`, `ending` (last save, last looks), `publish`."""
    total_steps: int
    """The horizon: optimizer steps until the learning rate is zero."""
    epochs: float
    """What those steps are in epochs of the data."""
    tokens_per_second: Interval
    source: Source
    fits_in_window: bool
    """The reserve counted in; True where no window was asked for."""
    steps_wanted: int | None = None
    """What `num_train_epochs` or `max_steps` ask for, where they were given or planned."""

    @property
    def total(self) -> Interval:
        """All phases together."""
        return sum(self.phases.values(), start=Interval.exactly(0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a setting is what it is."""

    setting: str
    value: str
    why: str
    given: bool = False
    """True where the user gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What another choice would cost or bring, against the plan."""

    what: str
    """`without checkpointing`, `max_length 1024` ..."""
    effect: str
    """`21 % faster, 9.0 GiB more`."""
    command: str = ""
    """The flags that ask for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why another candidate is not the plan."""

    what: str
    why: str


def margin_seconds(window_seconds: float | None) -> float:
    """What is kept beyond all prices: max(1 s, 1 % of the window, at most 5 min) (DESIGN 6)."""
    return 1.0 if window_seconds is None else max(1.0, min(0.01 * window_seconds, 300.0))


AHEAD_WINDOW = 1800.0
"""Seconds: what is gained in longer windows by testing ahead, 4 s or so, is a fifth of a per cent,
and takes 0.4 GB of memory until then."""


def examined_ahead(window_seconds: float | None) -> bool:
    """Whether the process that tests what is published has its libraries before its turn."""
    return window_seconds is not None and window_seconds <= AHEAD_WINDOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """What is kept for the ending, in seconds, part by part (DESIGN 6)."""

    save: float
    """The dearest save, half as much again."""
    evaluation: float
    """The dearest evaluation of both held-out parts."""
    publish: float
    """A fresh process imports (ahead, in a short window), loads and tests the model, and it is put
    into place."""
    margin: float

    @property
    def seconds(self) -> float:
        """All parts together."""
        return self.save + self.evaluation + self.publish + self.margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The chosen candidate, its estimates, and every rejection with its reason."""

    candidate: Candidate
    memory: MemoryEstimate
    memory_limit_bytes: int
    time: TimeEstimate
    reserve: Reserve
    window_seconds: float | None
    reasons: tuple[Reason, ...]
    rejections: tuple[Rejection, ...] = ()
    notes: tuple[str, ...] = ()
    """What the user must know before it starts: "2.3 of 3 epochs" ..."""
    what_ifs: tuple[WhatIf, ...] = ()
    prior: dict[str, float] = field(default_factory=dict)
    """What the catalogue alone says, history left out, so that history can judge it:
    `tokens_per_second`, `peak_bytes`, and seconds of `imports`, `tokenising`, `loading`,
    `settling`, `save`, `evaluation`, `publish`."""

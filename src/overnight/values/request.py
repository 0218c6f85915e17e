"""What was asked: a `Request` with its `Window` and the settings that the user gave.

In: nothing. Out: frozen values whose fields use Hugging Face names where the field has one.
Never: defaults of the search (a setting that was not given is None), clocks, files.
"""

from dataclasses import dataclass, field, fields
from typing import Literal

Method = Literal["auto", "lora", "qlora", "full"]
Priority = Literal["fast", "balanced", "quality", "memory_efficient"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
Strategy = Literal["one-stage", "two-stage", "progressive", "progressive-guide"]
RateRule = Literal["guide", "sqrt", "measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The wall-clock interval given. At most one of `seconds` and `ends_utc` was asked for."""

    seconds: float | None = None
    """Length in seconds (`--within`), counted on a clock that includes suspend."""
    ends_utc: float | None = None
    """The instant (`--by`), in seconds since the Unix epoch."""
    label: str = ""
    """As the user wrote it, for the echo."""

    @property
    def bounded(self) -> bool:
        """Whether a deadline was asked for at all."""
        return self.seconds is not None or self.ends_utc is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting a user can give; None means left open for the search to fill in.

    Names, meanings and units are those of `transformers.TrainingArguments` and peft's `LoraConfig`.
    """

    num_train_epochs: float | None = None
    max_steps: int | None = None
    per_device_train_batch_size: int | None = None
    """Rows a micro-batch."""
    gradient_accumulation_steps: int | None = None
    learning_rate: float | None = None
    warmup_ratio: float | None = None
    lr_scheduler_type: Literal["linear", "constant", "cosine", "wsd"] | None = None
    max_grad_norm: float | None = None
    weight_decay: float | None = None
    fp16: bool | None = None
    bf16: bool | None = None
    gradient_checkpointing: bool | None = None
    max_length: int | None = None
    """Tokens a row; longer rows are cut."""
    dataloader_num_workers: int | None = None
    dataloader_pin_memory: bool | None = None
    logging_steps: int | None = None
    eval_steps: int | None = None
    save_steps: int | None = None
    save_minutes: float | None = None
    """Minutes between checkpoints (ours)."""
    save_total_limit: int | None = None
    load_best_model_at_end: bool | None = None
    seed: int | None = None
    lora_r: int | None = None
    lora_alpha: int | None = None
    lora_dropout: float | None = None
    packing: bool | None = None
    """Rows laid end to end without padding, each in its own bounds (TRL's name)."""
    use_liger_kernel: bool | None = None
    """Liger's kernels for norms, rotary positions and gated layers, on CUDA."""
    torch_compile: bool | None = None
    """Decoder layers compiled at the first step; off unless asked for."""
    strategy: Strategy | None = None
    """Which rows, and how many a step, by progress; `one-stage` is everything alike (ours)."""
    learning_rate_rule: RateRule | None = None
    """How a rate follows from the rows of a step, where none is given (ours)."""
    stage2_rows: int | None = None
    """Rows of the second stage of `two-stage` (ours)."""

    def given(self) -> dict[str, object]:
        """The settings that were given, by name."""
        pairs = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: value for name, value in pairs if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One night as it was asked for."""

    data: str
    """File, folder saved by `datasets`, or hub name."""
    model: str
    """Model folder or hub name."""
    window: Window = field(default_factory=Window)
    settings: Settings = field(default_factory=Settings)
    method: Method = "auto"
    priority: Priority = "balanced"
    precision: Precision = "auto"
    eval_data: str | None = None
    """The user's own held-out data, halved into *select* and *test*."""
    learn: str | None = None
    """The role whose turns are learnt, where it is not an assistant's."""
    output_dir: str | None = None
    """The run folder itself; else `runs/NAME`."""
    name: str | None = None
    processes: int = 1
    skip_bad_rows: bool = False
    trust_remote_code: bool = False
    patience: int | None = None
    """Evaluations without improvement after which the night anneals and ends."""
    sample: float | None = None
    """Share of the training rows that is kept; with `prefer`, of those that are not preferred."""
    sample_total: int | None = None
    """Training rows that are kept in all."""
    prefer: str | None = None
    """`engagement`, `recent` or both with a comma: rows that a sample keeps whole."""
    engagement_column: str | None = None
    """Column of reactions, replies or the like, where its name is not one that is recognised."""
    time_column: str | None = None
    """Column of each row's time, likewise."""
    resume_from_checkpoint: str | None = None
    """Another trainer's `checkpoint-N`, or a folder of several, whose weights the night goes on
    from; one of its own it finds by itself."""

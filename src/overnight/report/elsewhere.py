"""A night's settings and its model's card in the words of other tools.

In: a Report. Out: a `.env`, the arguments of a `TrainingArguments` or an `SFTConfig`, a model card.
Never: a row of the data, a path of this machine, a secret.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overnight import __version__
from overnight.report.account import Report
from overnight.report.words import figure, inert_line, loss_words
from overnight.values.units import show_count, show_duration

_PREFERRED = {"engagement,recent": "prioritized", "recent,engagement": "prioritized"}
_TRAINER_SCHEDULE = {"wsd": "warmup_stable_decay"}


def env(report: Report) -> str:
    """The settings as guide 2's `.env` spells them; `--config` reads it back."""
    lines = [f"# {line}" for line in ("The settings of this night, for overnight and other tools.",
                                      f"Written by overnight {__version__}.")]  # fmt: skip
    return "\n".join((*lines, *(f"{key}={_value(value)}" for key, value in _env(report)))) + "\n"


def _env(report: Report) -> Iterator[tuple[str, object]]:
    one, request = report.plan.candidate, report.request
    if one.num_train_epochs is not None and one.max_steps is None:
        yield "EPOCHS", one.num_train_epochs
    else:
        yield "MAX_STEPS", report.horizon
    yield "BATCH_SIZE", one.per_device_train_batch_size
    yield "GRADIENT_ACCUMULATION_STEPS", one.gradient_accumulation_steps
    yield "LEARNING_RATE", one.learning_rate
    yield "USE_FP16", one.precision == "fp16"
    yield "USE_BF16", one.precision == "bf16"
    yield "GRADIENT_CHECKPOINTING", one.gradient_checkpointing
    if request and request.sample is not None:
        yield "SAMPLE_RATIO", request.sample
    if request and request.prefer:
        yield "SAMPLING_STRATEGY", _PREFERRED.get(request.prefer, request.prefer)
    if one.strategy == "two-stage":
        yield "SAMPLE_SIZE", one.stage2_rows
    yield from _more(report)


def _more(report: Report) -> Iterator[tuple[str, object]]:
    """What the guide's file has no name for, by ours."""
    one = report.plan.candidate
    yield "OVERNIGHT_METHOD", one.method
    names = ["max_length", "warmup_ratio", "lr_scheduler_type", "max_grad_norm", "weight_decay",
             "strategy", "packing", "seed"]  # fmt: skip
    if one.method != "full":
        names += ["lora_r", "lora_alpha", "lora_dropout"]
    for name in names:
        value = getattr(one, name)
        if value is not None:
            yield name.upper(), value


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    return str(value)


def training_arguments(report: Report, *, output_dir: str) -> dict[str, Any]:
    """What `TrainingArguments(**...)` of transformers 5 takes for the same training."""
    one, warmup = report.plan.candidate, _warmup(report)
    epochs = one.num_train_epochs if one.max_steps is None else None
    every = {"logging_steps": one.logging_steps, "save_total_limit": one.save_total_limit}
    told = {
        "output_dir": output_dir,
        "max_steps": -1 if epochs is not None else report.horizon,
        "num_train_epochs": epochs,
        "per_device_train_batch_size": one.per_device_train_batch_size,
        "gradient_accumulation_steps": one.gradient_accumulation_steps,
        "learning_rate": one.learning_rate,
        "warmup_steps": warmup,
        "lr_scheduler_type": _TRAINER_SCHEDULE.get(one.lr_scheduler_type, one.lr_scheduler_type),
        "lr_scheduler_kwargs": _decay(report),
        "max_grad_norm": one.max_grad_norm,
        "weight_decay": one.weight_decay,
        "adam_beta2": one.adam_beta2,
        "optim": one.optim,
        "bf16": one.precision == "bf16",
        "fp16": one.precision == "fp16",
        # transformers 6 will know it by another name: it is said only where it is asked for.
        "gradient_checkpointing": one.gradient_checkpointing or None,
        "dataloader_num_workers": one.dataloader_num_workers,
        "dataloader_pin_memory": one.dataloader_pin_memory,
        "seed": one.seed,
        "torch_compile": one.torch_compile,
        "use_liger_kernel": one.use_liger_kernel,
        "eval_steps": one.eval_steps,
        "save_steps": one.save_steps,
        **every,
    }
    return {key: value for key, value in told.items() if value is not None}


def sft_arguments(report: Report, *, output_dir: str) -> dict[str, Any]:
    """The same for trl's `SFTConfig`, which knows what rows look like."""
    one = report.plan.candidate
    return training_arguments(report, output_dir=output_dir) | {
        "max_length": one.max_length, "packing": one.packing,
        "gradient_checkpointing": one.gradient_checkpointing,  # trl's own default is True
    }  # fmt: skip


def _warmup(report: Report) -> int:
    return report.replans[-1].event.warmup_steps if report.replans else 0


def _decay(report: Report) -> dict[str, Any] | None:
    """transformers' own schedule asks where the decay begins; ours is the last fifth."""
    if report.plan.candidate.lr_scheduler_type != "wsd":
        return None
    decay = max(round(0.2 * report.horizon), 1)
    return {"num_decay_steps": decay, "decay_type": "linear"}


def card(report: Report, *, name: str, adapter: bool) -> str:
    """A model card with what was measured, and nothing of what was read."""
    one = report.plan.candidate
    head = {"base_model": _public(report.request.model if report.request else report.model.path),
            "library_name": "peft" if adapter else "transformers",
            "pipeline_tag": "text-generation"}  # fmt: skip
    front = [f"{key}: {value}" for key, value in head.items()]
    tags = ["tags:", "- overnight", f"- {one.method}"]
    body = "\n\n".join(
        section
        for section in (
            _about(report, name),
            _figures(report),
            _how(report),
            _use(head, adapter=adapter),
        )
    )
    return "\n".join(("---", *front, *tags, "---", "", body)) + "\n"


def _public(path: str) -> str:
    """A name of the hub as it is; of a folder only its own name."""
    hub = path.count("/") == 1 and not path.startswith((".", "/", "~")) and not Path(path).exists()
    return inert_line(path if hub else Path(path).name or path)


def _about(report: Report, name: str) -> str:
    one, model = report.plan.candidate, report.model
    what = {"lora": f"a LoRA adapter (r {one.lora_r}) for", "qlora": f"a LoRA adapter (r "
            f"{one.lora_r}, trained over a 4-bit base) for", "full": "a fine-tune of"}  # fmt: skip
    base = _public(report.request.model if report.request else model.path)
    return (f"# {inert_line(name)}\n\nThis is {what[one.method]} {base} ({model.architecture}, "
            f"{show_count(model.num_parameters)} parameters), made by overnight "
            f"{__version__}.")  # fmt: skip


def _figures(report: Report) -> str:
    told = report.chosen.loss if report.chosen else {}
    if not {"base", "test"} <= told.keys():
        return "## Figures\n\nIts held-out loss was not measured."
    test, base = told["test"], told["base"]
    keep = ("" if report.chosen is None or report.chosen.keep == "tuned" else
            "\n\nOn these rows the base model was better.")  # fmt: skip
    return (f"## Figures\n\n| held-out loss, {test.n:,} rows | nats a token, 95 % interval |\n"
            f"|---|---|\n| this model | {loss_words(test)} |\n| its base | {loss_words(base)} |\n\n"
            f"Rows that were never trained on, of the same data as the training rows; read once, "
            f"after everything had been chosen.{keep}")  # fmt: skip


def _how(report: Report) -> str:
    one, data = report.plan.candidate, report.dataset
    epochs = report.steps[-1].event.epoch if report.steps else 0.0
    rows = [
        ("rows trained on", f"{data.num_train:,}, {show_count(data.train_tokens)} tokens an epoch"),
        ("steps", f"{report.steps_done:,} of {one.rows_per_step} rows, {epochs:.3g} epochs"),
        ("learning rate", f"{figure(one.learning_rate)}, {one.lr_scheduler_type}"),
        ("precision", one.precision), ("max_length", f"{one.max_length:,}"),
        ("chat template", data.chat_template), ("time", show_duration(report.as_of)),
        ("machine", report.hardware.name), ("seed", str(one.seed)),
    ]  # fmt: skip
    lines = "\n".join(f"| {name} | {inert_line(value)} |" for name, value in rows)
    return f"## How it was trained\n\n| | |\n|---|---|\n{lines}"


def _use(head: dict[str, str], *, adapter: bool) -> str:
    kind = "AutoPeftModelForCausalLM" if adapter else "AutoModelForCausalLM"
    return ("## Use\n\n```python\n"
            f"from {head['library_name']} import {kind}\nfrom transformers import AutoTokenizer\n\n"
            f'model = {kind}.from_pretrained("FOLDER")\n'
            'tokenizer = AutoTokenizer.from_pretrained("FOLDER")\n```')  # fmt: skip

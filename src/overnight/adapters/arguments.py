"""A profile as a real `transformers.TrainingArguments`.

In: a profile, its estimate, what the machine is. Out: arguments for any Trainer. Never: a setting
that this machine cannot run: bf16 only from compute capability 8.0, a fused optimizer only on CUDA.
"""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overnight.adapters.estimate import Estimate
from overnight.adapters.profiles import OptimizationProfile
from overnight.planning.rules import precisions
from overnight.values.facts import Hardware

if TYPE_CHECKING:
    from transformers import TrainingArguments

SAVE_HOURS = 0.5
"""Guide 4: a checkpoint every 30 minutes, counted in steps of its own estimate."""


def training_arguments(
    profile: OptimizationProfile, estimate: Estimate, *, output_dir: str | None = None
) -> "TrainingArguments":
    """The arguments, fit for the machine that this runs on. Loads torch and transformers.

    `max_length` has no place in them: it is `profile.max_length`, for the tokenizer, or for
    `SFTConfig`. The guide names no learning rate, so transformers' stays.
    """
    from transformers import TrainingArguments

    from overnight.probe import hardware

    known = frozenset(field.name for field in fields(TrainingArguments))
    machine = hardware.look(measure=False)
    return TrainingArguments(
        output_dir=output_dir or str(Path("runs") / f"guide4-{profile.name}"),
        num_train_epochs=estimate.num_epochs,
        per_device_train_batch_size=profile.batch_size,
        gradient_accumulation_steps=profile.gradient_accumulation_steps,
        dataloader_num_workers=profile.num_workers,
        save_strategy="steps",
        save_steps=save_steps(estimate),
        save_total_limit=2,
        logging_steps=10,
        report_to="none",
        **_checkpointing(profile, known=known),
        **on_machine(profile, machine),
    )


def save_steps(estimate: Estimate) -> int:
    """Steps between checkpoints that are half an hour apart, if the estimate is right."""
    an_hour = estimate.total_steps / estimate.estimated_hours
    return max(1, min(estimate.total_steps, int(an_hour * SAVE_HOURS)))


def _checkpointing(profile: OptimizationProfile, *, known: frozenset[str]) -> dict[str, Any]:
    """Under the name that this version of transformers has for it."""
    kind = "activation" if "activation_checkpointing" in known else "gradient"
    wanted = {f"{kind}_checkpointing": profile.use_gradient_checkpointing}
    if profile.use_gradient_checkpointing:
        return wanted | {f"{kind}_checkpointing_kwargs": {"use_reentrant": False}}
    return wanted


def on_machine(profile: OptimizationProfile, machine: Hardware) -> dict[str, Any]:
    """What depends on the machine: precision, optimizer, pinned memory, the processor itself."""
    cuda = machine.device == "cuda"
    mixed = precisions(machine)[0] if cuda and profile.use_bf16 else "fp32"
    fused = cuda and profile.use_fused_optimizer
    return {
        "use_cpu": machine.device == "cpu",
        "bf16": mixed == "bf16",
        "fp16": mixed == "fp16",
        "optim": "adamw_torch_fused" if fused else "adamw_torch",
        "dataloader_pin_memory": cuda,
    }

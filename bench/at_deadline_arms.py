"""The arms of at_deadline.py: each trainer as its users set it up, and where that is written.

In: nothing. Out: `Arm` values; settings by the names of `TrainingArguments` and `SFTConfig`. Never:
a trainer, a rate of our own (a tuned rate comes with a run).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from overnight.planning import configurations

OURS = "overnight"
BASE = "base"
"""The model that everybody starts from, as an arm that does nothing."""
BUDGET: Mapping[str, Any] = {
    "r": 16, "lora_alpha": 32, "lora_dropout": 0.0, "target_modules": "all-linear",
    "task_type": "CAUSAL_LM",
}  # fmt: skip
"""LoRA as every arm of a LoRA cell has it, ours too."""
SAVE_SHARE = 0.05
"""Of the window: the least time between two saves of a peer. `SAVING` is what they write then."""
SAVING: Mapping[str, Any] = {"save_only_model": True, "save_total_limit": 3}
"""Kinder than the defaults, which write the optimizer too and keep every checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to train."""

    name: str
    trainer: Literal["SFTTrainer", "Trainer", "overnight", "none"]
    settings: Mapping[str, Any] = field(default_factory=dict)
    lora: Mapping[str, Any] = field(default_factory=dict)
    """What is other in a LoRA cell; `full`: in a full one."""
    full: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    """What it is and where that is written, for the page."""

    def given(self, method: str) -> dict[str, Any]:
        """Its settings in a cell of this method."""
        return {**self.settings, **(self.lora if method == "lora" else self.full)}


def guide(name: str) -> dict[str, Any]:
    """A named configuration of the guides as arguments of a `Trainer` on a processor."""
    found = configurations.find(name)
    assert found is not None
    given = dict(found.settings)
    mixed = bool(given.pop("fp16", False))
    for key in ("method", "save_steps"):  # the cell's, and `SAVING`
        given.pop(key, None)
    return {**given, "bf16": mixed}


TRL = Arm(
    name="trl", trainer="SFTTrainer",
    about="SFTTrainer with nothing set: 8 rows, 2e-5 linear over 3 epochs, bf16, checkpointing",
)  # fmt: skip
TRL_PACKING = Arm(
    name="trl/packing", trainer="SFTTrainer", settings={"packing": True},
    about="the same with packing=True (best-fit decreasing, 1,024 tokens)",
)  # fmt: skip
TRL_RECOMMENDED = Arm(
    name="trl/recommended", trainer="SFTTrainer",
    settings={"num_train_epochs": 1},
    full={"packing": True, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 8,
          "learning_rate": 2e-5},
    lora={"per_device_train_batch_size": 1, "gradient_accumulation_steps": 4,
          "learning_rate": 2e-4},
    about="full: what the head of trl/scripts/sft.py gives (packing, 2 rows x 8, 2e-5, 1 epoch); "
          "LoRA: its page `LoRA Without Regret` (1 row x 4, 2e-4, all linear layers, 1 epoch; the "
          "rank is the cell's)",
)  # fmt: skip
BOT_BASELINE = Arm(
    name="bot/baseline", trainer="Trainer", settings=guide("bot/baseline"),
    about="guide 2: 1 row x 16, 2e-4, 1 epoch, checkpointing, fp32",
)  # fmt: skip
BOT_RECOMMENDED = Arm(
    name="bot/recommended", trainer="Trainer", settings=guide("bot/recommended"),
    about="guide 2: 1 row x 32, 2.5e-4, 1 epoch, checkpointing, mixed precision (bf16 here: fp16 "
          "needs a card)",
)  # fmt: skip
COLAB_OPTIMIZED = Arm(
    name="colab/optimized", trainer="Trainer", settings=guide("colab/optimized"),
    about="guide 1: 8 rows, 3 epochs, no checkpointing, 2 workers; it names no rate: the Trainer's "
          "own 5e-5",
)  # fmt: skip
COSINE = Arm(
    name="cosine, killed", trainer="Trainer",
    settings={"num_train_epochs": 3, "lr_scheduler_type": "cosine", "warmup_steps": 0.03},
    about="the Trainer's defaults (8 rows, 5e-5, fp32) with three epochs of cosine, killed at the "
          "deadline",
)  # fmt: skip
CONSTANT = Arm(
    name="constant", trainer="Trainer",
    settings={"num_train_epochs": 100, "lr_scheduler_type": "constant"},
    about="the Trainer's defaults at a constant rate for as long as there is time",
)  # fmt: skip
OVERNIGHT = Arm(
    name=OURS, trainer="overnight", about="`overnight train --within`, nothing else set"
)
NOTHING = Arm(name=BASE, trainer="none", about="the base model")

PEERS = (TRL, TRL_RECOMMENDED, TRL_PACKING, BOT_BASELINE, BOT_RECOMMENDED, COLAB_OPTIMIZED, COSINE,
         CONSTANT)  # fmt: skip
TUNED = (TRL, TRL_PACKING, BOT_BASELINE, COSINE)
"""The arms whose rate is tuned besides."""
ARMS = {arm.name: arm for arm in (NOTHING, *PEERS, OVERNIGHT)}

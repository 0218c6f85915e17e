"""The guides' named configurations, with their very values.

In: a name such as `bot/baseline`. Out: settings under our keys, whence they are, what the guide
left open. Never: a value that no guide gives; what a value is worth here (safety.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One configuration of a guide."""

    name: str
    """`GUIDE/NAME`."""
    source: str
    """The guide, and where in it."""
    settings: Mapping[str, object]
    """By our keys, which are Hugging Face's."""
    notes: tuple[str, ...] = ()
    """What must be said once where it is used."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """What the guide does not say: the key, and what is taken then."""


_COLAB = "guide 1"
_BOT = "guides 2 and 5"
_PAGES = "guide 3"

_COLAB_OPTIMIZED: dict[str, object] = {
    "method": "lora",
    "num_train_epochs": 3.0,
    "per_device_train_batch_size": 8,
    "gradient_checkpointing": False,
    "save_steps": 500,
    "dataloader_num_workers": 2,
    "dataloader_pin_memory": True,
}
_RATE_OPEN = {
    "learning_rate": "the rule's, or what an earlier night or a pilot found",
    "gradient_accumulation_steps": "1 where the batch has four rows or more",
}
"""Guide 1 claims "same effective batch" for 4 -> 8 rows and never says by what accumulation."""
_BOT_ALWAYS: dict[str, object] = {
    "method": "lora",
    "per_device_train_batch_size": 1,
    "gradient_checkpointing": True,
    "num_train_epochs": 1.0,
}
"""Guide 5's settings to copy; its table of differences names neither among what the baseline has
otherwise, so they hold for it too."""
_BASELINE: dict[str, object] = {
    **_BOT_ALWAYS,
    "gradient_accumulation_steps": 16,
    "fp16": False,
    "bf16": False,
    "learning_rate": 2e-4,
}
"""bf16 is off as well: without mixed precision means 32 bits."""
_RECOMMENDED: dict[str, object] = {
    **_BOT_ALWAYS,
    "gradient_accumulation_steps": 32,
    "fp16": True,
    "learning_rate": 2.5e-4,
}
_AGGRESSIVE: dict[str, object] = {
    **_BOT_ALWAYS,
    "gradient_accumulation_steps": 64,
    "fp16": True,
    "learning_rate": 3e-4,
}
SMALL_SAMPLE = round(1.5 / 9.0, 2)
"""Guide 2's "small sample" by its own hours: 1 to 2 of the 8 to 10 that all rows take."""
_NOT_TEXT = (
    "dimtda is guide 3's, for pictures of pages and a translation model; on text only its numbers "
    "are taken"
)

CONFIGURATIONS: tuple[Configuration, ...] = (
    Configuration(
        name="colab/original",
        source=f"{_COLAB}, Original Settings",
        settings={"method": "lora", "num_train_epochs": 5.0, "per_device_train_batch_size": 4,
                  "gradient_checkpointing": True, "save_steps": 1000},
        lacks=_RATE_OPEN,
    ),
    Configuration(
        name="colab/optimized",
        source=f"{_COLAB}, Optimized Settings",
        settings=_COLAB_OPTIMIZED,
        lacks=_RATE_OPEN,
    ),
    Configuration(
        name="colab/more-vram",
        source=f"{_COLAB}, If You Have MORE VRAM, over Optimized Settings",
        settings={**_COLAB_OPTIMIZED, "per_device_train_batch_size": 16,
                  "gradient_accumulation_steps": 1},
        lacks={"learning_rate": _RATE_OPEN["learning_rate"]},
    ),
    Configuration(
        name="colab/low-memory",
        source=f"{_COLAB}, If You're Getting OOM Errors, over Optimized Settings",
        settings={**_COLAB_OPTIMIZED, "per_device_train_batch_size": 4,
                  "gradient_checkpointing": True, "gradient_accumulation_steps": 4},
        lacks={"learning_rate": _RATE_OPEN["learning_rate"]},
    ),
    Configuration(
        name="colab/maximum-speed",
        source=f"{_COLAB}, Maximum Speed, over Optimized Settings",
        settings={**_COLAB_OPTIMIZED, "num_train_epochs": 2.0,
                  "per_device_train_batch_size": 12, "learning_rate": 5e-4},
        lacks={"gradient_accumulation_steps": _RATE_OPEN["gradient_accumulation_steps"]},
    ),
    Configuration(
        name="colab/one-epoch",
        source=f"{_COLAB}, Quality vs Speed Tradeoff, last line, over Optimized Settings",
        settings={**_COLAB_OPTIMIZED, "num_train_epochs": 1.0,
                  "per_device_train_batch_size": 16},
        lacks=_RATE_OPEN,
    ),
    Configuration(
        name="bot/baseline",
        source=f"{_BOT}, Baseline",
        settings=_BASELINE,
    ),
    Configuration(
        name="bot/recommended",
        source=f"{_BOT}, Recommended (Optimized)",
        settings=_RECOMMENDED,
    ),
    Configuration(
        name="bot/aggressive",
        source=f"{_BOT}, Aggressive",
        settings=_AGGRESSIVE,
    ),
    Configuration(
        name="bot/today",
        source="guide 2, Quick Decision Guide, results today",
        settings={**_AGGRESSIVE, "sample": 0.5},
    ),
    Configuration(
        name="bot/prompt-work",
        source="guide 2, Quick Decision Guide, iterating on prompt engineering",
        settings={**_AGGRESSIVE, "sample": SMALL_SAMPLE},
        notes=(f"bot/prompt-work: guide 2 gives its small sample no number; {SMALL_SAMPLE:g} is "
               "the share of its hours, 1 to 2 of 8 to 10",),
    ),
    Configuration(
        name="dimtda/before",
        source=f"{_PAGES}, Before",
        settings={"per_device_train_batch_size": 1, "gradient_accumulation_steps": 32,
                  "num_train_epochs": 30.0, "gradient_checkpointing": True,
                  "dataloader_num_workers": 8, "logging_steps": 50, "save_steps": 1000},
        notes=(_NOT_TEXT,),
        lacks={"learning_rate": _RATE_OPEN["learning_rate"]},
    ),
    Configuration(
        name="dimtda/after",
        source=f"{_PAGES}, After",
        settings={"per_device_train_batch_size": 2, "gradient_accumulation_steps": 16,
                  "num_train_epochs": 10.0, "gradient_checkpointing": True, "fp16": True,
                  "dataloader_num_workers": 6, "eval_steps": 200, "max_grad_norm": 1.0,
                  "logging_steps": 20, "save_steps": 500, "load_best_model_at_end": True},
        notes=(_NOT_TEXT,),
        lacks={"learning_rate": _RATE_OPEN["learning_rate"]},
    ),
)  # fmt: skip
"""Every one that DESIGN 9 lists."""
BARE = {"baseline": "bot/baseline", "optimized": "bot/recommended", "aggressive": "bot/aggressive"}
"""Guide 5's names without a guide before them; its "optimized" is guide 2's "recommended"."""


def names() -> tuple[str, ...]:
    """Every name in full, in the guides' order."""
    return tuple(one.name for one in CONFIGURATIONS)


def find(name: str) -> Configuration | None:
    """The configuration of that name, bare ones too; None where there is none."""
    whole = BARE.get(name, name)
    return next((one for one in CONFIGURATIONS if one.name == whole), None)


def near(name: str) -> str:
    """What may have been meant, for the end of a sentence."""
    every = [*names(), *BARE]
    close = get_close_matches(name, every, n=1, cutoff=0.7)
    return f"; near: {close[0]}" if close else f"; there are {', '.join(names())}"

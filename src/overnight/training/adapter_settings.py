"""What an adapter_config.json says, where a night can go on with such an adapter.

In: the file's content, the names of the adapter's tensors. Out: an `Adapter`, or one sentence about
what of it cannot be gone on with. Never: a class that the file names looked for, a file opened.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overnight.values.errors import ModelError

_ADAPTED = re.compile(r"base_model\.model\.(.+)\.lora_A(?:\.default)?\.weight")
_READ = frozenset((
    "r", "lora_alpha", "lora_dropout", "target_modules", "base_model_name_or_path",
    "layers_to_transform", "layers_pattern", "exclude_modules",
    # Where it was made and how it is loaded for use; GPT-2's layers set the last one themselves.
    "auto_mapping", "inference_mode", "peft_version", "revision", "fan_in_fan_out",
))  # fmt: skip
_USUAL: dict[str, tuple[object, ...]] = {
    "peft_type": ("LORA",),
    "task_type": ("CAUSAL_LM",),
    "bias": ("none",),
    "megatron_core": ("megatron.core",),
    "qalora_group_size": (16,),
    # Others (PiSSA, OLoRA, CorDA, LoftQ) change the base that the adapter belongs to.
    "init_lora_weights": (True, "gaussian", "eva", "orthogonal"),
}
"""Values that ask for nothing beyond LoRA as it is usual; peft 0.21 writes all of its fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """What decides which layers are adapted, and how."""

    r: int
    alpha: int
    dropout: float
    targets: tuple[str, ...]
    """Names that layers end in, or whole names where the file says it otherwise."""
    base: str = ""
    """The base as its trainer named it."""


def read(content: Mapping[str, Any], names: Iterable[str], where: Path) -> Adapter:
    """The settings of the adapter whose tensors have these names.

    Raises:
        ModelError: it is no LoRA adapter, or one of a kind that is not gone on with.
    """
    _refuse_unusual(content, where)
    rank, alpha = _whole(content, "r", where), _whole(content, "lora_alpha", where)
    dropout = content.get("lora_dropout") or 0.0
    if not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        raise ModelError(f"{where} says lora_dropout={_short(dropout)}; it must be 0 to 1")
    base = content.get("base_model_name_or_path")
    return Adapter(
        r=rank,
        alpha=alpha,
        dropout=float(dropout),
        targets=_targets(content, names, where),
        base=base if isinstance(base, str) else "",
    )


def _refuse_unusual(content: Mapping[str, Any], where: Path) -> None:
    for key, value in content.items():
        if key in _READ or not value or value in _USUAL.get(key, ()):
            continue
        raise ModelError(f"{where} says {_short(key)}={_short(value)}, and a night goes on with "
                         "plain LoRA only; merge the adapter into its base and give that as "
                         "--model")  # fmt: skip


def _short(value: object) -> str:
    return value[:40] if isinstance(value, str) else repr(value)[:40]


def _whole(content: Mapping[str, Any], key: str, where: Path) -> int:
    value = content.get(key)
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if number and value == int(value) and 1 <= value < 2**31:  # type: ignore[arg-type]
        return int(value)
    raise ModelError(f"{where} says {key}={_short(value)}; it must be a whole number from 1 up")


def _targets(content: Mapping[str, Any], names: Iterable[str], where: Path) -> tuple[str, ...]:
    """The file's list where it is one and all of it; else the layers that there are tensors for."""
    said = content.get("target_modules")
    some = any(content.get(key) for key in ("layers_to_transform", "exclude_modules"))
    if isinstance(said, list) and said and all(isinstance(one, str) for one in said) and not some:
        return tuple(sorted(said))
    matches = (_ADAPTED.fullmatch(name) for name in names)
    found = tuple(sorted({match[1] for match in matches if match}))
    if not found:
        raise ModelError(f"{where} does not say which layers are adapted, and its weights do not "
                         "either; take another checkpoint")  # fmt: skip
    return found

"""The optimizer of a candidate.

In: the trained parameters and a candidate. Out: AdamW, fused where the device has it, or with its
moments in 8 bits. Never: a learning rate of its own; the loop sets that before every step.
"""

import importlib.util
from collections.abc import Sequence
from typing import Any

from overnight.values.errors import InputError
from overnight.values.plan import Candidate

FUSED = ("cpu", "cuda")


def adamw(parameters: Sequence[Any], candidate: Candidate, device: str) -> Any:
    """AdamW; matrices are decayed as asked, vectors (biases, norms) are not, as is usual.

    Raises:
        InputError: 8-bit moments are asked for, and bitsandbytes is not installed.
    """
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": candidate.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    filled = [group for group in groups if group["params"]]
    options = {"lr": candidate.learning_rate, "betas": (0.9, candidate.adam_beta2)}
    if candidate.optim == "adamw_bnb_8bit":
        return _in_8_bits()(filled, **options)
    from torch.optim import AdamW

    return AdamW(filled, fused=device in FUSED, **options)  # type: ignore[arg-type]


def _in_8_bits() -> Any:
    """The class, of a library that not everybody has."""
    if importlib.util.find_spec("bitsandbytes") is None:
        raise InputError(
            "optim=adamw_bnb_8bit needs bitsandbytes: pip install 'overnight[qlora]', "
            "or take optim=adamw_torch"
        )
    from bitsandbytes.optim import AdamW8bit

    return AdamW8bit

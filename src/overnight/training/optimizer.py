"""The optimizer of a candidate.

In: the trained parameters and a candidate. Out: AdamW, fused where the device has it. Never: a
learning rate of its own; the loop sets that before every step.
"""

from collections.abc import Sequence
from typing import Any

from overnight.values.plan import Candidate

FUSED = ("cpu", "cuda")


def adamw(parameters: Sequence[Any], candidate: Candidate, device: str) -> Any:
    """AdamW; matrices are decayed as asked, vectors (biases, norms) are not, as is usual."""
    import torch

    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": candidate.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=candidate.learning_rate,
        betas=(0.9, candidate.adam_beta2),
        fused=device in FUSED,
    )

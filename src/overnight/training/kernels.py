"""Other people's fused kernels in a live model, where they were asked for.

In: a model, a candidate. Out: the same model, computing some of its parts otherwise. Never: a
kernel that nobody asked for, the loss (losses.py takes that at the learnt positions only).
"""

import importlib.util
from typing import Any

from overnight.values.errors import InputError
from overnight.values.plan import Candidate

PARTS = {"cross_entropy": False, "fused_linear_cross_entropy": False}
"""What Liger is told to leave alone; norms, rotary positions and gated layers are its own then."""


def fuse(model: Any, candidate: Candidate) -> None:
    """Liger's kernels, with `use_liger_kernel`.

    Raises:
        InputError: there is no CUDA card, Liger is not installed or does not know the model.
    """
    if not candidate.use_liger_kernel:
        return
    import torch

    if not torch.cuda.is_available():
        raise InputError("use_liger_kernel=true needs a CUDA card; leave it out here")
    if importlib.util.find_spec("liger_kernel") is None:
        raise InputError("use_liger_kernel=true needs liger-kernel: pip install liger-kernel")
    from liger_kernel.transformers import monkey_patch  # type: ignore[import-not-found]

    kind = model.config.model_type
    if kind not in monkey_patch.MODEL_TYPE_TO_APPLY_LIGER_FN:
        raise InputError(f"use_liger_kernel=true: Liger knows no kernels for {kind}; leave it out")
    monkey_patch._apply_liger_kernel_to_instance(model=model, **PARTS)

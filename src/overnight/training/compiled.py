"""A model's decoder layers compiled by torch, where that was asked for.

In: a prepared model, a candidate. Out: the same model, each layer compiled for rows of any length.
Never: compiles by itself: what it costs is known only on the machine, and what it computes is not
the same bit for bit in every process.
"""

import shutil
from typing import Any

from overnight.values.errors import InputError
from overnight.values.plan import Candidate

COMPILERS = ("c++", "g++", "clang++")


def compile_layers(model: Any, candidate: Candidate) -> None:
    """With `torch_compile`: layers that are alike are compiled once, at the first step.

    Raises:
        InputError: there is no compiler for a CPU, or the model's layers cannot be found.
    """
    if not candidate.torch_compile:
        return
    if _on_cpu() and not any(map(shutil.which, COMPILERS)):
        raise InputError("torch_compile=true needs a C++ compiler on a CPU: install g++, or leave "
                         "it out")  # fmt: skip
    layers = _layers(model)
    if not layers:
        raise InputError(f"torch_compile=true: the layers of {type(model).__name__} cannot be "
                         "found; leave it out")  # fmt: skip
    for layer in layers:
        layer.compile(dynamic=True)


def _on_cpu() -> bool:
    import torch

    return not (torch.cuda.is_available() or torch.backends.mps.is_available())


def _layers(model: Any) -> list[Any]:
    """The longest list of layers that transformers could checkpoint."""
    from torch.nn import ModuleList

    stacks = [list(part) for part in model.modules() if isinstance(part, ModuleList)]
    found = [stack for stack in stacks if hasattr(stack[0], "gradient_checkpointing")]
    return max(found, key=len, default=[])

"""overnight: the best model you could have had by your deadline, on disk by your deadline.

In: nothing happens on import. Out: the public face, about a dozen names; what is heavy is loaded
when it is first asked for. Never: torch, before a night needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from overnight.values.errors import InputError, NoPlanFits, OvernightError
from overnight.values.plan import Candidate, Plan
from overnight.values.request import Request, Settings, Window

if TYPE_CHECKING:
    from overnight.adapters.optimizer import (
        H100OptimizationProfile,
        OptimizationProfile,
        optimize_for_dataset,
    )
    from overnight.adapters.transformers import DeadlineCallback
    from overnight.night import survey
    from overnight.probe.clock import SystemClock
    from overnight.story.foresight import propose
    from overnight.supervise import run as train

__version__ = "0.1.0"
__all__ = [
    "Candidate",
    "DeadlineCallback",
    "H100OptimizationProfile",
    "InputError",
    "NoPlanFits",
    "OptimizationProfile",
    "OvernightError",
    "Plan",
    "Request",
    "Settings",
    "SystemClock",
    "Window",
    "optimize_for_dataset",
    "propose",
    "survey",
    "train",
]
_LATE = {
    "DeadlineCallback": ("overnight.adapters.transformers", "DeadlineCallback"),
    "H100OptimizationProfile": ("overnight.adapters.optimizer", "H100OptimizationProfile"),
    "OptimizationProfile": ("overnight.adapters.optimizer", "OptimizationProfile"),
    "SystemClock": ("overnight.probe.clock", "SystemClock"),
    "optimize_for_dataset": ("overnight.adapters.optimizer", "optimize_for_dataset"),
    "propose": ("overnight.story.foresight", "propose"),
    "survey": ("overnight.night", "survey"),
    "train": ("overnight.supervise", "run"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module 'overnight' has no attribute '{name}'")
    module, attribute = _LATE[name]
    return getattr(import_module(module), attribute)

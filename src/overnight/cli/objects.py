"""What `--json` prints: one object a command, of JSON's own types.

In: values. Out: dictionaries whose keys are promises to programs. Never: printing.
"""

from typing import Any

from overnight.codec import to_json
from overnight.values.facts import DatasetProfile, Hardware, ModelProfile
from overnight.values.plan import Plan
from overnight.values.request import Request

_GB = 1e9
_HOUR = 3600.0


def plan_object(
    request: Request, plan: Plan, *, dataset: DatasetProfile, model: ModelProfile,
    hardware: Hardware,
) -> dict[str, Any]:  # fmt: skip
    """A plan: request, window, dataset, model, hardware, candidate, estimate, rejections."""
    return {
        "request": to_json(request),
        "window": to_json(request.window) | {"window_seconds": plan.window_seconds},
        "dataset": dataset_object(dataset),
        "model": to_json(model),
        "hardware": to_json(hardware),
        "candidate": to_json(plan.candidate),
        "estimate": _estimate(plan),
        "rejections": to_json(plan.rejections),
        "what_ifs": to_json(plan.what_ifs),
        "memory": to_json(plan.memory),
        "notes": list(plan.notes),
    }


def dataset_object(dataset: DatasetProfile) -> dict[str, Any]:
    """A dataset's profile with the mean row length that guide 4 names."""
    profile: dict[str, Any] = to_json(dataset)
    return profile | {"avg_tokens_per_sample": dataset.avg_tokens_per_sample}


def _estimate(plan: Plan) -> dict[str, Any]:
    """Hours of the whole night, ending included, nine times in ten between low and high."""
    time, total = plan.time, plan.time.total
    return {
        "total_steps": time.total_steps,
        "tokens_per_second": time.tokens_per_second.mid,
        "estimated_hours": total.mid / _HOUR,
        "low_hours": total.low / _HOUR,
        "high_hours": total.high / _HOUR,
        "fits_in_window": time.fits_in_window,
        "peak_memory_gb": plan.memory.peak_bytes / _GB,
        "fits_in_memory": plan.memory.peak_bytes <= plan.memory_limit_bytes,
        "source": time.source,
    }

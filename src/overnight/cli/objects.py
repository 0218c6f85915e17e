"""What `--json` prints: one object a command, of JSON's own types.

In: values. Out: dictionaries whose keys are promises to programs. Never: printing.
"""

from collections.abc import Mapping
from typing import Any

from overnight.codec import to_json
from overnight.report.summary import estimate
from overnight.values.facts import DatasetProfile, Hardware, ModelProfile
from overnight.values.plan import Plan
from overnight.values.request import Request


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
        "estimate": estimate(plan),
        "rejections": to_json(plan.rejections),
        "what_ifs": to_json(plan.what_ifs),
        "memory": to_json(plan.memory),
        "notes": list(plan.notes),
    }


def against_object(others: Mapping[str, Plan | str]) -> dict[str, Any]:
    """Other settings for the same job under `against`; nothing where none was named."""
    told = {
        name: {"why": one} if isinstance(one, str)
        else {"candidate": to_json(one.candidate), "estimate": estimate(one)}
        for name, one in others.items()
    }  # fmt: skip
    return {"against": told} if told else {}


def dataset_object(dataset: DatasetProfile) -> dict[str, Any]:
    """A dataset's profile with the mean row length that guide 4 names."""
    profile: dict[str, Any] = to_json(dataset)
    return profile | {"avg_tokens_per_sample": dataset.avg_tokens_per_sample}

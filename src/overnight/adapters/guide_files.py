"""Guide 4's files: `training_config.json`, and the report that is written before training.

In: paths, a profile with its estimate, a clock. Out: arguments, a JSON file with the guide's keys,
the accuracy of an estimate. Never: training.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from overnight.adapters.estimate import Estimate
from overnight.adapters.profiles import PROFILES, OptimizationProfile, positive
from overnight.codec import to_json
from overnight.planning.advice import GOOD_ACCURACY
from overnight.probe.clock import Clock, SystemClock
from overnight.values.errors import InputError

_KEYS = {"num_train_epochs": "num_epochs", "optimization_priority": "priority",
         "max_training_hours": "max_hours"}  # fmt: skip
"""The guide's key -> the argument of `optimize_for_dataset`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """What a `training_config.json` says; None where it says nothing."""

    num_train_epochs: float | None = None
    optimization_priority: str | None = None
    max_training_hours: float | None = None
    base_model: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """For `optimize_for_dataset(**config.arguments)`: what was said, under its names."""
        return {name: getattr(self, key) for key, name in _KEYS.items()
                if getattr(self, key) is not None}  # fmt: skip


def read_training_config(path: str | Path) -> TrainingConfig:
    """The guide's `training_config.json`; other keys in it are other programs' business.

    Raises:
        InputError: it cannot be read, is no JSON object, or a value is not what it must be.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON in UTF-8: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected one JSON object with keys such as num_train_epochs")
    said = {key: value for key, value in data.items() if value is not None}
    for key in ("num_train_epochs", "max_training_hours"):
        if key in said:
            said[key] = _number(f"{path}: {key}", said[key])
    for key, choices in (("optimization_priority", (*PROFILES, "auto")), ("base_model", None)):
        if key in said:
            _text(f"{path}: {key}", said[key], choices=choices)
    return TrainingConfig(**{key: said[key] for key in (*_KEYS, "base_model") if key in said})


def _number(name: str, value: object) -> float:
    if isinstance(value, str):
        raise InputError(f"{name} is {value!r}; expected a number, without quotes")
    return positive(name, value)


def _text(name: str, value: object, *, choices: tuple[str, ...] | None) -> None:
    if not isinstance(value, str) or not value:
        raise InputError(f"{name} is {value!r}; expected text")
    if choices and value not in choices:
        raise InputError(f"{name} is {value!r}; expected one of {', '.join(choices)}")


def report_object(
    profile: OptimizationProfile, estimate: Estimate, *, clock: Clock
) -> dict[str, Any]:
    """The report under the guide's keys, and beside them `truth`: what is known of its figures."""
    now = datetime.fromtimestamp(clock.utc())
    return {
        "timestamp": now.isoformat(timespec="seconds"),
        "max_training_hours": estimate.max_hours,
        "profile_name": profile.name,
        "profile": {
            "batch_size": profile.batch_size,
            "gradient_accumulation_steps": profile.gradient_accumulation_steps,
            "estimated_throughput": profile.estimated_throughput,
        },
        "estimate": {
            "total_steps": estimate.total_steps,
            "estimated_hours": round(estimate.estimated_hours, 2),
            "fits_in_window": estimate.fits_in_window,
        },
        "dataset_info": {
            "num_samples": estimate.num_samples,
            "avg_tokens_per_sample": _plain(estimate.avg_tokens_per_sample),
        },
        "truth": to_json(estimate.truth),
    }


def _plain(value: float) -> float:
    """Whole numbers as the guide writes them: 500."""
    return int(value) if float(value).is_integer() else value


def save_report(
    path: str | Path,
    *,
    profile: OptimizationProfile,
    estimate: Estimate,
    clock: Clock | None = None,
) -> Path:
    """Write the report; its folder is made. Before training, so that it is there whatever comes.

    Raises:
        InputError: it cannot be written there.
    """
    told = report_object(profile, estimate, clock=clock or SystemClock())
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(told, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    return target


def accuracy(estimated_hours: float, *, actual_hours: float) -> float:
    """Guide 4's accuracy in per cent: 100 where the estimate came true, more where it was quicker.

    >>> round(accuracy(4.17, actual_hours=4.5), 1)
    92.7

    Raises:
        ArgumentError: a figure is not positive.
    """
    return (100 * positive("estimated_hours", estimated_hours)
            / positive("actual_hours", actual_hours))  # fmt: skip


def is_good(percent: float) -> bool:
    """Whether an accuracy lies within guide 4's 85 to 115 per cent.

    >>> is_good(92.7), is_good(120.0)
    (True, False)
    """
    low, high = GOOD_ACCURACY
    return low <= percent <= high

"""Guide 4's four profiles, and its rules for choosing among them.

In: the size of a data set and the length of its rows. Out: profiles with the guide's own figures.
Never: a measured figure (truth.py sets those beside).
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from overnight.values.errors import ArgumentError

SOURCE = "guide 4's own figures, which nobody measured"
SLOWEST = 300.0
"""Tokens a second where a profile names none: the lowest of the guide's four, so that what is
unknown makes an estimate too long rather than too short."""

LARGEST = 10**12
"""A larger count is a slip of the pen."""

Choice = Literal["fast", "balanced", "quality", "memory_efficient", "auto"]


@dataclass(frozen=True, slots=True)
class OptimizationProfile:
    """Settings with the pace and the memory that they are believed to have.

    >>> OptimizationProfile(batch_size=6, gradient_accumulation_steps=6, max_length=3072).rows
    36

    Raises:
        ArgumentError: a figure is not positive.
    """

    batch_size: int
    """Rows of a micro-batch, on one device."""
    gradient_accumulation_steps: int
    max_length: int
    """Tokens of a row; longer rows are cut."""
    num_workers: int = 4
    use_gradient_checkpointing: bool = True
    """On in the guide's example of a profile; of its four it says nothing."""
    use_bf16: bool = True
    """Taken where the accelerator has it; see arguments.py."""
    use_fused_optimizer: bool = True
    estimated_throughput: float = SLOWEST
    """Tokens a second: a belief until a run has measured it."""
    memory_usage_gb: float | None = None
    """Peak, in 1e9 bytes; None where nobody knows."""
    name: str = "custom"

    def __post_init__(self) -> None:
        for field in ("batch_size", "gradient_accumulation_steps", "max_length"):
            whole(field, getattr(self, field))
        whole("num_workers", self.num_workers, least=0)
        positive("estimated_throughput", self.estimated_throughput)
        if self.memory_usage_gb is not None:
            positive("memory_usage_gb", self.memory_usage_gb)

    @property
    def rows(self) -> int:
        """Rows of one optimizer step."""
        return self.batch_size * self.gradient_accumulation_steps

    def with_batch(self, factor: float) -> "OptimizationProfile":
        """The micro-batch times about `factor`, the rows of a step kept near what they were."""
        batch = max(1, round(self.batch_size * factor))
        return replace(self, batch_size=batch,
                       gradient_accumulation_steps=max(1, round(self.rows / batch)))  # fmt: skip


def whole(name: str, value: object, *, least: int = 1) -> int:
    """The value as an int; numpy's integers are taken too.

    Raises:
        ArgumentError: it is no whole number from `least` to `LARGEST`.
    """
    known = hasattr(value, "__index__") and not isinstance(value, bool)
    if not known or not least <= int(value) <= LARGEST:  # type: ignore[call-overload]
        raise ArgumentError(
            f"{name} is {value!r}; expected a whole number from {least} to a trillion"
        )
    return int(value)  # type: ignore[call-overload, no-any-return]


def positive(name: str, value: object) -> float:
    """The value as a float.

    Raises:
        ArgumentError: it is no finite number above zero.
    """
    known = hasattr(value, "__float__") and not isinstance(value, bool)
    number = float(value) if known else math.nan  # type: ignore[arg-type]
    if not 0 < number < math.inf:
        raise ArgumentError(f"{name} is {value!r}; expected a number above 0")
    return number


PROFILES: dict[str, OptimizationProfile] = {
    profile.name: profile
    for profile in (
        OptimizationProfile(8, 4, 1024, estimated_throughput=1200.0, memory_usage_gb=75.0,
                            name="fast"),
        OptimizationProfile(4, 8, 2048, estimated_throughput=800.0, memory_usage_gb=60.0,
                            name="balanced"),
        OptimizationProfile(2, 16, 4096, estimated_throughput=400.0, memory_usage_gb=70.0,
                            name="quality"),
        OptimizationProfile(1, 32, 2048, estimated_throughput=300.0, memory_usage_gb=45.0,
                            name="memory_efficient"),
    )
}  # fmt: skip
"""Source: guide 4, "Optimization Profiles", for a 12B model on one H100. The figures are claims."""


def named(priority: str) -> OptimizationProfile:
    """One of the four.

    Raises:
        ArgumentError: there is none of that name.
    """
    if not isinstance(priority, str) or priority not in PROFILES:
        raise ArgumentError(
            f"priority is {priority!r}; expected one of {', '.join(PROFILES)}, auto"
        )
    return PROFILES[priority]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRule:
    """What the guide advises for data of one size."""

    profile: OptimizationProfile
    epochs: int
    words: str


def for_size(num_samples: int) -> SizeRule:
    """The guide's rule by number of rows.

    >>> [for_size(rows).profile.name for rows in (4_999, 5_000, 15_000, 15_001)]
    ['quality', 'balanced', 'balanced', 'fast']
    """
    if num_samples < 5_000:
        return SizeRule(profile=PROFILES["quality"], epochs=4, words="under 5,000 rows")
    if num_samples <= 15_000:
        return SizeRule(profile=PROFILES["balanced"], epochs=3, words="5,000 to 15,000 rows")
    return SizeRule(profile=PROFILES["fast"], epochs=2, words="over 15,000 rows")


def for_length(profile: OptimizationProfile, avg_tokens_per_sample: float) -> OptimizationProfile:
    """The profile by the guide's rule for short and long rows; its pace stays as it was.

    >>> short = for_length(PROFILES["balanced"], 200)
    >>> short.batch_size, short.gradient_accumulation_steps, short.max_length
    (8, 4, 1024)
    """
    if avg_tokens_per_sample < 300:
        return replace(profile.with_batch(2), max_length=1024)
    if avg_tokens_per_sample > 800:
        return replace(profile.with_batch(0.5), max_length=4096)
    return profile

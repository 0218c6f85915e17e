"""Guide 4's estimate: tokens over tokens a second, steps, and whether it fits.

In: the data's size, epochs, a window in hours, a profile. Out: `Estimate`. Never: a measurement;
what is true of these hours is set beside them (truth.py).
"""

import math
from dataclasses import dataclass

from overnight.adapters.profiles import SOURCE, OptimizationProfile, positive, whole
from overnight.adapters.truth import Truth, show_hours
from overnight.values.plan import WhatIf

MARGIN_HOURS = 0.5
"""Guide 4: kept for the last checkpoint and for cleaning up."""
CONSERVATIVE = 0.7
"""Guide 4: of the profile's throughput, where the estimate must rather be too long."""
TOO_FAST = 0.5
"""Guide 4 calls a run under 6 of 12 hours too fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be done, and the time that there is.

    Raises:
        ArgumentError: a figure is not positive.
    """

    num_samples: int
    avg_tokens_per_sample: float
    num_epochs: float
    max_hours: float
    conservative: bool = False

    def __post_init__(self) -> None:
        whole("num_samples", self.num_samples)
        for field in ("avg_tokens_per_sample", "num_epochs", "max_hours"):
            positive(field, getattr(self, field))

    @property
    def available_hours(self) -> float:
        """The window without the guide's half hour."""
        return self.max_hours - MARGIN_HOURS

    def tokens(self, profile: OptimizationProfile) -> float:
        """Tokens of all epochs; a row is cut at the profile's `max_length`."""
        row = min(self.avg_tokens_per_sample, profile.max_length)
        return self.num_samples * row * self.num_epochs

    def pace(self, profile: OptimizationProfile) -> float:
        """Tokens a second that are counted with."""
        return profile.estimated_throughput * (CONSERVATIVE if self.conservative else 1.0)

    def hours(self, profile: OptimizationProfile) -> float:
        """The guide's formula: tokens over tokens a second.

        >>> from overnight.adapters.profiles import PROFILES
        >>> job = Job(num_samples=8000, avg_tokens_per_sample=500, num_epochs=3, max_hours=12)
        >>> [round(job.hours(PROFILES[name]), 2) for name in ("balanced", "quality")]
        [4.17, 8.33]
        """
        return self.tokens(profile) / self.pace(profile) / 3600

    def fits(self, profile: OptimizationProfile) -> bool:
        """Whether it is over half an hour before the window is."""
        return self.hours(profile) <= self.available_hours

    def too_fast(self, profile: OptimizationProfile) -> bool:
        """Whether it ends before half of the window."""
        return self.hours(profile) < TOO_FAST * self.max_hours

    def steps(self, profile: OptimizationProfile) -> int:
        """Optimizer steps as the Trainer counts them: an epoch's last one may be short."""
        an_epoch = -(-self.num_samples // profile.rows)
        return max(1, math.ceil(an_epoch * self.num_epochs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Guide 4's estimate of one run; `estimate["total_steps"]` reads as `estimate.total_steps`."""

    profile_name: str
    num_samples: int
    avg_tokens_per_sample: float
    num_epochs: float
    max_hours: float
    total_tokens: float
    total_steps: int
    tokens_per_second: float
    """What was counted with: the profile's, or 0.7 of it."""
    estimated_hours: float
    available_hours: float
    fits_in_window: bool
    truth: Truth
    """What is known of these figures, each with its interval and its source."""
    adjustments: tuple[WhatIf, ...] = ()
    """What was changed to make it fit, or by the guide's rules, in order."""
    suggestions: tuple[WhatIf, ...] = ()
    """What could be changed: it is too slow, or over before half of the window."""
    source: str = SOURCE

    def __str__(self) -> str:
        """For people: the estimate, what is true, what was changed, what could be."""
        fits = "fits" if self.fits_in_window else "does not fit"
        hours = show_hours(self.estimated_hours)
        return "\n".join((
            f"{self.profile_name}: {self.total_steps:,} steps, {hours} h, "
            f"{fits} into {self.available_hours:g} h ({self.source})",
            *(f"true     {sentence}" for sentence in self.truth.sentences),
            *(f"changed  {each.what}: {each.effect}" for each in self.adjustments),
            *(f"could    {each.what}: {each.effect}" for each in self.suggestions),
        ))  # fmt: skip

    def __getitem__(self, name: str) -> object:
        if name.startswith("_") or not hasattr(self, name):
            raise KeyError(name)
        return getattr(self, name)


def estimated(
    job: Job,
    profile: OptimizationProfile,
    *,
    truth: Truth,
    adjustments: tuple[WhatIf, ...] = (),
    suggestions: tuple[WhatIf, ...] = (),
) -> Estimate:
    """The estimate of a profile, with what was changed and what could be."""
    return Estimate(
        profile_name=profile.name,
        num_samples=job.num_samples,
        avg_tokens_per_sample=job.avg_tokens_per_sample,
        num_epochs=job.num_epochs,
        max_hours=job.max_hours,
        total_tokens=job.tokens(profile),
        total_steps=job.steps(profile),
        tokens_per_second=job.pace(profile),
        estimated_hours=job.hours(profile),
        available_hours=job.available_hours,
        fits_in_window=job.fits(profile),
        truth=truth,
        adjustments=adjustments,
        suggestions=suggestions,
    )

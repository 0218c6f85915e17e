"""Guide 4's interface: `optimize_for_dataset`, `OptimizationProfile`.

In: the data's size, epochs, a priority, a window in hours. Out: a profile, its estimate by the
guide's formula with what is true beside it, and `TrainingArguments`. Never: training; a change
that is not listed in the estimate.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from overnight.adapters import remedies
from overnight.adapters.arguments import training_arguments
from overnight.adapters.estimate import Estimate, Job, estimated
from overnight.adapters.guide_files import (
    TrainingConfig,
    accuracy,
    is_good,
    read_training_config,
    save_report,
)
from overnight.adapters.profiles import (
    PROFILES,
    Choice,
    OptimizationProfile,
    for_length,
    for_size,
    named,
    positive,
    whole,
)
from overnight.adapters.remedies import against_memory
from overnight.adapters.truth import CARD, TWELVE_B, Truth, beside_what_is_true
from overnight.values.errors import ArgumentError
from overnight.values.facts import Hardware, ModelProfile
from overnight.values.plan import WhatIf

if TYPE_CHECKING:
    from transformers import TrainingArguments

__all__ = [
    "PROFILES",
    "Estimate",
    "H100OptimizationProfile",
    "OptimizationProfile",
    "TrainingConfig",
    "Truth",
    "accuracy",
    "against_memory",
    "beside_what_is_true",
    "for_length",
    "for_size",
    "is_good",
    "optimize_for_dataset",
    "read_training_config",
    "save_report",
]

H100OptimizationProfile = OptimizationProfile
"""The guide's name for it."""


class Options(TypedDict, total=False):
    """What `optimize_for_dataset` takes beside the guide's arguments."""

    profile: OptimizationProfile | None
    """A profile of your own, in place of the priority's."""
    conservative: bool
    """Count with 0.7 of the profile's throughput."""
    adjust: bool
    """Where it does not fit, take the guide's remedies in its order until it does."""
    output_dir: str | None
    """Where the Trainer writes; `runs/guide4-NAME`, where none is given."""
    report: str | Path | None
    """Where the report is written, before anything is trained."""
    model: ModelProfile
    """For what is true: a 12B, where none is given."""
    card: Hardware | str
    """Likewise, by its name or as it was looked at: an H100, where none is given."""


def optimize_for_dataset(
    num_samples: int,
    *,
    avg_tokens_per_sample: float,
    num_epochs: float | None = 3,
    priority: Choice = "balanced",
    max_hours: float = 12.0,
    **options: Unpack[Options],
) -> tuple[OptimizationProfile, Estimate, "TrainingArguments"]:
    """Guide 4's call: a profile, its estimate, and arguments for a Trainer.

    `priority="auto"` takes the guide's rules for the data's size and the rows' length;
    `num_epochs=None` takes the size rule's. See `Options` for the rest.

    Raises:
        ArgumentError: an argument is unknown or not what it must be; its name comes first.
        InputError: the report cannot be written.
    """
    _refuse_unknown(options)
    rows = whole("num_samples", num_samples)
    epochs = for_size(rows).epochs if num_epochs is None else num_epochs
    asked = Job(
        num_samples=rows,
        avg_tokens_per_sample=positive("avg_tokens_per_sample", avg_tokens_per_sample),
        num_epochs=positive("num_epochs", epochs),
        max_hours=positive("max_hours", max_hours),
        conservative=bool(options.get("conservative", False)),
    )
    start, by_rule = _start(asked, priority=priority, given=options.get("profile"))
    job, profile = asked, start
    taken: tuple[WhatIf, ...] = ()
    if options.get("adjust", False):
        (job, profile), taken = remedies.adjusted(asked, start)
    truth = _known(job, profile, options)
    estimate = estimated(
        job,
        profile,
        truth=truth,
        adjustments=(*by_rule, *taken),
        suggestions=_suggested(job, profile, truth=truth),
    )
    path, folder = options.get("report"), options.get("output_dir")
    if path is not None:
        save_report(path, profile=profile, estimate=estimate)
    return profile, estimate, training_arguments(profile, estimate, output_dir=folder)


def _known(job: Job, profile: OptimizationProfile, options: Options) -> Truth:
    return beside_what_is_true(
        profile,
        tokens=job.tokens(profile),
        row_tokens=min(job.avg_tokens_per_sample, profile.max_length),
        model=options.get("model", TWELVE_B),
        card=options.get("card", CARD),
    )


def _refuse_unknown(options: Mapping[str, object]) -> None:
    known = tuple(Options.__annotations__)
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise ArgumentError(f"{name} is no argument of optimize_for_dataset; {hint}")


def _start(
    job: Job, *, priority: str, given: OptimizationProfile | None
) -> tuple[OptimizationProfile, tuple[WhatIf, ...]]:
    """Your own profile, the priority's, or what the guide's rules make of the data."""
    if given is not None:
        if not isinstance(given, OptimizationProfile):
            kind = type(given).__name__
            raise ArgumentError(f"profile is a {kind}; expected an OptimizationProfile")
        return given, ()
    if priority != "auto":
        return named(priority), ()
    rule = for_size(job.num_samples)
    by_size = WhatIf(what=f"profile {rule.profile.name}", effect=f"the guide's, {rule.words}")
    profile = for_length(rule.profile, job.avg_tokens_per_sample)
    if profile == rule.profile:
        return profile, (by_size,)
    by_length = WhatIf(
        what=f"batch_size {profile.batch_size}, max_length {profile.max_length}",
        effect=f"the guide's, rows of {job.avg_tokens_per_sample:g} tokens; {remedies.UNCOUNTED}",
    )
    return profile, (by_size, by_length)


def _suggested(job: Job, profile: OptimizationProfile, *, truth: Truth) -> tuple[WhatIf, ...]:
    """The guide's remedies: too slow or over too early, and no way to train fits into the card."""
    memory = () if truth.likely.fits else against_memory(profile)
    if not job.fits(profile):
        return (*memory, *remedies.against_slow(job, profile))
    early = job.too_fast(profile) and truth.likely.fits
    return (*memory, *(remedies.against_fast(job, profile) if early else ()))

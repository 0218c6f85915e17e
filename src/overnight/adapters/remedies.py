"""Guide 4's remedies: too slow, too fast, out of memory.

In: the job and a profile. Out: the changes in the guide's order, each with its effect by the
guide's formula. Never: taking one unasked (only `adjusted` changes anything).
"""

import math
from collections.abc import Callable
from dataclasses import replace

from overnight.adapters.estimate import Job
from overnight.adapters.profiles import PROFILES, OptimizationProfile
from overnight.adapters.truth import show_hours
from overnight.values.plan import WhatIf

SHORTEST = 512
"""Tokens to which `max_length` is cut at most; under it few conversations stay whole. Ours."""
CARD_GB = 80.0
"""Memory of the guide's card."""
CHECKPOINTING = "slower: LoRA computes 45 % more, full fine-tuning 31 % more"
"""Counted by PyTorch's profiler on Llama-3.1-8B at 4,096 tokens (published by Anyscale)."""
UNCOUNTED = "no figure in the guide, so its estimate stays"

Setting = tuple[Job, OptimizationProfile]
Remedy = Callable[[Job, OptimizationProfile], tuple[Setting, str] | None]


def _faster(job: Job, profile: OptimizationProfile) -> tuple[Setting, str] | None:
    fast = PROFILES["fast"]
    if fast.estimated_throughput <= profile.estimated_throughput:
        return None
    cuts = fast.max_length < min(profile.max_length, job.avg_tokens_per_sample)
    words = f", which cuts rows at {fast.max_length} tokens" if cuts else ""
    return (job, fast), f"profile fast in place of {profile.name}{words}"


def _fewer_epochs(job: Job, profile: OptimizationProfile) -> tuple[Setting, str] | None:
    """The most whole epochs that fit; one, where not even one does."""
    most = math.ceil(job.num_epochs) - 1
    if most < 1:
        return None
    an_epoch = job.hours(profile) / job.num_epochs
    epochs = max(1, min(most, math.floor(job.available_hours / an_epoch)))
    changed = replace(job, num_epochs=epochs)
    return (changed, profile), f"num_epochs {epochs} in place of {job.num_epochs:g}"


def _shorter_rows(job: Job, profile: OptimizationProfile) -> tuple[Setting, str] | None:
    """Half as long until it fits; nothing, where no row would become shorter by it."""
    length = profile.max_length
    while length // 2 >= SHORTEST and not job.fits(replace(profile, max_length=length)):
        length //= 2
    if length >= min(profile.max_length, job.avg_tokens_per_sample):
        return None
    what = f"max_length {length} in place of {profile.max_length}, which cuts rows"
    return (job, replace(profile, max_length=length)), what


def _larger_batch(job: Job, profile: OptimizationProfile) -> tuple[Setting, str]:
    """Twice the micro-batch takes at most twice the memory: only where that is known to fit."""
    memory, rows = profile.memory_usage_gb, profile.batch_size
    if memory is None:
        return (job, profile), f"batch_size stays {rows}: nobody knows what memory it takes"
    if 2 * memory > CARD_GB:
        why = f"with {memory:g} of {CARD_GB:g} GB in use, twice the rows may not fit"
        return (job, profile), f"batch_size stays {rows}: {why}"
    larger = replace(profile.with_batch(2), memory_usage_gb=2 * memory)
    return (job, larger), f"batch_size {larger.batch_size} in place of {rows}"


TOO_SLOW: tuple[Remedy, ...] = (_faster, _fewer_epochs, _shorter_rows, _larger_batch)
"""Guide 4's order."""


def adjusted(job: Job, profile: OptimizationProfile) -> tuple[Setting, tuple[WhatIf, ...]]:
    """The remedies against too slow, one after the other until it fits, and which were taken."""
    taken = []
    for remedy in TOO_SLOW:
        found = None if job.fits(profile) else remedy(job, profile)
        if found is not None:
            (after, chosen), what = found
            taken.append(WhatIf(what=what, effect=_effect((job, profile), (after, chosen))))
            job, profile = after, chosen
    return (job, profile), tuple(taken)


def _effect(before: Setting, after: Setting) -> str:
    old, new = (job.hours(profile) for job, profile in (before, after))
    return UNCOUNTED if math.isclose(old, new) else f"{show_hours(old)} h -> {show_hours(new)} h"


def against_slow(job: Job, profile: OptimizationProfile) -> tuple[WhatIf, ...]:
    """Each remedy by itself, and the window that would do as things are."""
    found = [remedy(job, profile) for remedy in TOO_SLOW]
    alone = [WhatIf(what=each[1], effect=_effect((job, profile), each[0]))
             for each in found if each]  # fmt: skip
    enough = math.ceil(100 * (job.hours(profile) + job.max_hours - job.available_hours)) / 100
    longer = WhatIf(what=f"max_hours {enough:g} in place of {job.max_hours:g}",
                    effect="fits as it is")  # fmt: skip
    return (*alone, longer)


def against_fast(job: Job, profile: OptimizationProfile) -> tuple[WhatIf, ...]:
    """What the guide advises for a run that ends before half of the window."""
    quality, more = PROFILES["quality"], math.floor(job.num_epochs) + 1
    longer = replace(profile, max_length=2 * profile.max_length)
    smaller = profile.with_batch(0.5)
    choices: list[tuple[str, Setting]] = []
    if quality.estimated_throughput < profile.estimated_throughput:
        choices.append((f"profile quality in place of {profile.name}", (job, quality)))
    choices += [
        (f"num_epochs {more} in place of {job.num_epochs:g}",
         (replace(job, num_epochs=more), profile)),
        (f"max_length {longer.max_length} in place of {profile.max_length}", (job, longer)),
    ]  # fmt: skip
    if smaller.batch_size < profile.batch_size:
        what = f"batch_size {smaller.batch_size} in place of {profile.batch_size}"
        choices.append((what, (job, smaller)))
    return tuple(WhatIf(what=what, effect=_effect((job, profile), after))
                 for what, after in choices)  # fmt: skip


def against_memory(profile: OptimizationProfile) -> tuple[WhatIf, ...]:
    """What the guide advises when the card's memory is not enough, in its order.

    >>> [each.what for each in against_memory(PROFILES["balanced"])][0]
    'profile memory_efficient in place of balanced'
    """
    least, smaller = PROFILES["memory_efficient"], profile.with_batch(0.5)
    shorter = max(profile.max_length // 2, 1)
    choices = (
        (profile.name != least.name, f"profile {least.name} in place of {profile.name}",
         f"{least.memory_usage_gb:g} GB by the guide"),
        (smaller.batch_size < profile.batch_size,
         f"batch_size {smaller.batch_size} in place of {profile.batch_size}",
         f"{smaller.gradient_accumulation_steps} of them a step"),
        (True, f"max_length {shorter} in place of {profile.max_length}", "cuts longer rows"),
        (not profile.use_gradient_checkpointing, "use_gradient_checkpointing=True", CHECKPOINTING),
    )  # fmt: skip
    return tuple(WhatIf(what=what, effect=effect) for there, what, effect in choices if there)

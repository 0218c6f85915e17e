"""Candidates, estimated: which fit, which of them is the plan, and why the others are not.

In: a question. Out: `Judged` values, the best of them, rejections. Never: a clock, a measurement;
what history taught corrects the arithmetic.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from overnight.planning import budget, candidates, memory, pace
from overnight.planning.candidates import Method
from overnight.planning.curriculum import fullest
from overnight.planning.lengths import mean_cut
from overnight.planning.lessons import corrected
from overnight.planning.profiles import weights
from overnight.planning.question import Question
from overnight.values.errors import NoPlanFits
from overnight.values.facts import Interval
from overnight.values.plan import Candidate, MemoryEstimate, Rejection
from overnight.values.units import show_bytes, show_count

HOST_SHARE = 0.9
"""Of a host's free memory, how much may be planned with: other programs live there too."""
WORTH_CHECKPOINTING = 0.85
"""Of the best pace: where room for it comes from computing layers again, less is no gain that the
estimate could tell (half of its errors are over 8 %, bench/results/pace.md)."""
WORTH_A_METHOD = 0.9
"""Of the memory of a method that is wanted more: what a slower one must stay under to be taken. A
judgement; LoRA's 16 bits became 4 for 0.69 of the memory at 8B, for 0.97 at 1B."""
WORTH_CUTTING = 0.5
"""Where rows cut shorter would lose more than this share of all tokens they are no plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A candidate with what it needs."""

    candidate: Candidate
    memory: MemoryEstimate
    prior: Interval
    """Tokens per second by the arithmetic alone."""
    pace: Interval
    """The same, with what history taught."""


def whole(question: Question) -> int:
    """Bytes of device memory that any plan may use."""
    host = HOST_SHARE if question.hardware.device == "cpu" else 1.0
    return int(host * question.hardware.memory_free_bytes)


def limit(question: Question) -> int:
    """Bytes of device memory that the priority plans with, if anything fits into them."""
    return int(weights(question.request.priority).memory_share * whole(question))


def judge(question: Question, candidate: Candidate) -> Judged:
    """What a candidate needs and how fast it goes."""
    prior = pace.data_pace(candidate, question.model, question.hardware, question.dataset)
    prior = prior.scaled(1.0 / budget.slowed(question, candidate))
    lessons = question.lessons
    return Judged(
        candidate=candidate,
        memory=memory.estimate(fullest(candidate), question.model, device=question.hardware.device,
                               lesson=lessons.about("peak_bytes")),
        prior=prior,
        pace=corrected(prior, lessons.about("tokens_per_second")),
    )  # fmt: skip


def fits(question: Question, judged: Judged) -> bool:
    """Whether peak and margin stay within the memory."""
    return judged.memory.needed_bytes <= limit(question)


def best(question: Question, judged: Sequence[Judged]) -> Judged:
    """The smallest step whose pace comes near the best; among equals the fastest, then smallest."""
    near = weights(question.request.priority).pace_share
    judged = _undivided(judged)
    top = max(one.pace.mid for one in judged)
    plain = [one for one in judged if not one.candidate.gradient_checkpointing]
    if any(one.pace.mid >= WORTH_CHECKPOINTING * top for one in plain):
        judged, top = plain, max(one.pace.mid for one in plain)
    enough = [one for one in judged if one.pace.mid >= near * top]
    fewest = min(one.candidate.rows_per_step for one in enough)
    equals = [one for one in enough if one.candidate.rows_per_step == fewest]
    quickest = max(one.pace.mid for one in equals)
    # Of two within a hundredth the estimate cannot tell: the one that needs less memory.
    alike = [one for one in equals if one.pace.mid >= 0.99 * quickest]
    return min(alike, key=lambda one: one.memory.needed_bytes)


def _undivided(judged: Sequence[Judged]) -> list[Judged]:
    """Of equal steps the one in the fewest micro-batches: cutting a step up saves memory only.

    (Measured on two cores, 0.26 and 3.3 M parameters: 4 rows at once are 1.3 to 1.7 times as fast
    as 4 times one row.)
    """
    least: dict[tuple[object, ...], Judged] = {}
    for one in judged:
        mine = one.candidate
        kind = (mine.rows_per_step, mine.gradient_checkpointing, mine.checkpoint_every, mine.optim,
                mine.loss_chunk_size, mine.max_tokens_per_micro_batch)  # fmt: skip
        before = least.get(kind)
        steps = mine.gradient_accumulation_steps
        if before is None or steps < before.candidate.gradient_accumulation_steps:
            least[kind] = one
    return list(least.values())


def chosen(question: Question) -> tuple[Judged, list[Judged]]:
    """The plan's candidate, and all others that were looked at on the way.

    Whole rows before cut ones; at each length the method that is wanted most among those that fit
    into the priority's share of the memory, and where none does the one that needs least.

    Raises:
        NoPlanFits: none does; names the nearest that would.
    """
    seen: list[Judged] = []
    for length in candidates.lengths(question):
        every: list[Judged] = []
        found = None
        for method in candidates.methods(question):
            tried = [judge(question, one) for one in candidates.of(question, method, length)]
            every += tried
            fitting = [one for one in tried if fits(question, one)]
            found = best(question, fitting) if fitting else None
            if found is not None:
                break
        seen += every
        found = found or _least(question, every)
        if found is not None and _worthwhile(question, length):
            return found, seen
    raise NoPlanFits(_nearest(question, seen))


def _least(question: Question, tried: Sequence[Judged]) -> Judged | None:
    """What needs least, where nothing stays within the priority's share of the memory.

    A method that is wanted less must need a good deal less.
    """
    least: Judged | None = None
    for method in candidates.methods(question):
        own = [one for one in tried if one.candidate.method == method]
        one = min(own, key=lambda judged: judged.memory.needed_bytes)
        enough = math.inf if least is None else WORTH_A_METHOD * least.memory.needed_bytes
        least = one if one.memory.needed_bytes <= enough else least
    assert least is not None  # there is always a method
    return least if least.memory.needed_bytes <= whole(question) else None


def _worthwhile(question: Question, length: int) -> bool:
    whole = mean_cut(question.dataset, candidates.lengths(question)[0])
    return mean_cut(question.dataset, length) >= WORTH_CUTTING * whole


def _nearest(question: Question, seen: Sequence[Judged]) -> str:
    """What needs least, and what else would help."""
    one = min(seen, key=lambda judged: judged.memory.needed_bytes)
    asked = question.request
    ways = [f"free {show_bytes(one.memory.needed_bytes - whole(question))} more"]
    if asked.settings.max_length is not None:
        ways.append("give a smaller max_length")
    if asked.method == "full":
        ways.append("--method lora")
    if asked.method == "lora" and question.hardware.device == "cuda":
        ways.append("--method qlora")
    if (asked.settings.per_device_train_batch_size or 1) > 1:
        ways.append("give a smaller per_device_train_batch_size")
    return (
        f"nothing fits into the memory; the nearest: {title(one.candidate)} at max_length "
        f"{one.candidate.max_length} {too_big(question, one)}. "
        f"To mend it: {', '.join([*ways, 'or a smaller model'])}"
    )


def title(candidate: Candidate) -> str:
    """A candidate in a few words."""
    switch = ""
    if candidate.gradient_checkpointing:
        switch = ", checkpointing"
        switch += " every other layer" if candidate.checkpoint_every == 2 else ""
    most = candidate.max_tokens_per_micro_batch
    switch += f", at most {show_count(most)} tokens at once" if most else ""
    eight = ", loss in chunks" if candidate.loss_chunk_size else ""
    eight += ", 8-bit optimizer" if candidate.optim == "adamw_bnb_8bit" else ""
    return (
        f"{candidate.method}, {candidate.per_device_train_batch_size} rows x "
        f"{candidate.gradient_accumulation_steps}{switch}{eight}"
    )


def too_big(question: Question, judged: Judged) -> str:
    """Why a candidate does not fit."""
    part, needed = judged.memory.largest, judged.memory.needed_bytes
    most = limit(question) if needed <= whole(question) else whole(question)
    return (
        f"needs {show_bytes(needed)} of {show_bytes(most)}; the "
        f"largest part is {part} with {show_bytes(judged.memory.parts[part])}"
    )


def rejections(question: Question, plan: Judged, seen: Iterable[Judged]) -> list[Rejection]:
    """For each way that was not taken one line: what it lacks."""
    others = [one for one in seen if one is not plan]
    found = [*_methods(question, plan, others), *_bigger(question, plan, others)]
    return [*found, *_slower(question, plan, others)]


def _methods(question: Question, plan: Judged, others: Sequence[Judged]) -> list[Rejection]:
    """Methods that would have been taken first: by their smallest candidate."""
    found = []
    for method in candidates.methods(question):
        if method == plan.candidate.method:
            break
        least = min(
            (one for one in others if one.candidate.method == method),
            key=lambda one: one.memory.needed_bytes,
        )
        what = f"{title(least.candidate)} (its least)"
        found.append(Rejection(what=what, why=too_big(question, least)))
    return found


def _alike(plan: Judged, others: Iterable[Judged]) -> list[Judged]:
    """Those of the plan's own method and length."""
    mine: tuple[Method, int] = (plan.candidate.method, plan.candidate.max_length)
    return [one for one in others if (one.candidate.method, one.candidate.max_length) == mine]


def _bigger(question: Question, plan: Judged, others: Sequence[Judged]) -> list[Rejection]:
    """Of what would be faster and does not fit, what misses by least."""
    faster = [
        one for one in _alike(plan, others)
        if one.pace.mid > plan.pace.mid and not fits(question, one)
    ]  # fmt: skip
    if not faster:
        return []
    one = min(faster, key=lambda one: one.memory.needed_bytes)
    why = f"{_lost(plan, one)}, but {too_big(question, one)}"
    return [Rejection(what=title(one.candidate), why=why)]


def _slower(question: Question, plan: Judged, others: Sequence[Judged]) -> list[Rejection]:
    """What fits and was not taken: the nearest smaller step, the nearest larger, checkpointing."""
    fitting = [one for one in _alike(plan, others) if fits(question, one)]
    rows = plan.candidate.rows_per_step
    smaller = [one for one in fitting if one.candidate.rows_per_step < rows]
    larger = [one for one in fitting if one.candidate.rows_per_step > rows]
    same = [
        one for one in fitting
        if one.candidate.gradient_checkpointing and one.candidate.checkpoint_every == 1
        and one.candidate.per_device_train_batch_size == plan.candidate.per_device_train_batch_size
    ]  # fmt: skip
    found = []
    if smaller:
        one = max(smaller, key=lambda one: (one.candidate.rows_per_step, one.pace.mid))
        found.append(Rejection(what=title(one.candidate), why=_lost(plan, one)))
    if larger:
        one = max(larger, key=lambda one: (-one.candidate.rows_per_step, one.pace.mid))
        why = f"{_lost(plan, one)}: too little for fewer updates from the same data"
        found.append(Rejection(what=title(one.candidate), why=why))
    if same and not plan.candidate.gradient_checkpointing:
        why = f"{_lost(plan, same[0])}, and memory is free"
        found.append(Rejection(what=title(same[0].candidate), why=why))
    return found


def _lost(plan: Judged, other: Judged) -> str:
    ratio = other.pace.mid / plan.pace.mid
    way = "slower" if ratio < 1 else "faster"
    return f"{abs(100 * (1 - ratio)):.0f} % {way} by the arithmetic"

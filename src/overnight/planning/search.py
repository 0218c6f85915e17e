"""Enumerate, estimate, reject with a reason, rank, choose -> Plan.

In: what was asked and what is. Out: the chosen candidate, its estimates, every rejection's reason.
Never: measures anything; a setting that the user gave is kept, the search fills in what is open.
"""

from dataclasses import dataclass, replace
from typing import Literal, cast

from overnight.planning import memory, pace, reasons, rules, timing
from overnight.planning.prices import Prices, prior_prices
from overnight.planning.profiles import weights
from overnight.values.errors import InputError, NoPlanFits
from overnight.values.facts import DatasetProfile, Hardware, Interval, ModelProfile
from overnight.values.plan import Candidate, MemoryEstimate, Plan, Rejection, Reserve, Source
from overnight.values.request import Request
from overnight.values.units import show_bytes, show_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Everything a plan answers to."""

    request: Request
    dataset: DatasetProfile
    model: ModelProfile
    hardware: Hardware
    window_seconds: float | None


def _methods(question: Question) -> tuple[Literal["lora", "qlora", "full"], ...]:
    asked = question.request.method
    if asked != "auto":
        return (asked,)
    small = question.model.num_parameters < rules.FULL_PARAMETERS
    cuda = question.hardware.device == "cuda"
    first: tuple[Literal["lora", "qlora", "full"], ...] = ("full", "lora") if small else ("lora",)
    return (*first, "qlora") if cuda else first


def _precision(question: Question) -> Literal["fp32", "bf16", "fp16"]:
    """What was given, where this device can run it; else the fastest that it runs well.

    Raises:
        InputError: a precision was demanded that this device cannot run.
    """
    settings, runs = question.request.settings, rules.precisions(question.hardware)
    forced = question.request.precision
    if forced == "fp16" and question.hardware.device == "cpu":
        raise InputError("--precision fp16 cannot train on a CPU; use bf16, fp32 or auto")
    if forced != "auto":
        return forced
    refused = [name for name in ("bf16", "fp16") if getattr(settings, name) is False]
    if "bf16" in refused and question.hardware.compute_capability is not None:
        runs = ("fp16", *runs)  # every card that runs bf16 runs fp16 as well
    allowed = [name for name in (*runs, "fp32") if name not in refused]
    return cast(Literal["fp32", "bf16", "fp16"], allowed[0])


def _base(question: Question, method: Literal["lora", "qlora", "full"]) -> Candidate:
    """A candidate of this method with every rule's value, then what the user gave."""
    dataset, model, request = question.dataset, question.model, question.request
    given = request.settings.given()
    length = rules.max_length(dataset, model)
    length = min(cast(int, given.get("max_length") or length), length)
    rows = rules.rows_per_micro_batch(dataset, length, question.hardware.device)
    rows = max(1, round(rows * weights(request.priority).rows_factor))
    rows = cast(int, given.get("per_device_train_batch_size") or rows)
    accumulation = cast(int, given.get("gradient_accumulation_steps") or 1)
    tokens = rows * accumulation * min(dataset.avg_tokens_per_sample, length) * request.processes
    bounded = question.window_seconds is not None
    epochs = rules.epochs_wanted(request.priority) if bounded else None
    first = Candidate(
        method=method,
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=accumulation,
        max_length=length,
        learning_rate=rules.learning_rate(method, model.hidden_size, rules.STEPS_REFERENCE),
        precision=_precision(question),
        gradient_checkpointing=False,
        num_train_epochs=None if "max_steps" in given else epochs,
        adam_beta2=rules.beta2(tokens),
        dataloader_pin_memory=question.hardware.device == "cuda",
        processes=request.processes,
    )
    names = {name: value for name, value in given.items() if name not in ("fp16", "bf16")}
    return replace(first, **{**names, "max_length": length})  # type: ignore[arg-type]


def candidates(question: Question) -> list[Candidate]:
    """Every sensible candidate, the preferred ones first."""
    found = []
    given = question.request.settings.given()
    for method in _methods(question):
        base = _base(question, method)
        switches = (base.gradient_checkpointing,) if "gradient_checkpointing" in given else (
            False, True)  # fmt: skip
        rows = base.per_device_train_batch_size
        fixed = "per_device_train_batch_size" in given
        sizes = [rows] if fixed else [rows >> shift for shift in range(8) if rows >> shift]
        for switch in switches:
            for size in sizes:
                # A smaller micro-batch keeps the step: accumulation makes up for it.
                more = 1 if fixed else -(-rows // size)
                found.append(
                    replace(
                        base,
                        gradient_checkpointing=switch,
                        per_device_train_batch_size=size,
                        gradient_accumulation_steps=base.gradient_accumulation_steps * more,
                    )
                )
    return found


def memory_limit(question: Question) -> int:
    """Bytes of device memory that a plan may use."""
    share = weights(question.request.priority).memory_share
    return int(share * question.hardware.memory_free_bytes)


def _title(candidate: Candidate) -> str:
    switch = ", checkpointing" if candidate.gradient_checkpointing else ""
    return (
        f"{candidate.method}, {candidate.per_device_train_batch_size} rows x "
        f"{candidate.gradient_accumulation_steps}{switch}"
    )


def _too_big(estimate: MemoryEstimate, limit: int) -> str:
    part = estimate.largest
    return (
        f"needs {show_bytes(estimate.peak_bytes)} of {show_bytes(limit)}; the largest part is "
        f"{part} with {show_bytes(estimate.parts[part])}"
    )


def _fitting(question: Question) -> tuple[Candidate, MemoryEstimate, list[Rejection]]:
    """The first candidate that fits the memory, and why the ones before it do not.

    Raises:
        NoPlanFits: none does; names the nearest.
    """
    limit = memory_limit(question)
    rejections: list[Rejection] = []
    nearest: tuple[int, str] = (0, "")
    for candidate in candidates(question):
        estimate = memory.estimate(candidate, question.model, device=question.hardware.device)
        if estimate.peak_bytes <= limit:
            return candidate, estimate, rejections
        why = _too_big(estimate, limit)
        rejections.append(Rejection(what=_title(candidate), why=why))
        if not nearest[1] or estimate.peak_bytes < nearest[0]:
            nearest = (estimate.peak_bytes, f"{_title(candidate)} {why}")
    raise NoPlanFits(
        f"nothing fits into the memory; the nearest: {nearest[1]}. "
        "Try a smaller --set max_length=..., --method lora, or a smaller model"
    )


def _slower(question: Question, chosen: Candidate) -> list[Rejection]:
    """Why the alternatives that would fit were not taken."""
    length = min(question.dataset.avg_tokens_per_sample, chosen.max_length)
    best = pace.tokens_per_second(chosen, question.model, question.hardware, length).mid
    found = []
    for switch, name in ((not chosen.gradient_checkpointing, "checkpointing"),):
        other = replace(chosen, gradient_checkpointing=switch)
        theirs = pace.tokens_per_second(other, question.model, question.hardware, length).mid
        if switch and theirs < best:
            lost = f"{100 * (1 - theirs / best):.0f} % slower by the arithmetic, and memory is free"
            found.append(Rejection(what=f"{chosen.method} with {name}", why=lost))
    if chosen.method == "full" and question.request.method == "auto":
        why = "a fifth faster at most (measured to 62 M parameters), and limited by its rank"
        found.append(Rejection(what="lora", why=why))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What of a night is over when its plan is corrected."""

    seconds: float
    steps: int


def _terms(question: Question, source: Source) -> timing.Terms:
    given = question.request.settings.given()
    asked = "num_train_epochs" in given or "max_steps" in given
    return timing.Terms(window=question.window_seconds, source=source, asked=asked)


def _refuse_hopeless(question: Question, prices: Prices) -> None:
    """Refuses a window that two starts of Python and the libraries use up; others are tried.

    Prices that rest on a measured rate do not count here: a machine that was busy for a moment
    must not turn a good window away.

    Raises:
        NoPlanFits: with the shortest window that is likely to work.
    """
    window = question.window_seconds
    if window is None:
        return
    if window <= prices.start.low + prices.publish.low:
        likely = prices.start.mid + prices.evaluation.mid
        raise too_short(window, likely, timing.reserve(prices, window))


def choose(question: Question) -> Plan:
    """The plan before anything is measured.

    Raises:
        NoPlanFits: nothing fits the memory, or not one step and the ending fit the window.
        InputError: a given setting cannot be run here.
    """
    candidate, estimate, rejections = _fitting(question)
    length = min(question.dataset.avg_tokens_per_sample, candidate.max_length)
    speed = pace.tokens_per_second(candidate, question.model, question.hardware, length)
    prices = prior_prices(
        candidate, question.model, question.dataset, speed, hardware=question.hardware
    )
    _refuse_hopeless(question, prices)
    time = timing.estimate(
        candidate, question.dataset, prices, pace=speed, terms=_terms(question, "catalogue")
    )
    candidate = _for_horizon(candidate, question, time.total_steps)
    draft = Plan(
        candidate=candidate,
        memory=estimate,
        memory_limit_bytes=memory_limit(question),
        time=time,
        reserve=timing.reserve(prices, question.window_seconds),
        window_seconds=question.window_seconds,
        reasons=reasons.of(candidate, question.request, question.dataset, question.hardware),
        rejections=(*rejections, *_slower(question, candidate)),
    )  # fmt: skip
    return replace(draft, notes=reasons.notes(draft, question.request))


def too_short(window: float, spent: float, reserve: Reserve) -> NoPlanFits:
    """The refusal of a window in which not one step and the ending fit, with one that works."""
    shortest = show_duration(timing.shortest_window(spent, reserve))
    return NoPlanFits(
        f"a window of {show_duration(window)} leaves no time for a single step and the ending; "
        f"the shortest that works is about {shortest}"
    )


def corrected(
    plan: Plan, question: Question, *, prices: Prices, pace_now: Interval, done: Done
) -> Plan:
    """The same candidate with what the rehearsal measured in place of the priors.

    `prices` are this machine's own, `pace_now` is in tokens per second.
    """
    terms = replace(_terms(question, "rehearsal"), spent=done.seconds, steps_done=done.steps)
    time = timing.estimate(plan.candidate, question.dataset, prices, pace=pace_now, terms=terms)
    candidate = _for_horizon(plan.candidate, question, time.total_steps)
    better = replace(
        plan,
        candidate=candidate,
        time=time,
        reserve=timing.reserve(prices, plan.window_seconds),
        reasons=reasons.of(candidate, question.request, question.dataset, question.hardware),
    )
    return replace(better, notes=reasons.notes(better, question.request))


def _for_horizon(candidate: Candidate, question: Question, steps: int) -> Candidate:
    """The candidate with the rate that suits so many steps, unless the user gave one."""
    if "learning_rate" in question.request.settings.given():
        return candidate
    rate = rules.learning_rate(candidate.method, question.model.hidden_size, steps)
    return replace(candidate, learning_rate=rate)

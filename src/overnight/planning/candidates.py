"""Every sensible candidate: a rule's value where one is known, several where arithmetic decides.

In: a question. Out: candidates. Never: estimates or ranks them (ranking.py); a setting that the
user gave is kept.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, cast

from overnight.planning import budget, logits, packing, room, rules
from overnight.planning.curriculum import GUIDE_ROWS
from overnight.planning.lengths import mean_cut
from overnight.planning.question import Question
from overnight.values.errors import InputError
from overnight.values.plan import Candidate

Method = Literal["lora", "qlora", "full"]
Precision = Literal["fp32", "bf16", "fp16"]
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Rows a micro-batch: about half as many again from one to the next."""
NOT_OURS = ("fp16", "bf16", "learning_rate_rule")
"""Settings that say how others come about, and are none of a candidate."""
SHORTER = (8192, 4096, 2048, 1024, 512, 256)
"""Lengths to cut rows at where whole ones do not fit."""


def methods(question: Question) -> tuple[Method, ...]:
    """What was asked for; else in the order in which they are wanted as long as they fit."""
    asked = question.request.method
    if asked != "auto":
        return (asked,)
    small = question.model.num_parameters < rules.FULL_PARAMETERS
    first: tuple[Method, ...] = ("full", "lora") if small else ("lora",)
    return (*first, "qlora") if question.hardware.device == "cuda" else first


def precision(question: Question) -> Precision:
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
    return cast(Precision, allowed[0])


def lengths(question: Question) -> tuple[int, ...]:
    """Lengths to cut rows at, the longest first: whole rows, as long as the model has positions."""
    whole = rules.max_length(question.dataset, question.model)
    given = question.request.settings.max_length
    if given is not None:
        return (min(given, whole),)
    return (whole, *(length for length in SHORTER if length < whole))


def of(question: Question, method: Method, length: int) -> list[Candidate]:
    """Every micro-batch, checkpointing and optimizer of one method at one length of rows, but those
    that ran out of memory in an earlier night; where that leaves none, what was asked for."""
    every = list(_every(question, method, length))
    known = question.lessons.fitted
    return [one for one in (room.within(each, known) for each in every) if one] or every


def _every(question: Question, method: Method, length: int) -> Iterator[Candidate]:
    given = question.request.settings.given()
    base = _base(question, method, length)
    for rows in _sizes(question):
        steps = cast(int, given.get("gradient_accumulation_steps") or _steps(question, rows))
        sized = replace(base, per_device_train_batch_size=rows, gradient_accumulation_steps=steps)
        tokens = sized.rows_per_step * mean_cut(question.dataset, length)
        sized = replace(sized, adam_beta2=rules.beta2(tokens))
        for checkpointed in _checkpointings(question):
            for optim in _optimizers(question, method):
                one = replace(sized, **checkpointed, optim=optim)  # type: ignore[arg-type]
                for within in budget.ways(question, one):
                    yield from logits.ways(question, within)


def _sizes(question: Question) -> tuple[int, ...]:
    given = question.request.settings.per_device_train_batch_size
    if given is not None:
        return (given,)
    if question.request.settings.strategy == "progressive-guide":
        return tuple(size for size in SIZES if GUIDE_ROWS[-1] % size == 0)
    most = rules.most_rows(question.dataset) // question.request.processes
    return tuple(size for size in SIZES if size <= max(most, 1))


def _steps(question: Question, rows: int) -> int:
    """Micro-batches a step: more than one only to reach the fewest rows that a step may have."""
    together, fewest = rows * question.request.processes, rules.fewest_rows(question.dataset)
    if question.request.settings.strategy == "progressive-guide":
        fewest = GUIDE_ROWS[1]
    return -(-fewest // together)


def _checkpointings(question: Question) -> tuple[dict[str, object], ...]:
    """None, every other layer, every layer."""
    given = question.request.settings.gradient_checkpointing
    kinds: tuple[dict[str, object], ...] = (
        {"gradient_checkpointing": False},
        {"gradient_checkpointing": True, "checkpoint_every": 2},
        {"gradient_checkpointing": True, "checkpoint_every": 1},
    )
    return {None: kinds, False: kinds[:1], True: kinds[2:]}[given]


def _optimizers(question: Question, method: Method) -> tuple[str, ...]:
    """States in 8 bits only where there are many of them, on a card."""
    eight = method == "full" and question.hardware.device == "cuda"
    return ("adamw_torch", "adamw_bnb_8bit") if eight else ("adamw_torch",)


def _base(question: Question, method: Method, length: int) -> Candidate:
    """A candidate of this method with every rule's value, then what the user gave."""
    request = question.request
    given = request.settings.given()
    bounded = question.window_seconds is not None
    epochs = rules.epochs_wanted(request.priority) if bounded else None
    rate = rules.learning_rate(method, question.model.hidden_size, rules.STEPS_REFERENCE)
    first = Candidate(
        method=method,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=1,
        max_length=length,
        learning_rate=rate,
        precision=precision(question),
        gradient_checkpointing=False,
        num_train_epochs=None if "max_steps" in given else epochs,
        lora_r=rules.lora_rank(question.dataset, question.model),
        dataloader_pin_memory=question.hardware.device == "cuda",
        processes=request.processes,
        shaped_for="cpu" if question.hardware.device == "cpu" else "",
    )
    names = {name: value for name, value in given.items() if name not in NOT_OURS}
    kept = replace(first, **{**names, "max_length": length})  # type: ignore[arg-type]
    return packing.chosen(question, kept)

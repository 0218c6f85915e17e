"""What other choices would cost or bring, against the plan.

In: a question, its plan's candidate, what else was looked at. Out: `WhatIf` rows, each with the
flags that ask for it. Never: changes the plan.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import get_args

from overnight.planning import outlook, ranking
from overnight.planning.lengths import bucketed_padding, mean_cut, quantile, truncated
from overnight.planning.question import Question
from overnight.planning.ranking import Judged
from overnight.planning.rules import WASTEFUL_EPOCHS
from overnight.values.errors import OvernightError
from overnight.values.plan import TimeEstimate, WhatIf
from overnight.values.request import Priority
from overnight.values.units import show_bytes, show_duration

UNCUT = 0.95
"""The share of rows that stay whole in the what-if of a shorter `max_length`."""
EARLY = 0.5
"""A night that is over before this share of its window wastes it: guide 4's six of twelve hours."""


def of(
    question: Question, plan: Judged, time: TimeEstimate, seen: Sequence[Judged]
) -> Iterator[WhatIf]:
    """What else could be chosen, in the order of guide 4's remedies for a missed or wasted window.

    Priority, epochs, `max_length`; then what trades memory for pace.
    """
    yield from _priorities(question, plan, time)
    yield from _remedies(question, time)
    yield from _shorter(question, plan)
    yield from _checkpointing(question, plan, seen)
    yield from _methods(question, plan)
    yield from _packed(question, plan)


def _against(question: Question, plan: Judged, other: Judged) -> str:
    """Pace and memory of another candidate beside the plan's."""
    whole = mean_cut(question.dataset, plan.candidate.max_length)
    theirs = mean_cut(question.dataset, other.candidate.max_length)
    # Rows a second: a shorter row is less work.
    ratio = (other.pace.mid / theirs) / (plan.pace.mid / whole)
    pace = f"{abs(100 * (ratio - 1)):.0f} % {'faster' if ratio >= 1 else 'slower'}"
    more = other.memory.needed_bytes - plan.memory.needed_bytes
    memory = f"{show_bytes(abs(more))} {'more' if more >= 0 else 'less'}"
    fits = "" if ranking.fits(question, other) else ", which does not fit"
    return f"{pace}, {memory}{fits}"


def _checkpointing(question: Question, plan: Judged, seen: Sequence[Judged]) -> Iterator[WhatIf]:
    mine = plan.candidate
    for other in seen:
        theirs = other.candidate
        alike = replace(
            theirs, gradient_checkpointing=mine.gradient_checkpointing,
            checkpoint_every=mine.checkpoint_every,
        ) == mine  # fmt: skip
        same = theirs.gradient_checkpointing == mine.gradient_checkpointing
        if not alike or same or theirs.checkpoint_every == 2:
            continue
        word = "with" if theirs.gradient_checkpointing else "without"
        value = str(theirs.gradient_checkpointing).lower()
        yield WhatIf(
            what=f"{word} checkpointing",
            effect=_against(question, plan, other),
            command=f"--set gradient_checkpointing={value}",
        )


def _other(question: Question, **changes: object) -> tuple[Judged, TimeEstimate] | None:
    """The plan of the same question asked otherwise; None where nothing fits."""
    asked = replace(question, request=replace(question.request, **changes))  # type: ignore[arg-type]
    try:
        judged, _ = ranking.chosen(asked)
    except OvernightError:
        return None
    return judged, outlook.of(asked, judged).time


def _methods(question: Question, plan: Judged) -> Iterator[WhatIf]:
    if question.request.method != "auto":
        return
    for method in ("full", "lora", "qlora"):
        if method == plan.candidate.method or (
            method == "qlora" and question.hardware.device != "cuda"
        ):
            continue
        found = _other(question, method=method)
        if found is None:
            yield WhatIf(what=method, effect="does not fit", command=f"--method {method}")
            continue
        what = ranking.title(found[0].candidate)
        effect = _against(question, plan, found[0])
        yield WhatIf(what=what, effect=effect, command=f"--method {method}")


def _shorter(question: Question, plan: Judged) -> Iterator[WhatIf]:
    """Rows cut where nineteen in twenty stay whole, if that makes a difference."""
    length = int(quantile(question.dataset, UNCUT))
    if question.request.settings.max_length is not None or length >= plan.candidate.max_length:
        return
    lost = 100 * truncated(question.dataset, length)
    cut = replace(plan.candidate, max_length=length)
    effect = _against(question, plan, ranking.judge(question, cut))
    yield WhatIf(
        what=f"max_length {length}",
        effect=f"{effect}; {lost:.1f} % of the tokens are cut off",
        command=f"--set max_length={length}",
    )


def _packed(question: Question, plan: Judged) -> Iterator[WhatIf]:
    mine = plan.candidate
    padded = 100 * bucketed_padding(
        question.dataset, mine.max_length,
        rows=mine.per_device_train_batch_size, rows_per_step=mine.rows_per_step,
    )  # fmt: skip
    what = "rows packed instead of sorted by length"
    effect = f"at most {padded:.1f} % fewer tokens computed: so many are padding now"
    yield WhatIf(what=what, effect=effect)


def _summary(judged: Judged, time: TimeEstimate) -> str:
    rows = judged.candidate.rows_per_step
    return (
        f"{time.total_steps:,} steps of {rows} rows, {time.epochs:.1f} epochs, over after "
        f"{show_duration(time.total.mid)}, {show_bytes(judged.memory.peak_bytes)}"
    )


def _priorities(question: Question, plan: Judged, time: TimeEstimate) -> Iterator[WhatIf]:
    """What the other priorities would do, where that is something else."""
    for name in get_args(Priority):
        found = None if name == question.request.priority else _other(question, priority=name)
        if found is None or (found[0], found[1].total_steps) == (plan, time.total_steps):
            continue
        yield WhatIf(what=f"priority {name}", effect=_summary(*found), command=f"--priority {name}")


def _remedies(question: Question, time: TimeEstimate) -> Iterator[WhatIf]:
    """Guide 4's remedies, in its order, for a window that is missed or half empty."""
    window = question.window_seconds
    if window is None:
        return
    if not time.fits_in_window:
        yield from _too_slow(question, time)
    elif time.total.mid < EARLY * window:
        yield from _too_fast(time, window)


def _too_slow(question: Question, time: TimeEstimate) -> Iterator[WhatIf]:
    if question.request.settings.num_train_epochs is not None and time.epochs > 0:
        yield WhatIf(what="fewer epochs", effect=f"{time.epochs:.2f} fit into the window",
                     command=f"--epochs {time.epochs:.2f}")  # fmt: skip


def _too_fast(time: TimeEstimate, window: float) -> Iterator[WhatIf]:
    spent = time.total.mid - time.phases["training"].mid
    room = (window - spent) / max(time.phases["training"].mid, 1e-9)
    epochs = time.epochs * room
    if epochs <= WASTEFUL_EPOCHS:
        effect, more = f"about {epochs:.1f} would fill it", f"--epochs {epochs:.1f}"
    else:
        effect = (f"about {epochs:,.0f} would fill it; beyond about four they are worth little: "
                  "more data or a larger model would use the time better")  # fmt: skip
        more = f"--epochs {WASTEFUL_EPOCHS:g}" if time.epochs < WASTEFUL_EPOCHS else ""
    yield WhatIf(what="half of the window is left: more epochs", effect=effect, command=more)

"""What happened, in one sentence an event, the same on the page and in the terminal.

In: events of the ledger. Out: sentences whose borrowed text is inert; None where an event is
routine. Never: layout, colour, clock times.
"""

import math
import signal
from collections.abc import Callable
from typing import Any

from overnight.report.words import count_of, inert_line
from overnight.values.choices import Piloted, Rated, Sized
from overnight.values.ledger import (
    Continued,
    Ended,
    Event,
    Noted,
    Replanned,
    Resumed,
    StageBegan,
    Stopped,
)
from overnight.values.troubles import Clipped, Crashed, Diagnosed, Dropped, Jumped, Rewound, Shrunk
from overnight.values.units import show_count, show_duration

_REASONS = {
    "horizon": "all planned steps are done",
    "window": "the window is used up",
    "stop": "somebody asked it to stop",
    "signal": "a signal asked it to stop",
    "session": "this session ends before the night does, and another goes on",
    "health": "the losses did not recover",
    "patience": "the held-out loss no longer fell",
    "overfit": "rows seen again were learnt by heart; it annealed from the best checkpoint and "
    "gives the rest of the time back",
}


def stop_words(reason: str) -> str:
    """Why training ended, for the reasons that `Stopped` names; any other as it is."""
    return _REASONS.get(reason, inert_line(reason))


def exit_words(status: int) -> str:
    """How a process ended: "killed by SIGKILL", "exit status 1"."""
    number = -status if status < 0 else status - 128
    if number in {known.value for known in signal.Signals}:
        return f"killed by {signal.Signals(number).name}"
    return f"exit status {status}"


def _continued(event: Continued) -> str:
    done = f", {count_of(event.steps, 'step')} done there" if event.steps is not None else ""
    told = "".join(f" {inert_line(note).rstrip('.')}." for note in event.notes)
    return f"Goes on from another trainer's {inert_line(event.name)}{done}.{told}"


def _stage(event: StageBegan) -> str:
    which = "the best" if event.pool == "best" else "all"
    rows, each = count_of(event.rows, "row"), count_of(event.rows_per_step, "row")
    return (f"Stage {event.stage + 1} of {event.stages} begins after step {event.step:,}: "
            f"{which} {rows}, {each} a step.")  # fmt: skip


def _resumed(event: Resumed) -> str:
    start = f"from {inert_line(event.name)}" if event.name else "from the beginning"
    lost = f"; {count_of(event.steps_lost, 'step')} to be done again" if event.steps_lost else ""
    passed = "".join(f" {inert_line(why).rstrip('.')}." for why in event.passed_over)
    return f"Went on {start}{lost}.{passed}"


def _shrunk(event: Shrunk) -> str:
    rows, pieces = event.per_device_train_batch_size, event.gradient_accumulation_steps
    most = f", cut where they hold more than {event.most_tokens:,} tokens" * bool(event.most_tokens)
    again = ", layers computed again" * event.gradient_checkpointing
    return (f"Memory ran out at step {event.step:,}: micro-batches of {count_of(rows, 'row')} x "
            f"{pieces}{most}{again} from here on, the same rows a step "
            f"({inert_line(event.why)}).")  # fmt: skip


def _rewound(event: Rewound) -> str:
    rate = f" with {event.rate_factor:g} x the learning rate" * (event.rate_factor != 1.0)
    return (f"Went back from step {event.step:,} to {inert_line(event.name)}{rate}: "
            f"{inert_line(event.why)}.")  # fmt: skip


def _crashed(event: Crashed) -> str:
    how = exit_words(event.exit_status)
    said = inert_line(event.why).rstrip(".")
    why = f": {said}" if said and said != how else ""
    return f"The training process died, {how}{why} (attempt {event.attempt})."


def _clipped(event: Clipped) -> str:
    return (f"The gradient of step {event.step:,} was {event.grad_norm:.3g} long, far above what "
            f"is usual here: clipped to {event.limit:.3g}.")  # fmt: skip


def _jumped(event: Jumped) -> str:
    slept, set_by = event.slept_seconds, event.wall_seconds
    said = [f"the machine slept for {show_duration(slept)}"] if slept else []
    if set_by:
        way = "forward" if set_by > 0 else "back"
        said.append(f"the wall clock was set {way} by {show_duration(abs(set_by))}")
    return f"{' and '.join(said)}.".capitalize()


def _dropped(event: Dropped) -> str:
    why = inert_line(event.reason)
    return f"The gradients of step {event.step:,} were thrown away: {why}."


def _sized(event: Sized) -> str:
    rows = event.per_device_train_batch_size * event.gradient_accumulation_steps
    tried = ", ".join(f"{rows:,}: {show_count(round(pace))}" for rows, pace in event.paces)
    return (f"Steps of {count_of(rows, 'row')}: {inert_line(event.why).rstrip('.')} "
            f"(tokens/s by rows a step: {tried}).")  # fmt: skip


def _piloted(event: Piloted) -> str:
    came = event.note or "it diverged"
    if math.isfinite(event.loss):
        came = f"held-out loss {event.loss:.3f}"
    return (f"Pilot of {count_of(event.steps, 'step')} at a rate of {event.learning_rate:.2g}: "
            f"{inert_line(came)}.")  # fmt: skip


def _rated(event: Rated) -> str:
    return f"The learning rate: {inert_line(event.why).rstrip('.')}."


_TROUBLES: dict[type[Event], Callable[[Any], str]] = {
    Clipped: _clipped,
    Crashed: _crashed,
    Dropped: _dropped,
    Jumped: _jumped,
    Resumed: _resumed,
    Rewound: _rewound,
    Shrunk: _shrunk,
}

_CHOICES: dict[type[Event], Callable[[Any], str]] = {
    Continued: _continued,
    Piloted: _piloted,
    Rated: _rated,
    Sized: _sized,
    StageBegan: _stage,
}


def trouble(event: Event) -> str | None:
    """One sentence for what went wrong and how it was mended; None for everything else."""
    told = _TROUBLES.get(type(event))
    return told(event) if told else None


def sentence(event: Event) -> str | None:
    """One sentence for everything worth a line: troubles, changes of plan, notes, the end."""
    match event:
        case Replanned(horizon=horizon, why=why):
            return f"The horizon is now {count_of(horizon, 'step')}: {inert_line(why)}."
        case Noted(text=text) | Diagnosed(text=text):
            return inert_line(text)
        case Stopped(step=step, reason=reason):
            return f"Training is over after {count_of(step, 'step')}: {stop_words(reason)}."
        case Ended(why=why):
            return f"The night is over: {inert_line(why).rstrip('.')}."
        case _:
            told = _CHOICES.get(type(event))
            return told(event) if told else trouble(event)

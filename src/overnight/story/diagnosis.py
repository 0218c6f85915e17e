"""What the figures of the night say about it is told while it runs, each sign once.

In: the stage and each event of the loop. Out: `Diagnosed` events. Never: changes the night; it goes
on, whatever the signs are.
"""

from collections.abc import Iterable
from dataclasses import replace

from overnight.control.figures import Figure, Sign
from overnight.control.signs import Signs
from overnight.story.stage import Stage
from overnight.training.loop import Loop
from overnight.values.ledger import Entry, Evaluated, Event, Rehearsed, Replanned, Stepped
from overnight.values.troubles import Diagnosed

READ_SECONDS = 3.0
"""Figures of so much time are read together, which takes a fifth of reading each by itself: what a
step of 50 ms throws out of a processor's caches comes back once in them then."""


def watch(on: Stage, loop: Loop, event: Event) -> None:
    """Tells the signs that this event gives, or those before it, which the journal has already."""
    if not on.teller.main:
        return
    if isinstance(event, Stepped | Evaluated):
        _note(on, loop, event)
    due = not isinstance(event, Stepped) or on.now - on.read_at >= READ_SECONDS
    if on.unread and due:
        _read(on, loop)


def _note(on: Stage, loop: Loop, event: Stepped | Evaluated) -> None:
    if on.signs is None:
        on.signs, untold = recalled(on.teller.entries[:-1])
        _tell(on, loop, untold)
    # Until the rehearsal has measured a step nobody knows how many there will be.
    horizon = None if on.rehearsing else loop.course.deadline.horizon
    figure = figure_of(event, horizon)
    if figure is not None:
        on.unread.append(figure)


def _read(on: Stage, loop: Loop) -> None:
    on.read_at = on.now
    signs, said = on.signs or Signs(), list[Sign]()
    for figure in on.unread:
        signs = signs.after(figure)
        said += signs.fresh
    on.unread.clear()
    on.signs = signs
    _tell(on, loop, said)


def _tell(on: Stage, loop: Loop, signs: Iterable[Sign]) -> None:
    for sign in signs:
        said = Diagnosed(step=sign.step, sign=sign.name, text=sign.text, good=sign.good)
        on.teller.tell(loop.happened(said))


def figure_of(event: Event, horizon: int | None) -> Figure | None:
    """What an event shows of the run; None where it shows nothing."""
    if isinstance(event, Stepped):
        return Figure(step=event.step, loss=event.loss, grad_norm=event.grad_norm, horizon=horizon,
                      learning_rate=event.learning_rate, epoch=event.epoch)  # fmt: skip
    if isinstance(event, Evaluated) and event.part == "select":
        return Figure(step=event.step, held_out=event.loss.loss, horizon=horizon)
    return None


def recalled(entries: Iterable[Entry]) -> tuple[Signs, list[Sign]]:
    """What was read before, and the signs of it that a process that ended did not tell any more."""
    signs, said, told, horizon, rehearsed = Signs(), list[Sign](), set(), 0, False
    for entry in entries:
        event = entry.event
        rehearsed = rehearsed or isinstance(event, Rehearsed)
        if isinstance(event, Diagnosed):
            told.add(event.sign)
        elif isinstance(event, Replanned):
            horizon = event.horizon
        elif figure := figure_of(event, horizon if rehearsed else None):
            signs = signs.after(figure)
            said += signs.fresh
    given = signs.given | told
    return replace(signs, given=given, fresh=()), [one for one in said if one.name not in told]

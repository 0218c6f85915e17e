"""What the figures of the night say about it is told while it runs, each sign once.

In: the stage and each event of the loop. Out: `Diagnosed` events. Never: changes the night; it goes
on, whatever the signs are.
"""

from collections.abc import Iterable
from dataclasses import replace

from overnight.control.figures import Figure
from overnight.control.signs import Signs
from overnight.story.stage import Stage
from overnight.training.loop import Loop
from overnight.values.ledger import Entry, Evaluated, Event, Rehearsed, Replanned, Stepped
from overnight.values.troubles import Diagnosed


def watch(on: Stage, loop: Loop, event: Event) -> None:
    """Tells the signs that this event gives, which stands in the journal already."""
    if not on.teller.main or not isinstance(event, Stepped | Evaluated):
        return
    if on.signs is None:
        on.signs = recalled(on.teller.entries[:-1])
    # Until the rehearsal has measured a step nobody knows how many there will be.
    horizon = None if on.rehearsing else loop.course.deadline.horizon
    figure = figure_of(event, horizon)
    if figure is None:
        return
    on.signs = on.signs.after(figure)
    for sign in on.signs.fresh:
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


def recalled(entries: Iterable[Entry]) -> Signs:
    """What was read before, and as given the signs that were told."""
    signs, told, horizon, rehearsed = Signs(), set(), 0, False
    for entry in entries:
        event = entry.event
        rehearsed = rehearsed or isinstance(event, Rehearsed)
        if isinstance(event, Diagnosed):
            told.add(event.sign)
        elif isinstance(event, Replanned):
            horizon = event.horizon
        elif figure := figure_of(event, horizon if rehearsed else None):
            signs = signs.after(figure)
    return replace(signs, given=frozenset(told), fresh=())

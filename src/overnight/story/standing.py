"""Where a night stood at a checkpoint, as its journal tells it.

In: the journal's entries, the course and the candidate that a night begins with. Out: `Standing`:
course, candidate, place. Never: files, a live session; what came after the checkpoint on a line
that was left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from overnight.control import recovery
from overnight.control.course import Course
from overnight.values.ledger import Answered, Entry, Rehearsed, Resumed, Saved, Stepped
from overnight.values.plan import Candidate
from overnight.values.troubles import Rewound, Shrunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything of a checkpoint that is not in its files."""

    course: Course
    candidate: Candidate
    """As small as memory had made it."""
    rehearsed: bool = False
    """Whether the rehearsal was over."""
    epoch: int = 0
    """After a rewind to it: the data goes on behind so many batches of this epoch."""
    batch: int = 0
    stage: int = 0
    coming: tuple[Shrunk, ...] = ()
    """What ran out of memory at later steps: taken up again when they are reached."""


def standing(
    entries: Sequence[Entry], name: str, first: Standing, *, started_at: float, peak: float
) -> Standing:
    """Where checkpoint `name` was left last: when it was saved, or gone back to. "": the beginning.

    Every checkpoint's standing is remembered while the journal is read, because a resumption goes
    back to one of them and leaves what came after it behind. `peak` is the learning rate that the
    rehearsal found, `first` where every night begins.
    """
    now, at = first, {"": first}
    for entry in entries:
        event = entry.event
        if isinstance(event, Resumed):
            now = at.get(event.name, first)
        course = now.course.after(event, started_at + entry.t)
        if isinstance(event, Rehearsed):
            course = replace(course, schedule=replace(course.schedule, peak=peak))
            now = replace(now, rehearsed=True)
        now = replace(now, course=course)
        if isinstance(event, Rewound):
            at[event.name] = replace(now, epoch=event.epoch, batch=event.batch, stage=event.stage)
        elif isinstance(event, Saved):
            at[event.name] = now
    events = [entry.event for entry in entries]
    candidate, coming = recovery.replayed(first.candidate, events, name)
    return replace(at.get(name, now), candidate=candidate, coming=coming)


def last_step(entries: Sequence[Entry]) -> int:
    """The newest step that the journal tells of."""
    return next((e.event.step for e in reversed(entries) if isinstance(e.event, Stepped)), 0)


def answering(entries: Sequence[Entry]) -> float:
    """Seconds that the answers before training took."""
    spans = [
        entry.t - before.t
        for before, entry in pairwise(entries)
        if isinstance(entry.event, Answered) and entry.event.when == "before"
    ]
    return sum(spans)

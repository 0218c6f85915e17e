"""What the journal tells: the path that training took, and where the time went.

In: the entries of a night in order, whole or so far. Out: steps and evaluations that count (what
was done again after a resumption appears once), phases, incidents, answers, how it stands.
Never: the plan, words of praise or blame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, get_args

from overnight.report.sentences import trouble
from overnight.values.choices import Piloted, Rated, Sized
from overnight.values.ledger import (
    Answered,
    Continued,
    Ended,
    Entry,
    Evaluated,
    Event,
    Noted,
    Prepared,
    Rehearsed,
    Resumed,
    Saved,
    Started,
    Stepped,
    Stopped,
)
from overnight.values.troubles import Crashed, Diagnosed, Rewound

E = TypeVar("E", bound=Event)
State = Literal["planned", "starting", "training", "ending", "finished", "stopped", "failed",
                "crashed"]  # fmt: skip
Phase = Literal["start", "trials", "rehearsal", "training", "evaluations", "saves", "ending",
                "lost", "away"]  # fmt: skip
PHASES: tuple[Phase, ...] = get_args(Phase)


@dataclass(frozen=True, slots=True)
class Timed(Generic[E]):
    """An event with its time: `t` in seconds since the first start, `utc` since the epoch."""

    t: float
    utc: float
    event: E


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of the night, in seconds since its first start, spent in one phase."""

    start: float
    end: float
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that a person should know went otherwise than planned."""

    t: float
    utc: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the model wrote to one prompt, before training and after."""

    prompt: str
    before: str | None = None
    after: str | None = None


def every(entries: Sequence[Entry], kind: type[E]) -> tuple[Timed[E], ...]:
    """All events of one kind, in order."""
    return tuple(Timed(e.t, e.utc, e.event) for e in entries if isinstance(e.event, kind))


def newest(entries: Sequence[Entry], kind: type[E]) -> E | None:
    """The last event of one kind."""
    return next((e.event for e in reversed(entries) if isinstance(e.event, kind)), None)


def _goes_back_to(event: Event) -> int | None:
    """The step after which everything is taken back when this event comes."""
    match event:
        case Stepped(step=step):
            return step - 1
        case Resumed(step=step) | Rewound(to_step=step):
            return step
        case _:
            return None


def abandoned(entries: Sequence[Entry]) -> frozenset[int]:
    """Indices of steps, evaluations and saves that a resumption or a rewind took back."""
    path: list[tuple[int, int]] = []
    gone: set[int] = set()
    for index, entry in enumerate(entries):
        back = _goes_back_to(entry.event)
        while back is not None and path and path[-1][1] > back:
            gone.add(path.pop()[0])
        if isinstance(entry.event, Stepped | Evaluated | Saved):
            path.append((index, entry.event.step))
    return frozenset(gone)


def kept(entries: Sequence[Entry], kind: type[E]) -> tuple[Timed[E], ...]:
    """The events of one kind that lie on the path to the result."""
    gone = abandoned(entries)
    return every([e for index, e in enumerate(entries) if index not in gone], kind)


def curve(entries: Sequence[Entry]) -> tuple[Timed[Evaluated], ...]:
    """Evaluations of the *select* part while training went on: those of the ending left out."""
    over = min((stop.t for stop in every(entries, Stopped)[-1:]), default=float("inf"))
    found = kept(entries, Evaluated)
    return tuple(e for e in found if e.event.part == "select" and e.t <= over)


def _while_working(event: Event, *, rehearsing: bool) -> Phase:
    """The phase that ends with `event` between the start and the ending."""
    if _of_base(event):
        return "start"
    if rehearsing:
        return "rehearsal"
    by_kind: dict[type, Phase] = {
        Evaluated: "evaluations", Answered: "evaluations", Saved: "saves",
    }  # fmt: skip
    return by_kind.get(type(event), "training")


def _of_base(event: Event) -> bool:
    """Whether what is there before step 1 was kept, looked at or tried, and so no training."""
    if isinstance(event, Saved):
        return event.step == 0
    if isinstance(event, Answered):
        return event.when == "before"
    first = isinstance(event, Evaluated) and (event.base or event.step == 0)
    return first or isinstance(event, Continued | Sized | Piloted | Rated)


def phase_of(event: Event, mode: Phase, *, rehearsing: bool) -> Phase:
    """The phase that the time up to `event` was spent in, given what was going on before it."""
    if isinstance(event, Started | Prepared) and mode == "start":
        return "start"
    if mode == "ending" and isinstance(event, Crashed):
        return "ending"  # it had done its training; publishing follows
    if isinstance(event, Resumed | Crashed | Prepared | Started):
        # A start on the way moves the end: of a live night too, where that costs part of a step.
        return "away" if mode == "away" else "lost"
    if mode == "ending":
        return "ending"
    return _while_working(event, rehearsing=rehearsing)


def mode_after(event: Event, phase: Phase) -> Phase:
    """What goes on after `event`."""
    after: dict[type, Phase] = {Started: "start", Stopped: "ending", Ended: "away"}
    return after.get(type(event), phase)


def _raw_segments(entries: Sequence[Entry]) -> Iterator[Segment]:
    gone = abandoned(entries)
    rehearsal = next((i for i, e in enumerate(entries) if isinstance(e.event, Rehearsed)), -1)
    mode: Phase = "start"
    since = 0.0
    for index, entry in enumerate(entries):
        phase = phase_of(entry.event, mode, rehearsing=index <= rehearsal)
        until = max(entry.t, since)
        if isinstance(entry.event, Sized | Piloted) and phase == "start":
            begun = max(until - entry.event.seconds, since)  # of what is before it, all was opened
            yield Segment(start=since, end=begun, phase=phase)
            since, phase = begun, "trials"
        yield Segment(start=since, end=until, phase="lost" if index in gone else phase)
        since, mode = until, mode_after(entry.event, phase)


def segments(entries: Sequence[Entry]) -> tuple[Segment, ...]:
    """The whole night without gaps, neighbours of one phase joined.

    `lost` is what a crash or a rewind cost: work done again, being down, starting anew. `away` is
    the time between an end and the start that went on after it.
    """
    joined: list[Segment] = []
    for piece in _raw_segments(entries):
        if joined and joined[-1].phase == piece.phase:
            joined[-1] = Segment(start=joined[-1].start, end=piece.end, phase=piece.phase)
        elif piece.end > piece.start:
            joined.append(piece)
    return tuple(joined)


def seconds_by_phase(parts: Sequence[Segment]) -> dict[Phase, float]:
    """Seconds of every phase that occurred, in the order of a night."""
    totals = {phase: sum(s.end - s.start for s in parts if s.phase == phase) for phase in PHASES}
    return {phase: seconds for phase, seconds in totals.items() if seconds > 0}


def incidents(entries: Sequence[Entry]) -> tuple[Incident, ...]:
    """Everything that went otherwise, and every note, one sentence each."""
    found = []
    for e in entries:
        text = e.event.text if isinstance(e.event, Noted | Diagnosed) else trouble(e.event)
        if text:
            good = isinstance(e.event, Diagnosed) and e.event.good
            kind = "Noted" if good else type(e.event).__name__
            found.append(Incident(t=e.t, utc=e.utc, kind=kind, text=text))
    return tuple(found)


def answers(entries: Sequence[Entry]) -> tuple[Answers, ...]:
    """Answers paired by prompt; the last one counts where a prompt was answered twice."""
    told = [e.event for e in entries if isinstance(e.event, Answered)]
    texts = {(event.prompt, event.when): event.text for event in told}
    prompts = dict.fromkeys(event.prompt for event in told)
    return tuple(
        Answers(prompt=p, before=texts.get((p, "before")), after=texts.get((p, "after")))
        for p in prompts
    )


def moved(entries: Sequence[Entry]) -> bool:
    """Whether the deadline is another than the night was begun with."""
    ends = {entry.event.deadline_utc for entry in entries if isinstance(entry.event, Started)}
    return len(ends) > 1


def state(entries: Sequence[Entry]) -> State:
    """How the night stands as of its last entry."""
    for entry in reversed(entries):
        match entry.event:
            case Ended(exit_status=status):
                return "finished" if status == 0 else "stopped" if status == 4 else "failed"
            case Crashed():
                return "crashed"
            case Stopped():
                return "ending"
            case Stepped() | Resumed():
                return "training"
            case Started():
                return "starting"
            case _:
                continue
    return "planned"

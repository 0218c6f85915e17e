"""When a night must be over: as asked, as its session allows, as it is moved.

In: a Request, a `Started`, a session's limit, instants. Out: a `Started` with its deadline, and
lines that say so. Never: files, a clock of its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo

from overnight.probe.clock import Clock, instant_words
from overnight.probe.session_limits import SessionLimit
from overnight.training import clocks
from overnight.values.errors import InputError
from overnight.values.ledger import Entry, Saved, Started
from overnight.values.request import Request
from overnight.values.units import show_duration

RELEASED_UTC = 1_767_225_600.0
"""1 January 2026, before the first of our versions: a clock that shows less was never set."""
SEVERAL = 2.0
"""A deadline more than so many times as far away as this session's end is meant for several
sessions: the schedule aims at it, and each session leaves what the next goes on from. A nearer one
was meant for this session, which then has to land: nobody may come back."""
JUMP_SECONDS = 2.0
"""Where UTC puts the first start this far from the journal's own count the clock was set since."""


def asked(request: Request, started_utc: float) -> float | None:
    """The deadline that a request means (UTC seconds); None where its epochs end it.

    Raises:
        InputError: two windows, none at all, one that is past, or a clock that was never set.
    """
    window, settings = request.window, request.settings
    if window.seconds is not None and window.ends_utc is not None:
        raise InputError("--within and --by are both given; a night has one window")
    if window.seconds is not None:
        return started_utc + window.seconds
    if window.ends_utc is not None:
        if started_utc < RELEASED_UTC:
            raise InputError("--by needs a clock that is right, and this machine's was never set; "
                             "set it, or give a length: --within 12h")  # fmt: skip
        if window.ends_utc <= started_utc:
            raise InputError(f"--by {window.label} is past")
        return window.ends_utc
    if settings.num_train_epochs is None and settings.max_steps is None:
        raise InputError("say when it must be done: --within 12h, --by 'sat 8am' or --epochs 3")
    return None


def wanted(begun: Started) -> float | None:
    """The deadline as it was asked for, whatever sessions made of it."""
    cut = begun.limit and begun.session_utc is None
    return begun.asked_utc if cut else begun.deadline_utc


def held_to(begun: Started, limit: SessionLimit | None, now_utc: float) -> Started:
    """The same night in a session with this limit.

    What ends soon after the session is cut to it; what ends long after it keeps its deadline, and
    this session is left for another to go on.
    """
    ends = wanted(begun)
    plain = replace(_until(begun, ends), limit="", asked_utc=None, session_utc=None)
    if limit is None or limit.leave_utc <= now_utc:
        return plain
    if ends is not None and ends <= limit.leave_utc:
        return plain
    if ends is not None and ends - now_utc > SEVERAL * (limit.leave_utc - now_utc):
        return replace(plain, limit=limit.name, session_utc=limit.leave_utc)
    return replace(_until(plain, limit.leave_utc), limit=limit.name, asked_utc=ends)


def _until(begun: Started, ends_utc: float | None) -> Started:
    if ends_utc == begun.deadline_utc:
        return begun
    length = None if ends_utc is None else ends_utc - begun.started_utc
    return replace(begun, deadline_utc=ends_utc, window_seconds=length)


def moved(begun: Started, ends_utc: float, *, now_utc: float, t: float) -> Started:
    """The same night with the deadline that is asked for moved; `t`: its seconds so far.

    The limit of its session stays. Where the wall clock was set meanwhile, the first start is told
    by the clock as it is now, so that no second is won or lost.
    """
    first = now_utc - t
    if abs(first - begun.started_utc) < JUMP_SECONDS:
        first = begun.started_utc
    limit = _limit_of(begun)
    again = replace(begun, started_utc=first, limit="", asked_utc=None, session_utc=None)
    length = ends_utc - first
    return held_to(replace(again, deadline_utc=ends_utc, window_seconds=length), limit, now_utc)


def _limit_of(begun: Started) -> SessionLimit | None:
    """The limit that a night was begun or went on under."""
    leave = begun.deadline_utc if begun.session_utc is None else begun.session_utc
    if not begun.limit or leave is None:
        return None
    who, _, source = begun.limit.removesuffix(")").partition(" (")
    return SessionLimit(who=who, source=source, ends_utc=leave, leave_utc=leave)


def moved_since(entries: Sequence[Entry], name: str) -> bool:
    """Whether the deadline was set anew after checkpoint `name` was saved."""
    for entry in reversed(entries):
        if isinstance(entry.event, Started):
            return True
        if isinstance(entry.event, Saved) and entry.event.name == name:
            return False
    return False


def leaves_at(begun: Started, now_utc: float, now_boot: float) -> float | None:
    """When this session is left, on the boot-time clock; None where the night ends in it."""
    return None if begun.session_utc is None else now_boot + begun.session_utc - now_utc


def over_at(begun: Started, clock: Clock, last: Entry | None) -> float | None:
    """When this process has to be over on the boot-time clock: with the night, or before it."""
    ends = clocks.deadline_boot(begun, clock, last=last)
    leaves = leaves_at(begun, clock.utc(), clock.boot())
    return min((at for at in (ends, leaves) if at is not None), default=None)


def session_words(begun: Started, limit: SessionLimit | None, zone: tzinfo) -> str:
    """One line on what the session's limit means for this night; nothing where it means nothing."""
    if limit is None or begun.limit != limit.name:
        return ""
    when = instant_words(limit.ends_utc, zone=zone)
    early = show_duration(limit.ends_utc - limit.leave_utc)
    ends = f"{limit.who} ends this job at {when} ({limit.source})"
    if begun.session_utc is None:
        return f"{ends}: the window ends {early} before"
    return (f"{ends}, long before the deadline: this session is left {early} earlier, and the same "
            "command in the next job goes on")  # fmt: skip

"""What a person asks of a night from outside: to end, or to have more time.

In: a run folder, instants and lengths. Out: small files there that the running night looks for, its
deadline in the journal, one line that says what comes of it. Never: touches a model; waits.
"""

import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from overnight.probe.clock import Clock, echo, local_zone
from overnight.story import windows
from overnight.story.alone import running
from overnight.story.asked import EXTEND, STOP
from overnight.story.closing import newest_stop
from overnight.training import journal
from overnight.training.journal import Journal
from overnight.values.errors import InputError
from overnight.values.ledger import Ended, Entry, Started

DONE = {
    "horizon": "all its planned steps are done",
    "patience": "its held-out loss no longer fell",
    "overfit": "its held-out loss had begun to rise",
}
"""Ends that more time would not have moved."""


def stop(run: Path, *, now: bool = False) -> str:
    """Asks the running night to anneal and end, or `now`: to save and end.

    Raises:
        InputError: no night is running there, or it cannot be reached.
    """
    owner = running(run)
    if owner is None:
        raise InputError(f"no night is running in {run}: there is nothing to stop")
    if not now:
        (run / STOP).touch()
        return (f"{run} lets its learning rate fall to zero over at most a fifth of the steps done "
                "and ends, never past its deadline; the same train command goes on")  # fmt: skip
    if not owner.send(signal.SIGINT):
        raise InputError(f"{run} is run by {owner.words}, and only from there can it be ended at "
                         "once; leave out --now")  # fmt: skip
    return f"{run} saves and ends; the same train command goes on"


@dataclass(frozen=True, slots=True, kw_only=True)
class More:
    """One way to say when it has to be over now."""

    seconds: float | None = None
    """Beyond its deadline, or from now on where that has passed."""
    within: float | None = None
    """Seconds from now on."""
    ends_utc: float | None = None

    def instant(self, ends_utc: float, now_utc: float) -> float:
        """The new deadline of a night whose deadline is `ends_utc`."""
        if self.ends_utc is not None:
            return self.ends_utc
        if self.within is not None:
            return now_utc + self.within
        return max(ends_utc, now_utc) + (self.seconds or 0.0)


def extend(run: Path, clock: Clock, more: More) -> str:
    """Moves the deadline of a night that runs, or of one that ended with its window.

    Raises:
        InputError: there is no night, or none whose deadline means anything.
    """
    begun = _begun(run)
    now = clock.utc()
    ends = windows.wanted(begun)
    if ends is None:
        raise InputError(f"{run} has no deadline to move: it ends when its epochs are done")
    moved = replace(begun, by_clock=begun.by_clock or more.ends_utc is not None)
    with Journal.open(run, clock) as written:
        moved = windows.moved(moved, more.instant(ends, now), now_utc=now, t=written.now())
        written.note_start(moved)
    alive = running(run) is not None
    if alive:
        journal.write_json(run / EXTEND, moved)
    return _line(run, moved, now, alive=alive)


def _begun(run: Path) -> Started:
    entries = journal.read(run)
    begun = journal.started(entries)
    if begun is None:
        raise InputError(f"{run} holds no night whose deadline could be moved")
    done = _done(entries)
    if done:
        raise InputError(f"{run} is over, since {done}: more time would change nothing; "
                         "--fresh starts over, with more epochs if you like")  # fmt: skip
    return begun


def _done(entries: Sequence[Entry]) -> str:
    """Why more time would change nothing; empty where it would."""
    last = entries[-1].event if entries else None
    stop = newest_stop(list(entries))
    ended = isinstance(last, Ended) and last.exit_status == 0
    return DONE.get(stop.reason, "") if ended and stop is not None else ""


def _line(run: Path, moved: Started, now: float, *, alive: bool) -> str:
    ends = windows.wanted(moved)
    assert ends is not None
    said = f"{run}: {echo(ends, now_utc=now, zone=local_zone())}"
    if moved.limit:
        said += f"; the session's end stays ({moved.limit})"
    return said if alive else f"{said}; the same train command goes on"

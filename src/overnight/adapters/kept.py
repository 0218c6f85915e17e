"""What a run of somebody's own Trainer keeps in its checkpoints: the deadline, the pace, the rate.

In: `by="sat 8am"` or `within="7h30m"` and a clock; `trainer_state.json`'s entry of the callback.
Out: a `Term`, and a `Kept` that goes into JSON and back. Never: a file; those are the Trainer's.
"""

import math
from dataclasses import dataclass
from typing import Any

from overnight.adapters.rates import Descent
from overnight.codec import from_json, to_json
from overnight.probe.clock import Clock, local_zone, parse_instant
from overnight.values.errors import ArgumentError, InputError
from overnight.values.units import parse_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """The window of a run, on both clocks, as it was set at its first start."""

    words: str
    """As the user wrote it: the same words keep the deadline when the run goes on."""
    started_utc: float
    ends_utc: float
    started_boot: float
    """Comparable while the machine's `boot_id` is the same."""
    boot_id: str

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self.ends_utc - self.started_utc

    def started_at(self, clock: Clock) -> float:
        """The beginning on this boot's clock; below zero where another boot saw it."""
        if clock.boot_id() == self.boot_id:
            return self.started_boot
        return clock.boot() + (self.started_utc - clock.utc())

    def ends_at(self, clock: Clock) -> float:
        """The deadline on this boot's clock."""
        return self.started_at(clock) + self.seconds


def term(*, by: str | None, within: str | None, clock: Clock) -> Term:
    """The window that begins now.

    Raises:
        ArgumentError: none or both of `by` and `within` are given, or one cannot be read.
    """
    if (by is None) == (within is None):
        raise ArgumentError('by or within: give exactly one, by="sat 8am" or within="7h30m"')
    now = clock.utc()
    return Term(
        words=f"by {by}" if by is not None else f"within {within}",
        started_utc=now,
        ends_utc=_by(by, now) if by is not None else now + length("within", str(within)),
        started_boot=clock.boot(),
        boot_id=clock.boot_id(),
    )


def _by(text: str, now: float) -> float:
    """A full date that is over is kept: the run that it was given for may be there to go on."""
    try:
        return parse_instant(text, now_utc=now, zone=local_zone(), past=True)
    except InputError as error:
        raise ArgumentError(f"by: {error}") from error


def length(name: str, text: str) -> float:
    """Seconds of a duration that was given as the argument `name`.

    Raises:
        ArgumentError: it cannot be read.
    """
    try:
        return parse_duration(text)
    except InputError as error:
        raise ArgumentError(f"{name}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a checkpoint remembers of its run; every field but the term may be missing."""

    term: Term
    step: int = 0
    """At which this was written."""
    descent: Descent | None = None
    """Where the learning rate is on its way to the horizon."""
    seconds: tuple[float, ...] = ()
    """Of the last steps."""
    save_seconds: float = 0.0
    look_seconds: float = 0.0
    """The dearest seen; 0 where none was."""
    ended: str = ""
    """Why training ended at `step`; empty while it goes on."""
    steps_wanted: int = 0
    """What the arguments asked for then."""
    planned_steps: int = 0
    """The horizon as the first measured steps allowed it."""
    estimated_seconds: float = math.nan
    """From the window's beginning to the end, as foretold then."""
    ours: tuple[int, ...] = ()
    """Steps of the checkpoints that the clock asked for and not the arguments."""

    def finished(self, term: Term, *, step: int, steps_wanted: int) -> bool:
        """Whether a run that is asked for again has nothing left to do."""
        same = self.term.words == term.words and steps_wanted <= max(self.steps_wanted, step)
        return bool(self.ended) and self.step == step and same


def as_json(kept: Kept) -> dict[str, Any]:
    """What `trainer_state.json` takes."""
    written: dict[str, Any] = to_json(kept)
    return written


def from_state(entry: Any) -> Kept | None:
    """What the callback wrote into `trainer_state.json`; None where there is nothing of ours.

    Raises:
        InputError: it is there and damaged.
    """
    found = entry[0] if isinstance(entry, list) and entry else entry
    written = found.get("attributes", {}).get("kept") if isinstance(found, dict) else None
    if not written:
        return None
    try:
        return from_json(written, Kept)
    except ValueError as error:
        raise InputError(f"trainer_state.json: the deadline kept in it is damaged ({error}); "
                         "resume from an older checkpoint") from error  # fmt: skip

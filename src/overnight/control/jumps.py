"""Clocks that were set, and sleep: what three readings say at each look.

In: readings of the wall clock, the boot-time clock and the clock that stands still in sleep. Out: a
`Jumped` where they went by different amounts, and whether a forward jump has held. Never: a clock.
"""

from dataclasses import dataclass, replace

from overnight.values.troubles import Jumped

JUMP_SECONDS = 2.0
"""Between two looks; what NTP corrects by slewing is under 0.5 ms a second (adjtimex(2))."""
HOLDS_SECONDS = 30.0
"""A clock set forward is believed once it has stayed so this long: a mistake is mended by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Three clocks, read together (seconds)."""

    wall: float
    boot: float
    awake: float
    """Like `boot`, but standing still while the machine sleeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jumps:
    """The reading of the last look, and a forward jump that waits to be believed."""

    last: Reading
    ahead: float = 0.0
    """Seconds that the wall clock has been set forward by and not back again, unbelieved."""
    since: float = 0.0
    """Since when, on the boot-time clock."""

    def after(self, now: Reading) -> tuple["Jumps", Jumped | None, bool]:
        """The next one; what happened since the last look; whether a forward jump has now held."""
        went = now.boot - self.last.boot
        set_by = now.wall - self.last.wall - went
        slept = went - (now.awake - self.last.awake)
        set_by = set_by if abs(set_by) > JUMP_SECONDS else 0.0
        slept = slept if slept > JUMP_SECONDS else 0.0
        told = Jumped(wall_seconds=set_by, slept_seconds=slept) if set_by or slept else None
        then = self._set(now, set_by) if set_by else replace(self, last=now)
        if then.ahead <= JUMP_SECONDS or now.boot - then.since < HOLDS_SECONDS:
            return then, told, False
        return replace(then, ahead=0.0), told, True

    def _set(self, now: Reading, by: float) -> "Jumps":
        """A clock set back takes away from what waits; a new jump forward waits anew."""
        ahead = max(self.ahead + by, 0.0)
        since = now.boot if by > 0 else self.since
        return Jumps(last=now, ahead=ahead, since=since)

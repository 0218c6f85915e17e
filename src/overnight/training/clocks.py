"""When a night ends by the clock of this process.

In: a night's start, the journal's last entry, a clock. Out: a reading of the boot clock. Never:
moves a deadline; trusts the time of day alone, for it may be set.
"""

from overnight.training.journal import Clock
from overnight.values.ledger import Entry, Started


def deadline_boot(started: Started, clock: Clock, *, last: Entry | None = None) -> float | None:
    """The deadline as a reading of this process's boot clock; None for a night without one.

    The earliest of what UTC says, what is left of the window by the boot clock of the first start,
    and, after a reboot, what the journal's `last` entry leaves of it: a clock set back cannot
    extend the night. Where a mere length was asked for, UTC has no say within one boot.
    """
    ends: list[float] = []
    counted = started.boot_id == clock.boot_id() and not started.by_clock
    if started.deadline_utc is not None and not counted:
        ends.append(clock.boot() + started.deadline_utc - clock.utc())
    budget = started.window_seconds
    if budget is not None and started.boot_id == clock.boot_id():
        ends.append(started.started_boot + budget)
    elif budget is not None:
        spent = max(clock.utc() - started.started_utc, last.t if last else 0.0)
        ends.append(clock.boot() + budget - spent)
    return min(ends, default=None)

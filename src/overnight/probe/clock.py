"""The clocks of this machine, and "sat 8am" as an instant.

In: the operating system's clocks (this is the one place that knows them), or a clock time as a
person writes it. Out: seconds. Never: durations ("7h30m": values/units.py), deciding, sleeping.
Proven on Linux; the macOS and Windows branches follow their vendors' manuals and are unproven.
"""

import os
import subprocess
import sys
import time
import uuid
from datetime import datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Protocol

from overnight.probe.clock_words import MONTHS, WEEKDAYS, Wish, read_wish
from overnight.values.errors import InputError
from overnight.values.units import show_duration

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What the rest of the house may know of time."""

    def boot(self) -> float:
        """Seconds on a clock that never jumps and runs on through suspend."""
        ...

    def utc(self) -> float:
        """Seconds since the Unix epoch; may jump when the machine's time is set."""
        ...

    def awake(self) -> float:
        """Seconds on a clock that stands still while the machine sleeps, for prices."""
        ...

    def boot_id(self) -> str:
        """A name for this boot; readings of `boot` compare only while it is the same."""
        ...


class SystemClock:
    """The clocks of the machine that this runs on."""

    def boot(self) -> float:
        """Seconds on a clock that never jumps and runs on through suspend."""
        if sys.platform == "linux":
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        if sys.platform == "darwin":
            # clock_gettime(3) there: CLOCK_MONOTONIC goes on in sleep, the clock of
            # time.monotonic() (mach_absolute_time) does not. Unproven.
            return time.clock_gettime(time.CLOCK_MONOTONIC)
        # Windows: GetTickCount64, from Python 3.13 on the performance counter; both are
        # documented to count sleep and hibernation. Unproven.
        return time.monotonic()

    def utc(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time()

    def awake(self) -> float:
        """Seconds on a clock that stands still in sleep; where none does, as `boot` counts."""
        if sys.platform == "darwin":
            return time.monotonic()  # mach_absolute_time: see above. Unproven.
        # Linux: CLOCK_MONOTONIC, without suspend (clock_gettime(2)).
        return time.monotonic() if sys.platform == "linux" else self.boot()

    def boot_id(self) -> str:
        """A name for this boot."""
        return _boot_id()


@cache
def _boot_id() -> str:
    """The kernel's name for this boot; a random one, equal to no other, where it gives none."""
    if sys.platform == "darwin":
        asked = subprocess.run(["sysctl", "-n", "kern.bootsessionuuid"],
                               capture_output=True, text=True, check=False)  # fmt: skip
        return asked.stdout.strip() or _nameless_boot()
    try:
        return _BOOT_ID.read_text().strip() or _nameless_boot()
    except OSError:
        return _nameless_boot()


def _nameless_boot() -> str:
    return f"process-{uuid.uuid4()}"


def process_started(clock: Clock) -> float:
    """When this process started, on `clock.boot()`; its present reading where that is unknown.

    Linux counts a process's start on the boot-time clock (proc(5): field 22 of stat, in ticks), so
    the interpreter's own start and the imports before this call are counted in.
    """
    if sys.platform != "linux":
        return clock.boot()
    try:
        # The second field is the program's name in parentheses and may hold anything.
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started = int(fields[22 - 3]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return clock.boot()
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - started
    return clock.boot() - max(age, 0.0)


def process_mark(pid: int, clock: Clock) -> str:
    """What no other process bears, whoever gets its number later and whatever the wall clock does.

    Empty where there is no such process.
    """
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return f"{clock.boot_id()} {fields[22 - 3]}"
    import psutil

    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""


def local_zone() -> tzinfo:
    """The time zone of this machine with its summer-time rules.

    Raises:
        InputError: TZ names a zone that nobody knows.
    """
    from tzlocal import get_localzone

    try:
        return get_localzone()
    except (LookupError, ValueError) as error:
        raise InputError(f"the time zone of this machine is unreadable ({error}); "
                         "set TZ, for example TZ=Europe/Berlin") from error  # fmt: skip


def parse_instant(text: str, *, now_utc: float, zone: tzinfo, past: bool = False) -> float:
    """The next instant (seconds since the Unix epoch) that a clock time in `zone` means.

    "8:00" and "sat 8am" are the next such time after `now_utc`; a full date is that very time.
    Where clocks go back, the earlier of both instants is taken unless it is over. `past` keeps a
    full date that is over: the night that it was given for may be there to be resumed.

    Raises:
        InputError: unreadable, without a clock time, past, or skipped by summer time.
    """
    wish = read_wish(text, now=_wall(now_utc, zone=zone))
    instants = wish.instants or _instants(wish, text=text, now_utc=now_utc, zone=zone)
    ahead = [instant for instant in instants if instant > now_utc]
    if past and instants and not ahead:
        return max(instants)
    if not ahead:
        raise InputError(f"'{text}' is past: it is {instant_words(now_utc, zone=zone)} now; "
                         "give a time that is still ahead")  # fmt: skip
    return min(ahead)


def _wall(utc: float, *, zone: tzinfo) -> datetime:
    """What a clock on the wall shows at an instant."""
    return datetime.fromtimestamp(utc, zone).replace(tzinfo=None)


def _instants(wish: Wish, *, text: str, now_utc: float, zone: tzinfo) -> list[float]:
    """Every instant that the wished wall times mean, up to the first one that is ahead."""
    found: list[float] = []
    for wall in wish.walls:
        both = [wall.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)]
        real = [instant for instant in both if _wall(instant, zone=zone) == wall]
        if not real and wall > _wall(now_utc, zone=zone):
            raise InputError(f"'{text}' does not exist: clocks go forward on {_day(wall)} and "
                             f"skip {wall:%H:%M}; write {_an_hour_after(wall):%H:%M}")  # fmt: skip
        found += real
        if any(instant > now_utc for instant in real):
            break
    return found


def _an_hour_after(wall: datetime) -> datetime:
    """An hour later: what the clocks show in place of a time that summer time skips."""
    return wall + timedelta(hours=1)


def _day(wall: datetime) -> str:
    return f"{WEEKDAYS[wall.weekday()].title()} {wall.day} {MONTHS[wall.month - 1].title()}"


def instant_words(utc: float, *, zone: tzinfo) -> str:
    """An instant in a zone: "Sat 21 Nov 08:00 CET"."""
    there = datetime.fromtimestamp(utc, zone)
    return f"{_day(there)} {there:%H:%M} {there.tzname()}"


def echo(deadline_utc: float, *, now_utc: float, zone: tzinfo) -> str:
    """A deadline for people: "by Sat 21 Nov 08:00 CET, in 11 h 38 m"."""
    year = _wall(deadline_utc, zone=zone).year
    other = f" ({year})" if year != _wall(now_utc, zone=zone).year else ""
    left = deadline_utc - now_utc
    when = f"in {show_duration(left)}" if left >= 0 else f"{show_duration(-left)} ago"
    return f"by {instant_words(deadline_utc, zone=zone)}{other}, {when}"

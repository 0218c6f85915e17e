"""Clock times as people write them: "sat 8am", "tomorrow 07:30", "2026-11-21 08:00".

In: the text and what the wall clock shows. Out: a `Wish`: the wall times that it can mean, or
instants where the text names its own offset. Never: the user's zone, asking a clock (clock.py).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from overnight.values.errors import InputError
from overnight.values.units import parse_duration

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_WEEKDAY = rf"(?:{'|'.join(WEEKDAYS)})[a-z]*"
_DAY = rf"(?:(?:on|this) )?(today|tonight|tomorrow|{_WEEKDAY})"
_TIME = re.compile(r"(?:at )?(\d{1,2})(?:[:.](\d\d))? ?(am|pm)?")
_TIME_AND_ZONE = re.compile(r"(?:at )?\d{1,2}(?::\d\d)? ?(?:am|pm)?(?: \S+)?")
_CLOCK_TIME = re.compile(r"\d{1,2}:\d\d|\d{1,2} ?[ap]\.?m\b|\bnoon\b")
_DATED = re.compile(rf"\b(?:{'|'.join(MONTHS)})[a-z]*\b|\d{{4}}")
_SLASHED = re.compile(r"\b(\d{1,2})[/.-](\d{1,2})[/.-]\d{2,4}\b")
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
              "tues", "weds", "thur", "thurs")  # fmt: skip
_EXAMPLES = 'write "sat 8am", "8:00", "tomorrow 07:30" or "2026-11-21 08:00"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a text can mean: naive wall times, or instants (Unix seconds); the soonest first."""

    walls: tuple[datetime, ...] = ()
    instants: tuple[float, ...] = ()


def read_wish(text: str, *, now: datetime) -> Wish:
    """What `text` can mean when the wall clock shows `now`.

    Raises:
        InputError: no clock time is in it, it can mean two things, or it cannot be read.
    """
    words = " ".join(text.lower().replace(",", " ").split())
    _refuse_length(words, text=text)
    return (_spoken(words, text=text, now=now) or _full_date(words, text=text)
            or _guarded_dateparser(words, text=text, now=now))  # fmt: skip


def _refuse_length(words: str, *, text: str) -> None:
    """A duration is not an instant, and across a change of summer time the two differ."""
    length = words.removeprefix("in ")
    try:
        parse_duration(length)
    except InputError:
        return
    if length != words or ":" not in words:
        raise InputError(f"'{text}' is a length, not a clock time; write --within \"{length}\"")


def _spoken(words: str, *, text: str, now: datetime) -> Wish | None:
    """Our own small grammar: a time of day with a day before or after it, or none."""
    day, clock = _day_and_clock(words)
    if day and not clock:
        raise InputError(f"'{text}' names no time of day; {_EXAMPLES}")
    if day and clock == "midnight":
        raise InputError(f"'{text}' can mean both ends of that day; write {day} 00:00 or 23:59")
    offsets = _day_offsets(day, now=now)
    at = _time_of_day(clock, text=text) if offsets else None
    if at is None:
        return None
    return Wish(walls=tuple(datetime.combine(now.date() + timedelta(days=offset), at)
                            for offset in offsets))  # fmt: skip


def _day_and_clock(words: str) -> tuple[str, str]:
    """The word for the day ("" where there is none) and the rest."""
    if found := re.fullmatch(rf"{_DAY}(?: (.+))?", words):
        return found[1], found[2] or ""
    if found := re.fullmatch(rf"(.+) {_DAY}", words):
        return found[2], found[1]
    return "", words


def _time_of_day(clock: str, *, text: str) -> time | None:
    if clock in ("noon", "midnight"):
        return time(12 if clock == "noon" else 0)
    found = _TIME.fullmatch(clock)
    if not found:
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
    if not _on_a_clock(hour, minute=minute, half=half):
        raise InputError(f"'{text}' is no time of day; {_EXAMPLES}")
    if not found[2] and not half:
        raise InputError(f"'{text}' does not say which {hour} o'clock; write {hour:02d}:00, "
                         "or am or pm behind it")  # fmt: skip
    return time(hour % 12 + 12 * (half == "pm") if half else hour, minute)


def _on_a_clock(hour: int, *, minute: int, half: str | None) -> bool:
    return minute < 60 and (1 <= hour <= 12 if half else hour < 24)


def _day_offsets(day: str, *, now: datetime) -> tuple[int, ...]:
    """Days from today, soonest first; none where the word is no day ("sunset")."""
    if not day:
        return (0, 1, 2)  # 2: today's is over and tomorrow's can be skipped by summer time
    if day in ("today", "tonight", "tomorrow"):
        return (int(day == "tomorrow"),)
    if day not in WEEKDAYS and day not in _LONG_DAYS:
        return ()
    ahead = (WEEKDAYS.index(day[:3]) - now.weekday()) % 7
    return (ahead, ahead + 7)


def _full_date(words: str, *, text: str) -> Wish | None:
    """A date and time as ISO 8601 has them, with or without an offset."""
    try:
        moment = datetime.fromisoformat(words.upper())
    except ValueError:
        return None
    if ":" not in words:
        raise InputError(f"'{text}' names no time of day; write {moment:%Y-%m-%d} 08:00")
    return _wish(moment, every=timedelta())


def _guarded_dateparser(words: str, *, text: str, now: datetime) -> Wish:
    """Whatever else dateparser reads, where it holds a clock time and can mean one thing only.

    Left alone it reads "7" as next July, 5/6/2026 the American way, and a weekday that is today
    as next week's.
    """
    slashed = _SLASHED.search(words)
    if slashed and max(int(slashed[1]), int(slashed[2])) <= 12 and slashed[1] != slashed[2]:
        raise InputError(f"'{text}' can mean two dates; write the year first: 2026-11-21 08:00")
    if re.search(rf"\bnext {_WEEKDAY}", words):
        raise InputError(f"'{text}' can mean two days; leave out 'next', or write the date")
    settings = {"RELATIVE_BASE": now, "PREFER_DATES_FROM": "future"}
    moment = _dateparser()(words, languages=["en"], settings=settings)
    if moment is None or not _CLOCK_TIME.search(words):
        raise InputError(f"'{text}' is not a clock time; {_EXAMPLES}")
    return _wish(moment, every=_period(words))


def _period(words: str) -> timedelta:
    """After how long the same words mean the next such time; zero where they name a date."""
    if _TIME_AND_ZONE.fullmatch(words):
        return timedelta(days=1)
    named = re.search(rf"\b{_WEEKDAY}", words) and not _DATED.search(words)
    return timedelta(days=7 if named else 0)


def _wish(moment: datetime, *, every: timedelta) -> Wish:
    """The moment, and the same a period before and after, since dateparser picks the wrong one."""
    moments = sorted({moment - every, moment, moment + every})
    if moment.tzinfo:
        return Wish(instants=tuple(each.timestamp() for each in moments))
    return Wish(walls=tuple(moments))


def _dateparser() -> Callable[..., Any]:
    """Imported only where our own grammar does not do: it takes 0.2 s."""
    from dateparser import parse

    return parse  # type: ignore[no-any-return]

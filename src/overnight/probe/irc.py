"""Logs of IRC channels: `[09:14] <nick> text`, a line a message, as most clients write them.

In: a text file. Out: its lines as `Said` or `NoTalk`, one at a time. Never: a line guessed to be
talk, the addresses that joins and parts show.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path

from overnight.probe.records import BadRows, Record, lines_of
from overnight.probe.said import NoTalk, Said, talk

_STAMP = (
    r"\[?(?:(?P<day>\d{4}-\d\d-\d\d)[T ])?(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?\]?"
)
_SPOKEN = re.compile(_STAMP + r"\s+<\s*[@+%&~]?(?P<nick>[^>\s]{1,40})>\s?(?P<text>.*)", re.DOTALL)
_ACTION = re.compile(_STAMP + r"\s+\*+\s+(?P<nick>\S{1,40})\s+(?P<text>.*)", re.DOTALL)
_SYSTEM = re.compile(r"(?:" + _STAMP + r"\s+)?(?:===|\*\*\*|-!-|-->|<--|---)\s")
_RENAMED = re.compile(r"(?:===|\*\*\*|-!-|--)\s+(?P<old>\S+) is now known as (?P<new>\S+)")
_DATE = re.compile(r"(?<!\d)(\d{4})-?(\d\d)-?(\d\d)(?!\d)")
_LOOKED = 40
HALF_A_DAY = 43_200
"""A clock that falls back by more has passed midnight; by less, lines are out of order."""


def is_log(path: Path) -> bool:
    """Whether most of a text file's first lines are those of a log."""
    first = [line for _, line in islice(lines_of(path, BadRows(skip=True)), _LOOKED)]
    known = [bool(_SPOKEN.match(line) or _SYSTEM.match(line)) for line in first]
    return any(_SPOKEN.match(line) for line in first) and 10 * sum(known) >= 8 * len(known)


def records(path: Path, bad: BadRows) -> Iterator[Record]:
    """Every line as a record whose value is a `Said` or a `NoTalk`."""
    reader = _Reader(path)
    for place, line in lines_of(path, bad):
        yield Record(reader.read(line, place), place)


class _Reader:
    """Knows the day and who was called what before."""

    def __init__(self, path: Path) -> None:
        found = _DATE.search(path.name)
        self._day = _day(found) if found else None
        self._clock = 0
        self._names: dict[str, str] = {}

    def read(self, line: str, place: str) -> Said | NoTalk:
        """One line."""
        spoken = _SPOKEN.match(line)
        renamed = None if spoken else _RENAMED.search(line)
        if renamed:
            self._names[renamed["new"]] = self._names.get(renamed["old"], renamed["old"])
            return NoTalk("joins, parts and other names")
        action = None if spoken else _ACTION.match(line)
        match = spoken or action
        if match is None:
            return NoTalk("joins, parts and other names" if _SYSTEM.match(line) else "no talk")
        nick = self._names.get(match["nick"], match["nick"])
        text = talk(match["text"])
        if not text:
            return NoTalk("commands and empty lines")
        text = f"*{text}*" if action else text
        return Said(author=nick, text=text, place=place, time=self._time(match))

    def _time(self, match: re.Match[str]) -> float | None:
        """Of a line: its own date, else the file's, a day later whenever the clock falls back."""
        own = _DATE.search(match["day"]) if match["day"] else None
        self._day = _day(own) if own else self._day
        clock = int(match["hour"]) * 3600 + int(match["minute"]) * 60 + int(match["second"] or 0)
        if own is None and self._day is not None and self._clock - clock > HALF_A_DAY:
            self._day += timedelta(days=1)
        self._clock = clock
        if self._day is None:
            return None
        midnight = datetime(self._day.year, self._day.month, self._day.day, tzinfo=UTC)
        return midnight.timestamp() + clock


def _day(found: re.Match[str]) -> date | None:
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None

"""What a row says of itself besides its text: how people took it, and when it was written.

In: raw records, columns that the user named. Out: `Marks`, which reads both of a record. Never: a
column guessed from its values alone, a time read that could be two.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from overnight.values.errors import DataError

ENGAGEMENT = (
    "engagement", "reactions", "reaction_count", "reactions_count", "num_reactions", "reply_count",
    "replies", "num_replies", "replies_count", "num_comments", "comment_count", "comments", "likes",
    "like_count", "num_likes", "likes_count", "favorite_count", "favorites", "score", "upvotes",
    "ups", "votes", "vote_count", "retweet_count",
)  # fmt: skip
TIMES = (
    "timestamp", "created_at", "created_utc", "created", "datetime", "date", "time", "sent_at",
    "posted_at", "published_at", "date_created", "ts",
)  # fmt: skip
_LOOKED = 200
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0))
"""A number of this size or above counts so many to a second; below the last it is no time."""
_FORMATS = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%d.%m.%Y %H:%M:%S",
            "%d.%m.%Y %H:%M", "%d.%m.%Y", "%a %b %d %H:%M:%S %z %Y")  # fmt: skip
_DATE = re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?!\d)")
_CLOCK = re.compile(r"\s*\[?(?:\d{4}-\d\d-\d\d[ T])?(\d\d?):(\d\d)(?!\d)")
NAMED = "the date in the file's name, and [HH:MM]"


@dataclass(frozen=True, slots=True)
class Marks:
    """Columns of a file that say how people took a row and when it was written; "": none does."""

    engagement: str = ""
    time: str = ""
    inside: str = ""
    """Column of the messages that hold both, where they are not the row's own."""

    def of(self, columns: dict[str, Any], place: str) -> tuple[float | None, float | None]:
        """(engagement, seconds since 1970 UTC) of a record."""
        holders = _messages(columns.get(self.inside)) if self.inside else [columns]
        counts = [count_of(one.get(self.engagement)) for one in holders if self.engagement]
        times = [seconds_of(one.get(self.time)) for one in holders if self.time]
        if self.time == NAMED:
            times = [dated(str(columns.get("text", "")), place)]
        known = [count for count in counts if count is not None]
        newest = max((time for time in times if time is not None), default=None)
        return sum(known) if known else None, newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the user said of the columns, and what a sample cannot do without."""

    engagement: str | None = None
    time: str | None = None
    needed: tuple[str, ...] = ()
    """`engagement`, `recent`."""
    read: bool = True
    """Whether anybody wants them of every row: reading them takes seven microseconds of each."""


def find(rows: Sequence[tuple[dict[str, Any], str]], chat: str, named: Named) -> Marks:
    """The columns of a file, by what (columns, place) of its head look like; `chat` is the column
    of its messages.

    Raises:
        DataError: a column that was named, or that a sample needs, is not there.
    """
    some = rows[:: max(1, len(rows) // _LOOKED)]
    own = [columns for columns, _ in some]
    found = _among(own, named)
    if not (found.engagement or found.time):
        inner = [one for columns in own for one in _messages(columns.get(chat))]
        within = _among(inner, Named())
        if within.engagement or within.time:
            found = Marks(within.engagement, within.time, chat)
    if not found.time and _mostly(dated(str(one["text"]), at) for one, at in some if "text" in one):
        found = replace(found, time=NAMED)
    _check(found, own, named, some[0][1] if some else "")
    return found


def _among(rows: Sequence[dict[str, Any]], named: Named) -> Marks:
    """The named columns, else the first known ones whose values can be read."""
    names = dict.fromkeys(name for row in rows for name in row)
    by_low = {name.lower(): name for name in reversed(names)}
    count = named.engagement or _readable(rows, ENGAGEMENT, by_low, count_of)
    when = named.time or _readable(rows, TIMES, by_low, seconds_of)
    return Marks(count, when)


def _readable(
    rows: Sequence[dict[str, Any]], known: Iterable[str], by_low: dict[str, str], read: Any
) -> str:
    there = (by_low[name] for name in known if name in by_low)
    return next((name for name in there if _mostly(read(row.get(name)) for row in rows)), "")


def _mostly(values: Iterable[float | None]) -> bool:
    """Whether half of them at least are there."""
    known = [value is not None for value in values]
    return bool(known) and 2 * sum(known) >= len(known)


def _check(found: Marks, rows: Sequence[dict[str, Any]], named: Named, place: str) -> None:
    """Raises DataError for what is named or needed and not there."""
    names = dict.fromkeys(name for row in rows for name in row)
    listed = ", ".join(f"`{name[:40]}`" for name in list(names)[:12]) or "none"
    for flag, name in (("--engagement-column", named.engagement), ("--time-column", named.time)):
        if name and name not in names:
            raise DataError(f"{place}: {flag} {name} is no column; found: {listed}")
    needs = (
        ("engagement", found.engagement, "of reactions, replies, likes, score or upvotes"),
        ("recent", found.time, "that says when a row was written (timestamp, created_at, date)"),
    )
    for kind, column, words in needs:
        flag = "--engagement-column" if kind == "engagement" else "--time-column"
        if kind in named.needed and not column:
            raise DataError(f"{place}: --prefer {kind} needs a column {words}; found: {listed}; "
                            f"name it with {flag}, or leave {kind} out")  # fmt: skip


def _messages(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [one for one in value if isinstance(one, dict)]


def count_of(value: Any) -> float | None:
    """How much engagement a value tells of: a number, or the sum of what a list or table holds."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return _number(value)
    if isinstance(value, dict):
        counts = [count_of(one) for one in value.values()]
        known = [one for one in counts if one is not None]
        return sum(known) if known or not value else None
    if isinstance(value, list):
        return sum(_weight(one) for one in value)
    return None


def _weight(one: Any) -> float:
    """Of one entry of a list: its own count ({"emoji": ..., "count": 3}), else one."""
    counted = count_of(one.get("count")) if isinstance(one, dict) else None
    return 1.0 if counted is None else counted


def _number(text: str) -> float | None:
    try:
        found = float(text.replace(",", ""))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def seconds_of(value: Any) -> float | None:
    """Seconds since 1970, of a number in any usual unit, an instant or its usual spellings; without
    a zone in UTC. A day and a month that could change places are not read."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _scaled(float(value))
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, date):
        return _utc(datetime(value.year, value.month, value.day))
    return _spelled(value.strip()) if isinstance(value, str) and value.strip() else None


def _scaled(number: float) -> float | None:
    return next((number / unit for least, unit in _UNITS if number >= least), None)


def _spelled(text: str) -> float | None:
    number = _number(text)
    if number is not None:
        return _scaled(number)
    for read in (datetime.fromisoformat, parsedate_to_datetime, *map(_reader, _FORMATS)):
        try:
            return _utc(read(text))
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _reader(form: str) -> Any:
    return lambda text: datetime.strptime(text, form)


def _utc(moment: datetime) -> float:
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return zoned.timestamp()


def dated(text: str, place: str) -> float | None:
    """The time of a piece of a log: the date at its beginning or in its file's name, with the
    [HH:MM] that it begins with."""
    head = text[:32]
    found = _DATE.search(head) or _DATE.search(place)
    if found is None:
        return None
    clock = _CLOCK.match(head)
    hours, minutes = (int(clock[1]), int(clock[2])) if clock else (0, 0)
    try:
        year, month, day = map(int, found.groups())
        return datetime(year, month, day, hours, minutes, tzinfo=UTC).timestamp()
    except ValueError:
        return None

"""How figures, clock times and strangers' text are written, alike on every page and terminal.

In: numbers, instants in UTC seconds, text from data or models. Out: short strings.
Never: the present time; instants are shown in the machine's own time zone.
"""

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from overnight.values.facts import Interval
from overnight.values.ledger import Loss
from overnight.values.units import show_bytes, show_count, show_duration

# Control characters, direction marks, line separators, tags and lone halves of characters: what can
# move a cursor, turn a line around or break an encoding. Joiners stay, since scripts need them.
_WILD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def json_text(value: object) -> str:
    """A JSON object for people's terminals and for programs: of what JSON lets stand, some turns a
    terminal's text around or starts its codes, and is escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return "".join(letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1]
                   for letter in text)  # fmt: skip


def inert(text: str) -> str:
    r"""The text with every character that could act shown as its number, as in `\x1b[31m`."""
    return _WILD.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))


def inert_line(text: str, limit: int = 200) -> str:
    """The same on one line, cut with an ellipsis after `limit` characters."""
    line = " ".join(inert(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _local(utc: float) -> datetime:
    return datetime.fromtimestamp(utc, UTC).astimezone()


def day_clock(utc: float) -> str:
    """The local day and time with its zone: "Sat 21 Nov 07:12 CET"."""
    return f"{_local(utc):%a %d %b %H:%M %Z}".strip()


def date(utc: float) -> str:
    """The local date, for lists of nights: "21 Nov"."""
    return f"{_local(utc):%d %b}"


def iso(utc: float) -> str:
    """ISO 8601 to the second, with the local offset."""
    return _local(utc).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How times of day are shown for one night: a day is named where it is not that of `near`."""

    near: float
    """UTC seconds of the instant that the reader has in mind."""
    exact: bool = False
    """To the second, for nights that last minutes."""

    def show(self, utc: float) -> str:
        """ "07:12", "07:12:40", "Sat 07:12"; a week off "28 Nov 07:12"."""
        there, here = _local(utc), _local(self.near)
        time = f"{there:%H:%M:%S}" if self.exact else f"{there:%H:%M}"
        if there.date() == here.date():
            return time
        far = abs(there - here).days >= 6
        return f"{there:%d %b} {time}" if far else f"{there:%a} {time}"

    def span(self, low: float, high: float) -> str:
        """ "07:12 to 07:31", the day named once; one time where both read the same."""
        first, last = self.show(low), self.show(high)
        if first == last:
            return first
        day = first.rpartition(" ")[0]
        return f"{first} to {last.removeprefix(day).strip() if day else last}"


def figure(value: float) -> str:
    """Four significant digits where it is small, grouped thousands where it is large."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def rate(value: float) -> str:
    """A learning rate: "2.5e-4"; zero as "0"."""
    if not value or not math.isfinite(value):
        return "0" if value == 0 else figure(value)
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def count_of(number: int, thing: str) -> str:
    """A number with its noun: "1 step", "2,400 steps"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def loss_words(loss: Loss) -> str:
    """A held-out loss with its interval: "1.214 (1.182 to 1.246)"."""
    return f"{loss.loss:.3f} ({loss.low:.3f} to {loss.high:.3f})"


def in_unit(value: float, unit: str) -> str:
    """One figure in its unit: `seconds`, `bytes`, `pace`, `count`, `epochs`, else plain."""
    if not math.isfinite(value):
        return figure(value)
    if unit == "pace":
        return f"{show_count(value)} tokens/s" if value >= 10 else f"{value:.2g} tokens/s"
    if unit == "epochs":
        return f"{value:.3g}" if value >= 0.01 else f"{value:.1g}"
    show = {"seconds": show_duration, "bytes": show_bytes, "count": show_count}.get(unit, figure)
    return show(value)


def between(interval: Interval, unit: str) -> str:
    """An interval in its unit, as one figure where both ends read the same."""
    low, high = in_unit(interval.low, unit), in_unit(interval.high, unit)
    if low == high:
        return low
    tail = " tokens/s" if unit == "pace" else ""
    return f"{low.removesuffix(tail)} to {high}"

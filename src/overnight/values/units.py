"""Durations, sizes and counts as people write them, and back.

In: strings such as "7h30m", "45s", "22.4 GiB". Out: seconds and bytes, and short strings again.
Never: clock times ("sat 8am" needs a clock: see probe/clock.py).
"""

import re

from overnight.values.errors import InputError

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_WORDS = {"sec": "s", "second": "s", "min": "m", "minute": "m", "hr": "h", "hour": "h", "day": "d"}
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]+)\s*")
_CLOCK = re.compile(r"(\d+):([0-5]\d)(?::([0-5]\d))?")
LONGEST = 10 * 365 * 86400.0
"""Seconds of the longest duration that is read: a longer one is a slip of the pen."""


def _unit(word: str) -> float | None:
    word = word.removesuffix("s") if len(word) > 1 else word
    return _SECONDS.get(_WORDS.get(word, word))


def parse_duration(text: str) -> float:
    """Seconds in "90s", "7h30m", "1.5 hours", "2d 4h", or "12:00:00" (hours first).

    Raises:
        InputError: the text is not a positive duration.
    """
    lowered = text.strip().lower()
    clock = _CLOCK.fullmatch(lowered)
    if clock:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        total = hours * 3600.0 + minutes * 60 + seconds
    else:
        parts = _PART.findall(lowered)
        units = [_unit(unit) for _, unit in parts]
        if not parts or None in units or _PART.sub("", lowered):
            raise InputError(f"'{text}' is not a duration; write 45s, 30m, 7h30m, 12h or 2d")
        amounts = [float(number.replace(",", ".")) for number, _ in parts]
        total = sum(a * u for a, u in zip(amounts, units, strict=True) if u is not None)
    if total <= 0:
        raise InputError(f"'{text}' is no time at all; a window needs at least some seconds")
    if total > LONGEST:
        raise InputError(f"'{text}' is longer than ten years; write 45s, 30m, 7h30m, 12h or 2d")
    return total


def show_duration(seconds: float) -> str:
    """Two leading units: "11 h 38 m", "3 m 05 s", "45 s", "0.4 s"."""
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    if seconds < 10:
        return f"{sign}{seconds:.1f} s"
    whole = round(seconds)
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    if days:
        return f"{sign}{days} d {hours} h"
    if hours:
        return f"{sign}{hours} h {minutes:02d} m"
    return f"{sign}{minutes} m {left:02d} s" if minutes else f"{sign}{left} s"


def show_bytes(count: float) -> str:
    """Binary units: "22.4 GiB", "512 MiB", "640 B"."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit in ("B", "KiB") else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def show_count(count: float) -> str:
    """Thousands grouped, millions and billions rounded: "7,473", "5.9 M", "8.03 B"."""
    if abs(count) >= 1e9:
        return f"{count / 1e9:.2f} B"
    if abs(count) >= 1e6:
        return f"{count / 1e6:.1f} M"
    return f"{count:,.0f}"

"""The words of `overnight extend [RUN] 2h`, `--within`, `--by`.

In: the words as typed. Out: which night, and a `More`. Never: moving anything.
"""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from overnight.probe.clock import parse_instant
from overnight.story.wishes import More
from overnight.values.errors import InputError
from overnight.values.units import parse_duration


def more_time(given: Mapping[str, Any], *, now_utc: float, zone: tzinfo) -> tuple[str | None, More]:
    """The night's name where one was given, and how its deadline moves.

    Raises:
        InputError: no time is given, two are, or one cannot be read.
    """
    run, more = given["run"], given["more"]
    if run is not None and more is None and _is_length(run):
        run, more = None, run  # `overnight extend 2h`: the newest night
    ways = {"TIME": more, "--within": given["within"], "--by": given["by"]}
    named = [name for name, value in ways.items() if value is not None]
    if len(named) != 1:
        why = f"{' and '.join(named)} both say how long" if named else "no time is given"
        raise InputError(f"{why}; write one: overnight extend 2h, --within 3h or --by 'sat 10am'")
    if given["by"] is not None:
        return run, More(ends_utc=parse_instant(given["by"], now_utc=now_utc, zone=zone))
    if given["within"] is not None:
        return run, More(within=parse_duration(given["within"]))
    return run, More(seconds=parse_duration(more))


def _is_length(text: str) -> bool:
    try:
        parse_duration(text)
    except InputError:
        return False
    return True

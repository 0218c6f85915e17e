"""What somebody said in a group, after any export has been read.

In: nothing. Out: `Said`, and what a line of a log is besides talk. Never: files, threads.
"""

import re
from dataclasses import dataclass

_COMMAND = re.compile(r"^[!/.?][a-z][\w-]*(\s|$)", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
MAIL = "[mail]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message of a group's log."""

    author: str
    text: str
    place: str
    """Where it stands: `general.json:17`."""
    time: float | None = None
    """Seconds since 1970 UTC."""
    key: str = ""
    """What others refer to it by."""
    answers: str = ""
    """The key of the message that it replies to."""
    taken: float = 0.0
    """Reactions to it."""


@dataclass(frozen=True, slots=True)
class NoTalk:
    """A line of a log that nobody said to anybody: why it is left out."""

    why: str


def talk(text: str) -> str:
    """What was said, without addresses of mail and with its lines stripped; "" for a command to a
    bot or for nothing at all."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    found = _MAIL.sub(MAIL, "\n".join(lines))
    return "" if _COMMAND.match(found) else found

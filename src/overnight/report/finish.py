"""When everything will be over, in words: an interval against the deadline.

In: instants in UTC seconds, a `Status`. Out: "finishes 07:12-07:31, deadline 08:00, on track".
Never: the present time.
"""

from dataclasses import dataclass, replace
from typing import Literal

from rich.text import Text

from overnight.report.words import Clock
from overnight.values.ledger import Status
from overnight.values.units import show_duration

Held = Literal["on track", "tight", "late"]
STYLES = {"on track": "green", "tight": "yellow", "late": "bold red"}


def spare_words(seconds: float) -> str:
    """A rest of time, no finer than a forecast is: whole minutes from ten minutes to an hour."""
    return f"{seconds / 60:.0f} min" if 600 <= seconds < 3600 else show_duration(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """When everything will be over, against the deadline; instants in UTC seconds."""

    low: float
    high: float
    deadline: float | None
    clock: Clock

    @property
    def held(self) -> Held | None:
        """`tight` where the deadline lies inside the interval; None without a deadline."""
        if self.deadline is None:
            return None
        return "on track" if self.high <= self.deadline else "tight" if self.low <= self.deadline \
            else "late"  # fmt: skip

    @property
    def span(self) -> str:
        """ "07:12-07:31"."""
        return self.clock.span(self.low, self.high).replace(" to ", "-")

    def words(self, *, short: bool = False) -> Text:
        """ "finishes 07:12-07:31, deadline 08:00, 29 m 00 s spare, on track"."""
        said = Text(f"finishes {self.span}")
        if self.deadline is None or self.held is None:
            return said
        said.append(f", deadline {replace(self.clock, near=self.high).show(self.deadline)}")
        if self.high <= self.deadline and not short:
            said.append(f", {spare_words(self.deadline - self.high)} spare")
        return said.append(", ").append(self.held, style=STYLES[self.held])


def finish_of(status: Status, *, now_utc: float) -> Finish | None:
    """The finish that a status foresees; None before there is a forecast."""
    if status.finish_low_utc is None or status.finish_high_utc is None:
        return None
    exact = status.finish_high_utc - status.started_utc < 3600
    return Finish(low=status.finish_low_utc, high=status.finish_high_utc,
                  deadline=status.deadline_utc, clock=Clock(near=now_utc, exact=exact))  # fmt: skip

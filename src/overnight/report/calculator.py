"""The guides' calculator as tables.

In: what `planning.calculator` found. Out: a table of the guides' arithmetic with the savings, the
true hours beside it, and the sentence why. Never: arithmetic.
"""

from collections.abc import Sequence

from rich.console import Console, Group
from rich.table import Table

from overnight.planning.calculator import (
    HALF_PRECISION,
    SENTENCE,
    Assumptions,
    Configuration,
)
from overnight.report import tables
from overnight.report.words import figure


def print_calculator(
    assumed: Assumptions, found: Sequence[Configuration], *, console: Console
) -> None:
    """What was assumed, the guides' table beside what is true, and why they differ."""
    tables.labelled(
        console,
        "Calculator",
        f"{assumed.samples:,} rows, {assumed.batch:,} a micro-batch; "
        f"{figure(assumed.seconds_per_step)} s a step of 16 micro-batches, "
        f"{figure(assumed.speed_factor)} times as fast in half precision (your assumptions, or "
        "the guides')",
    )
    title = "Hours by the guides' formula, and the true ones (*: what you asked for)"
    tables.show(console, title, _hours(found))
    tables.show(console, "Why", Group(SENTENCE, HALF_PRECISION, _counted(found)))


def _hours(found: Sequence[Configuration]) -> Table:
    """One line a configuration; the true hours are one figure where they do not differ."""
    made = tables.table("accumulation", "steps", "hours", "days", "saved", "true hours",
                        "truly saved", right=range(1, 7))  # fmt: skip
    for each in found:
        tables.row(
            made,
            f"{each.accumulation:,}, {each.name}{' *' if each.asked else ''}",
            f"{each.steps:,}",
            f"{each.hours:,.1f}",
            f"{each.days:,.1f}",
            _saved(each.saved_hours),
            _span(each),
            _saved(each.true_saved_hours),
        )
    return made


def _saved(hours: float) -> str:
    """Hours against the baseline; a dash where it is the same to a tenth of an hour."""
    return "-" if abs(hours) < 0.05 else f"{hours:,.1f}"


def _span(each: Configuration) -> str:
    low, high = (f"{hours:,.1f}" for hours in (each.true_hours.low, each.true_hours.high))
    return low if low == high else f"{low} to {high}"


def _counted(found: Sequence[Configuration]) -> str:
    """Where a loop takes another number of steps than the rounding says."""
    other = [f"{each.loop_steps:,} for {each.steps:,}" for each in found
             if each.loop_steps != each.steps]  # fmt: skip
    begun = "A loop also takes the last, short step"
    return f"{begun}: {', '.join(other)}." if other else f"{begun}; the counts are the same."

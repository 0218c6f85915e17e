"""Learning rates that were tried: where one beat the rule's, and what it means for a new horizon.

In: remembered nights of this machine and what is asked now. Out: a rate, or none. Never: a rate
that was set neither against the rule's own on the same data nor against others by pilots.
"""

from collections.abc import Sequence
from statistics import median

from overnight.planning import rules
from overnight.planning.alike import Asked
from overnight.values.lessons import Lessons, Remembered

SAME_RATE = 1.25
"""Two rates within this factor are one: the rule's own error is larger."""
BETTER = 1.02
"""Times the rule's gain: less lies within what another seed changes."""
SAME_HORIZON = 3.0
"""Nights whose steps differ by more are not compared: the longer one learns more at any rate."""


def rate_for(known: Lessons, *, method: str, hidden_size: int, steps: int) -> float | None:
    """The best night's rate carried over to a horizon of `steps`, as the rule carries its own."""
    if known.learning_rate is None:
        return None
    here = rules.learning_rate(method, hidden_size, steps)
    there = rules.learning_rate(method, hidden_size, known.learning_rate_steps)
    return float(f"{known.learning_rate * here / there:.3g}")


def best_rate(records: Sequence[Remembered], asked: Asked) -> tuple[float | None, int]:
    """The rate that beat the rule's on the same data, model and method, and its night's steps.

    A rate is judged by the median gain of its nights that ended well; where the rule's own rate was
    never tried there is nothing to beat, and the rule stands, unless pilots had chosen another.
    """
    alike = [record for record in records if _comparable(record, asked)]
    alike = [record for record in alike if _near(_steps(record), _steps(alike[0]), SAME_HORIZON)]
    ruled = [record for record in alike if _near(_rate(record), _rule(record), SAME_RATE)]
    if not ruled:
        return _newest_piloted(alike)
    best = max(alike, key=lambda record: _median_gain(alike, _rate(record)))
    if best in ruled or _median_gain(alike, _rate(best)) <= BETTER * _gain_of(ruled):
        return None, 0
    return _rate(best), round(_steps(best))


def _newest_piloted(alike: Sequence[Remembered]) -> tuple[float | None, int]:
    """What the last pilots on this data spoke for: flown once, their result serves again."""
    for record in alike:
        if record.piloted:
            return _rate(record), round(_steps(record))
    return None, 0


def _comparable(record: Remembered, asked: Asked) -> bool:
    """Whether its gain says something about the rate of the night that is asked for."""
    same = (record.architecture, record.num_parameters, record.hidden_size, record.data)
    wanted = (asked.architecture, asked.num_parameters, asked.hidden_size, asked.data)
    method = asked.method in (None, record.candidate.method)
    method &= record.candidate.strategy == "one-stage"  # another mean of rows a step
    measured = record.gain is not None and _steps(record) >= 1
    return same == wanted and bool(asked.data) and method and record.well and measured


def _steps(record: Remembered) -> float:
    return record.actual.get("steps", 0.0)


def _rate(record: Remembered) -> float:
    return record.candidate.learning_rate


def _rule(record: Remembered) -> float:
    return rules.learning_rate(record.candidate.method, record.hidden_size, round(_steps(record)))


def _near(one: float, other: float, factor: float) -> bool:
    return min(one, other) > 0 and max(one, other) <= factor * min(one, other)


def _median_gain(records: Sequence[Remembered], rate: float) -> float:
    return _gain_of([record for record in records if _near(_rate(record), rate, SAME_RATE)])


def _gain_of(records: Sequence[Remembered]) -> float:
    return median(record.gain or 0.0 for record in records)

"""What is still to come of a night, phase by phase, and when everything is over.

In: a Deadline, the time now. Out: seconds as intervals that hold nine times in ten. Never: decides;
what is kept in reserve is Deadline's, by the dearest prices; here are those to be expected.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from overnight.control.deadline import Deadline
from overnight.control.tempo import QUARTERS
from overnight.values.facts import Interval

Z90 = 1.645
"""Nine times in ten, for a normal spread."""
DRIFT = 0.08
"""What the pace of a whole night differs by from that of its first steps, nine times in ten, beyond
its scatter: chosen so that intervals are a fifth wide at most (bench/results/drift.md). That is
more than a quiet machine needs, and less than one that is used by others twice over."""
SEEN_WEIGHT = 3.0
"""How much faster than its share a stretch that was seen takes that doubt away."""
OUTLIER = 1.4
"""Times the median pace: a recent step that was slower was held up by something else, in part."""
LATER = 1.08
"""What a look takes once training has begun, of what the base's took: 0.99 to 1.17 in twelve nights
(the heap is cut up, other shapes were compiled meanwhile)."""
COLD = 1.15
"""Of two prices the dearer one was cold where it is far above the cheaper."""
TOGETHER = 2.0
"""Steps in a row that are slow together: what slows a machine lasts longer than a step."""
FOLLOWED = 0.05
"""What the clock's own end may be off: its horizon follows the pace, its last step is whole."""
EXIT = Interval(low=0.05, mid=0.1, high=0.5)
"""Seconds from the last word of the training process until publishing begins, on a processor: it
leaves without taking anything down (0.08 in a quiet night; a card's context was not measured)."""
ANSWERS = Interval(low=0.2, mid=1.0, high=1.3)
"""What answers after training take of what those before it took: they may end sooner."""
PUBLISH = Interval(low=0.8, mid=1.0, high=1.4)
"""What a fresh process takes of what importing and loading took once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Seconds that are still to come."""

    training: Interval
    evaluations: Interval
    saves: Interval
    ending: Interval
    publish: Interval

    @property
    def total(self) -> Interval:
        """All of them."""
        return self.training + self.evaluations + self.saves + self.ending + self.publish

    def phases(self) -> dict[str, Interval]:
        """By name."""
        return {"training": self.training, "evaluations": self.evaluations, "saves": self.saves,
                "ending": self.ending, "publish": self.publish}  # fmt: skip


def pace(night: Deadline) -> float:
    """Expected seconds a unit of load; the deadline's own is the plain mean, for it decides."""
    held = [(seconds, load + night.fixed_load) for seconds, load in night.recent if load]
    if not held:
        return night.pace
    most = OUTLIER * median(seconds / load for seconds, load in held)
    seconds = night.earlier[0] + sum(min(one, most * load) for one, load in held)
    load = night.earlier[1] + night.earlier[2] * night.fixed_load + sum(load for _, load in held)
    return seconds / load


def doubt(night: Deadline, seconds: float) -> float:
    """What the pace of the next so many seconds of steps may differ by, relatively."""
    steps, left = len(night.recent), max(night.horizon - night.step, 1)
    chance = Z90 * night.spread * math.sqrt(TOGETHER / max(steps, 1) + TOGETHER / left)
    return math.hypot(min(chance, 1.0), drift(night, seconds))


def drift(night: Deadline, seconds: float) -> float:
    """What the pace of the next so many seconds may be off by, beyond its scatter: what is usual
    elsewhere, weighed with what the quarters of this night so far differed by, and what it will
    have changed by if it goes on changing as it did."""
    tempo = night.tempo
    usual = DRIFT * math.sqrt(seconds / max(seconds + SEEN_WEIGHT * tempo.seconds, 1e-9))
    apart = tempo.differences(night.fixed_load)
    if not apart:
        return usual
    chance = 2 * TOGETHER * night.spread**2 / tempo.quarter_steps
    seen = [Z90**2 * min(max(one**2 - chance, 0.0), 1.0) for one in apart]
    quarters = 0.5 * seconds / (tempo.seconds / QUARTERS)  # to the middle of what is to come
    slope = max((sum(apart) / len(apart)) ** 2 - chance / len(apart) ** 2, 0.0)
    return math.sqrt((usual**2 + sum(seen)) / (1 + len(seen)) + min(slope * quarters**2, 1.0))


def ahead(night: Deadline, now: float, *, publish_seconds: float) -> Ahead:
    """Each phase that is still to come; publishing is expected to take `publish_seconds`."""
    horizon = max(night.horizon, night.step)
    middle = pace(night) * night.load(night.step, horizon)
    wide = doubt(night, middle)
    if night.bounded:
        wide = min(wide, FOLLOWED)  # a slower pace means fewer steps then, not a later end
    look, save = _usual_look(night, night.look_rows), _usual(night.save_prices)
    stretch = replace(night.stretch(now), look_seconds=look, save_seconds=save,
                      step_seconds=max(middle / max(horizon - night.step, 1), 1e-9))  # fmt: skip
    looks, saves = night.cadence.coming(stretch)
    last = _usual_look(night, night.test_rows)
    last += look if night.evaluated_step < night.horizon else 0.0
    last += save if night.saved_step < night.horizon else 0.0
    return Ahead(
        training=_about(middle, wide),
        evaluations=_about(looks * look, wide),
        saves=_about(saves * save, max(wide, 0.5)),
        ending=_about(last, wide) + ANSWERS.scaled(night.answer_seconds) + EXIT,
        publish=PUBLISH.scaled(publish_seconds),
    )


def finish(night: Deadline, now: float, *, publish_seconds: float) -> Interval:
    """When everything is over (boot seconds), nine times in ten inside."""
    coming = ahead(night, now, publish_seconds=publish_seconds).total
    ends = [now + coming.low, now + coming.mid, now + coming.high]
    if night.ends_at is not None:
        ends = [min(end, night.ends_at - night.reserve.margin) for end in ends]
    low, mid, high = (max(end, now) for end in ends)
    return Interval(low=low, mid=mid, high=high)


def _about(seconds: float, wide: float) -> Interval:
    return Interval(low=seconds / (1.0 + wide), mid=seconds, high=seconds * (1.0 + wide))


def _usual(prices: Sequence[float]) -> float:
    """The middle one; of the base's two their mean, unless the first was not yet warm."""
    if len(prices) == 2:
        return LATER * min(sum(prices) / 2.0, COLD * min(prices))
    return median(prices) if prices else 0.0


def _usual_look(night: Deadline, rows: int) -> float:
    return rows * _usual(night.look_rates)

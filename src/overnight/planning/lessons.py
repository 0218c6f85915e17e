"""What earlier nights say about the next: by what factor each prior was off, and the best rate.

In: records of nights, and what is asked now. Out: `Lessons`, robust against a bad night, wide where
they rest on few. Never: where records are kept; a lesson from another machine.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from overnight.planning.alike import Asked, likeness
from overnight.planning.rates import best_rate
from overnight.planning.room import fitted
from overnight.values.facts import Interval
from overnight.values.lessons import Lesson, Lessons, Remembered

NEWEST = 200
"""Records that are looked at: a year of nights, weighed in milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How one prior errs: what it depends on, and its spreads as standard deviations of logs."""

    depends: tuple[str, ...]
    prior: float
    """Of the prior itself, before any night."""
    night: float
    """Of one night about another that is alike."""
    offset: float = 0.0
    """Added to prior and actual: what is smaller is told by no ratio (`Lesson.offset`)."""


_MODEL = ("method", "precision", "architecture", "num_parameters")
_PRICE = 0.5
"""ln(15 / 7) / 1.645: the prices' own prior intervals reach twice as far up as their middle."""
_BUSY = 0.2
"""Two starts of one command on two shared cores: a judgement, soon outweighed by what is seen."""
_SECONDS = 0.25
"""Below it a price is the cost of opening files, whatever their size."""
_KINDS = {
    # 0.35 across published runs held out by source (bench/results/pace.md), twice that where
    # others use the same processors (bench/results/history.md); 18 of 20 nights within 0.81 to
    # 1.25 of their rehearsal: ln(1.25) / 1.645 (bench/results/windows.md).
    "tokens_per_second": _Kind(depends=(*_MODEL, "tokens"), prior=0.7, night=0.13),
    # The closed form's error on published rows (bench/results/memory.md), and a rerun's.
    "peak_bytes": _Kind(depends=_MODEL, prior=0.15, night=0.04),
    "imports": _Kind(depends=(), prior=_PRICE, night=_BUSY),
    "tokenising": _Kind(
        depends=("avg_tokens_per_sample",), prior=_PRICE, night=_BUSY, offset=_SECONDS
    ),
    "loading": _Kind(depends=("num_parameters",), prior=_PRICE, night=_BUSY, offset=_SECONDS),
    "settling": _Kind(depends=(*_MODEL, "tokens"), prior=_PRICE, night=0.5, offset=_SECONDS),
    "save": _Kind(depends=("method", "num_parameters"), prior=_PRICE, night=_BUSY, offset=_SECONDS),
    "evaluation": _Kind(
        depends=(*_MODEL, "avg_tokens_per_sample"), prior=_PRICE, night=_BUSY, offset=_SECONDS
    ),
    "publish": _Kind(depends=("num_parameters",), prior=_PRICE, night=_BUSY),
}
"""The keys of `Plan.prior`. What a prior depends on decides which nights are alike for it."""

BETWEEN = 0.15
"""Share of a prior's variance that lies between kinds of nights on one machine, not between
machines: what nights unlike the one that is asked for cannot tell, however many they are."""
OTHER_VERSIONS = 0.3
"""Of overnight, too: its priors may be others by now. Two new nights outvote five old ones."""
HALF_LIFE_DAYS = 60.0
"""Machines change: drivers, neighbours, dust."""
DOUBT = 0.2
"""Weight of the prior as one more record that says `no correction`: it decides between two nights
that contradict each other, and is outvoted by any one that is alike."""
NIGHTS_ASSUMED = 1.5
"""How many nights' worth the assumed spread of nights counts beside the spread that is seen."""


def lessons(records: Sequence[Remembered], asked: Asked) -> Lessons:
    """What the records of this machine teach about the question; empty where none is its own."""
    own = [record for record in records if record.machine == asked.machine]
    newest = sorted(own, key=lambda record: -record.when_utc)[:NEWEST]
    by_key = {key: _lesson(newest, asked, key) for key in _KINDS}
    rate, steps = best_rate(newest, asked)
    known = {key: lesson for key, lesson in by_key.items() if lesson is not None}
    return Lessons(by_key=known, learning_rate=rate, learning_rate_steps=steps,
                   fitted=fitted(newest, asked))  # fmt: skip


def corrected(prior: Interval, lesson: Lesson | None) -> Interval:
    """The prior as history corrects it; itself where history says nothing.

    The lesson's interval takes the place of the prior's: it is what nights here have shown, and
    as wide as they were few.
    """
    if lesson is None:
        return prior
    offset, wide = lesson.offset, lesson.ratio.scaled(prior.mid + lesson.offset)
    low, mid, high = (max(value - offset, 0.0) for value in (wide.low, wide.mid, wide.high))
    return Interval(low=low, mid=mid, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """By how much one night's prior was off, and what that says here."""

    off: float
    """Logarithm of actual over prior."""
    alike: float
    weight: float
    """Likeness, freshness and versions together: 1 for a night alike, of today."""


def _lesson(records: Sequence[Remembered], asked: Asked, key: str) -> Lesson | None:
    """The factor by which one prior is off: a normal mean with a prior, on robust statistics."""
    seen = _seen(records, asked, key)
    if not seen:
        return None
    kind, count = _KINDS[key], sum(one.weight for one in seen)
    middle = _weighted_median([*((one.off, one.weight) for one in seen), (0.0, DOUBT)])
    apart = -_weighted_median([(-abs(one.off - middle), one.weight) for one in seen])
    more = max(count - 1.0, 0.0)  # one night alone has no spread
    # 1.4826: from the median distance to the standard deviation of a normal distribution.
    squares = NIGHTS_ASSUMED * kind.night**2 + more * (1.4826 * apart) ** 2
    night = squares / (NIGHTS_ASSUMED + more)
    unlike = 1.0 - sum(one.weight * one.alike for one in seen) / count
    between = BETWEEN * unlike * kind.prior**2
    certain = 1.0 / (night / count + between) + 1.0 / kind.prior**2
    shrunk = middle * (1.0 - 1.0 / (kind.prior**2 * certain))
    wide = _student(NIGHTS_ASSUMED + more) * math.sqrt(night + 1.0 / certain)
    # A night that is off by more than priors ever are is strange until others are like it.
    strange = max(abs(middle) - 2.0 * kind.prior, 0.0) * 0.5**count
    wide = min(wide, _NINE_IN_TEN * kind.prior) + _NINE_IN_TEN * strange
    low, mid, high = (math.exp(shrunk + side * wide) for side in (-1.0, 0.0, 1.0))
    ratio = Interval(low=low, mid=mid, high=high)
    return Lesson(ratio=ratio, nights=len(seen), offset=kind.offset)


def _seen(records: Sequence[Remembered], asked: Asked, key: str) -> list[_Seen]:
    """What the records that know the figure say, with their weights."""
    found = []
    for record in records:
        off = _off(record, key)
        if off is not None:
            alike = likeness(record, asked, _KINDS[key].depends)
            days = max(records[0].when_utc - record.when_utc, 0.0) / 86400.0
            fresh = math.exp2(-days / HALF_LIFE_DAYS)
            known = 1.0 if record.versions == asked.versions else OTHER_VERSIONS
            found.append(_Seen(off=off, alike=alike, weight=alike * fresh * known))
    return found


def _off(record: Remembered, key: str) -> float | None:
    offset = _KINDS[key].offset
    prior, actual = (told.get(key, -1.0) + offset for told in (record.prior, record.actual))
    if not (0.0 < prior < math.inf and 0.0 < actual < math.inf):
        return None  # not foretold, not measured, or no figure at all
    return math.log(actual / prior)


def _weighted_median(pairs: Sequence[tuple[float, float]]) -> float:
    """The value that half of the weight lies on either side of."""
    half, passed = sum(weight for _, weight in pairs) / 2.0, 0.0
    for value, weight in sorted(pairs):
        passed += weight
        if passed >= half:
            return value
    raise ValueError("no values")


_NINE_IN_TEN = 1.6449
"""Standard deviations to either side of a normal distribution's middle."""


def _student(freedom: float) -> float:
    """What nine in ten lie within, in standard deviations, where these are estimated from few.

    The expansion of Student's quantile about the normal one (Abramowitz and Stegun 26.7.5), two
    terms: 5 % low at 2 degrees of freedom, 2 % at 3, exact to three digits from 10.
    """
    z = _NINE_IN_TEN
    first = (z**3 + z) / 4.0
    second = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    return z + first / freedom + second / freedom**2

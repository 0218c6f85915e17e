"""What earlier nights say about the next: by what factor each prior was off, and the best rate.

In: records of nights, and what is asked now. Out: `Lessons`, robust against a bad night, wide where
they rest on few. Never: where records are kept; a lesson from another machine.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from overnight.planning import rules
from overnight.values.facts import Interval
from overnight.values.lessons import Lesson, Lessons, Remembered

NEWEST = 200
"""Records that are looked at: a year of nights, weighed in milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a lesson is wanted for; None where it is not settled yet."""

    machine: str
    versions: str
    architecture: str
    num_parameters: int
    avg_tokens_per_sample: float
    hidden_size: int = 0
    data: str = ""
    method: str | None = None
    precision: str | None = None
    tokens: float | None = None
    """Of a micro-batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How one prior errs: what it depends on, and its spreads as standard deviations of logs."""

    depends: tuple[str, ...]
    prior: float
    """Of the prior itself, before any night."""
    night: float
    """Of one night about another that is alike."""


_MODEL = ("method", "precision", "architecture", "num_parameters")
_PRICE = 0.5
"""ln(15 / 7) / 1.645: the prices' own prior intervals reach twice as far up as their middle."""
_BUSY = 0.2
"""Two starts of one command on two shared cores: a judgement, soon outweighed by what is seen."""
_KINDS = {
    # 0.35 across published runs held out by source, more on processors (bench/results/pace.md);
    # 18 of 20 nights within 0.81 to 1.25 of their rehearsal: ln(1.25) / 1.645
    # (bench/results/windows.md).
    "tokens_per_second": _Kind(depends=(*_MODEL, "tokens"), prior=0.5, night=0.13),
    # The closed form's error on published rows (bench/results/memory.md), and a rerun's.
    "peak_bytes": _Kind(depends=_MODEL, prior=0.15, night=0.04),
    "imports": _Kind(depends=(), prior=_PRICE, night=_BUSY),
    "tokenising": _Kind(depends=("avg_tokens_per_sample",), prior=_PRICE, night=_BUSY),
    "loading": _Kind(depends=("num_parameters",), prior=_PRICE, night=_BUSY),
    "settling": _Kind(depends=(*_MODEL, "tokens"), prior=_PRICE, night=0.5),
    "save": _Kind(depends=("method", "num_parameters"), prior=_PRICE, night=_BUSY),
    "evaluation": _Kind(depends=(*_MODEL, "avg_tokens_per_sample"), prior=_PRICE, night=_BUSY),
    "publish": _Kind(depends=("num_parameters",), prior=_PRICE, night=_BUSY),
}
"""The keys of `Plan.prior`. What a prior depends on decides which nights are alike for it."""

UNLIKE = {"method": 0.4, "precision": 0.3, "architecture": 0.7}
"""What a night counts that differs in one of these: judgements, tried in tests/planning."""
NEAR = 4.0
"""A factor in size at which a night counts 0.6, and at its square 0.14."""
LEAST = 0.15
"""What the most unlike night on this machine counts: a slow disk is slow for every model."""
OTHER_VERSIONS = 0.5
HALF_LIFE_DAYS = 60.0
"""Machines change: drivers, neighbours, dust."""
DOUBT = 0.3
"""Weight of the prior as one more record that says `no correction`: it decides between two nights
that contradict each other, and is outvoted by three."""
NIGHTS_ASSUMED = 3.0
"""How many nights' worth the assumed spread of nights counts beside the spread that is seen."""


def lessons(records: Sequence[Remembered], asked: Asked) -> Lessons:
    """What the records of this machine teach about the question; empty where none is its own."""
    own = [record for record in records if record.machine == asked.machine]
    newest = sorted(own, key=lambda record: -record.when_utc)[:NEWEST]
    by_key = {key: _lesson(newest, asked, key) for key in _KINDS}
    rate, steps = _best_rate(newest, asked)
    known = {key: lesson for key, lesson in by_key.items() if lesson is not None}
    return Lessons(by_key=known, learning_rate=rate, learning_rate_steps=steps)


def corrected(prior: Interval, lesson: Lesson | None) -> Interval:
    """The prior as history corrects it; itself where history says nothing.

    The lesson's interval takes the place of the prior's: it is what nights here have shown, and
    as wide as they were few.
    """
    return prior if lesson is None else lesson.ratio.scaled(prior.mid)


def rate_for(known: Lessons, *, method: str, hidden_size: int, steps: int) -> float | None:
    """The best night's rate carried over to a horizon of `steps`, as the rule carries its own."""
    if known.learning_rate is None:
        return None
    here = rules.learning_rate(method, hidden_size, steps)
    there = rules.learning_rate(method, hidden_size, known.learning_rate_steps)
    return float(f"{known.learning_rate * here / there:.3g}")


def again(record: Remembered) -> Asked:
    """The question that a remembered night would be if it were asked for again."""
    return Asked(
        machine=record.machine,
        versions=record.versions,
        architecture=record.architecture,
        num_parameters=record.num_parameters,
        avg_tokens_per_sample=record.avg_tokens_per_sample,
        hidden_size=record.hidden_size,
        data=record.data,
        method=record.candidate.method,
        precision=record.candidate.precision,
        tokens=_tokens(record),
    )


def _lesson(records: Sequence[Remembered], asked: Asked, key: str) -> Lesson | None:
    """The factor by which one prior is off, from the newest record to the oldest."""
    seen = [(ratio, _weight(record, asked, key=key, now=records[0].when_utc))
            for record in records if (ratio := _log_ratio(record, key)) is not None]  # fmt: skip
    if not seen:
        return None
    kind, count = _KINDS[key], sum(weight for _, weight in seen)
    middle = _weighted_median([*seen, (0.0, DOUBT)])
    off = -_weighted_median([(-abs(ratio - middle), weight) for ratio, weight in seen])
    more = max(count - 1.0, 0.0)  # one night alone has no spread
    # 1.4826: from the median distance to the standard deviation of a normal distribution.
    squares = NIGHTS_ASSUMED * kind.night**2 + more * (1.4826 * off) ** 2
    night = squares / (NIGHTS_ASSUMED + more)
    certain = count / night + 1.0 / kind.prior**2
    shrunk = middle * (count / night) / certain
    wide = _student(NIGHTS_ASSUMED + more) * math.sqrt(night + 1.0 / certain)
    low, mid, high = (math.exp(shrunk + side * wide) for side in (-1.0, 0.0, 1.0))
    return Lesson(ratio=Interval(low=low, mid=mid, high=high), nights=len(seen))


def _log_ratio(record: Remembered, key: str) -> float | None:
    prior, actual = record.prior.get(key), record.actual.get(key)
    if not prior or not actual or min(prior, actual) <= 0.0:
        return None
    ratio = math.log(actual / prior)
    return ratio if math.isfinite(ratio) else None


def _weight(record: Remembered, asked: Asked, *, key: str, now: float) -> float:
    """How much a record counts: 1 for a night alike, of today."""
    alike = math.prod(_likeness(record, asked, trait) for trait in _KINDS[key].depends)
    days = max(now - record.when_utc, 0.0) / 86400.0
    fresh = math.exp2(-days / HALF_LIFE_DAYS)
    known = 1.0 if record.versions == asked.versions else OTHER_VERSIONS
    return max(alike, LEAST) * fresh * known


def _likeness(record: Remembered, asked: Asked, trait: str) -> float:
    """1 where the two agree in a trait, or where it is not known yet."""
    theirs, ours = _trait(record, trait), getattr(asked, trait)
    if ours is None or theirs == ours:
        return 1.0
    if isinstance(theirs, str):
        return UNLIKE[trait]
    apart = math.log(max(theirs, 1e-9) / max(ours, 1e-9)) / math.log(NEAR)
    return math.exp(-0.5 * apart**2)


def _trait(record: Remembered, trait: str) -> float | str:
    if trait == "tokens":
        return _tokens(record)
    owner: object = record.candidate if trait in ("method", "precision") else record
    value: float | str = getattr(owner, trait)
    return value


def _tokens(record: Remembered) -> float:
    """Of a micro-batch."""
    length = min(record.avg_tokens_per_sample, record.candidate.max_length)
    return record.candidate.per_device_train_batch_size * length


def _weighted_median(pairs: Sequence[tuple[float, float]]) -> float:
    """The value that half of the weight lies on either side of."""
    half, passed = sum(weight for _, weight in pairs) / 2.0, 0.0
    for value, weight in sorted(pairs):
        passed += weight
        if passed >= half:
            return value
    raise ValueError("no values")


def _student(freedom: float) -> float:
    """What nine in ten lie within, in standard deviations, where these are estimated from few.

    The expansion of Student's quantile about the normal one (Abramowitz and Stegun 26.7.5), two
    terms: 2 % low at 3 degrees of freedom, exact to three digits from 10.
    """
    z = 1.6449
    first = (z**3 + z) / 4.0
    second = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    return z + first / freedom + second / freedom**2


SAME_RATE = 1.25
"""Two rates within this factor are one: the rule's own error is larger."""
BETTER = 1.02
"""Times the rule's gain: less lies within what another seed changes."""
SAME_HORIZON = 3.0
"""Nights whose steps differ by more are not compared: the longer one learns more at any rate."""


def _best_rate(records: Sequence[Remembered], asked: Asked) -> tuple[float | None, int]:
    """The rate that beat the rule's on the same data, model and method, and its night's steps.

    A rate is judged by the median gain of its nights that ended well; where the rule's own rate was
    never tried there is nothing to beat, and the rule stands.
    """
    alike = [record for record in records if _comparable(record, asked)]
    alike = [record for record in alike if _near(_steps(record), _steps(alike[0]), SAME_HORIZON)]
    ruled = [record for record in alike if _near(_rate(record), _rule(record), SAME_RATE)]
    if not ruled:
        return None, 0
    best = max(alike, key=lambda record: _median_gain(alike, _rate(record)))
    if best in ruled or _median_gain(alike, _rate(best)) <= BETTER * _gain_of(ruled):
        return None, 0
    return _rate(best), round(_steps(best))


def _comparable(record: Remembered, asked: Asked) -> bool:
    """Whether its gain says something about the rate of the night that is asked for."""
    same = (record.architecture, record.num_parameters, record.hidden_size, record.data)
    wanted = (asked.architecture, asked.num_parameters, asked.hidden_size, asked.data)
    method = asked.method in (None, record.candidate.method)
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

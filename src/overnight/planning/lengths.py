"""Row lengths -> what any `max_length` and micro-batch make of them: cut, padded, packed.

In: a data profile (201 quantiles of its rows' lengths, or the five percentiles). Out: tokens and
shares. Never: the rows themselves; real rows are padded by training/batches.py, in the same order.
"""

import math
from bisect import bisect_right, insort
from functools import lru_cache
from itertools import pairwise

from overnight.values.facts import DatasetProfile

PERCENTILES = (0.0, 0.5, 0.9, 0.99, 1.0)
"""Where `DatasetProfile.length_percentiles` lie."""
EULER = 0.5772
MEGA_STEPS = 32
"""Rows of so many steps are sorted by length together, then the steps are shuffled: little padding,
and every epoch another company."""
GROUPS = 256
"""Micro-batches that a block is thought to have at most: more change nothing that can be seen."""
PACKED_BINS = 200
"""Bins of a trial packing: its last, half-empty one then weighs half a per cent."""
KNOTS = 16
"""Straight pieces that a bent one is drawn with."""

Curve = tuple[tuple[float, float], ...]
"""Share of the rows and the length they do not exceed, both rising; straight lines between."""


def quantile(profile: DatasetProfile, share: float) -> float:
    """The uncut length that this share of the training rows does not exceed."""
    return _at(_curve(profile), share)


def mean_cut(profile: DatasetProfile, max_length: int) -> float:
    """Mean tokens of a training row after cutting at `max_length`."""
    return _mean(_cut(_curve(profile), max_length))


def truncated(profile: DatasetProfile, max_length: int) -> float:
    """Share of the training rows' tokens that cutting at `max_length` takes away."""
    return 1.0 - mean_cut(profile, max_length) / max(_mean(_curve(profile)), 1e-9)


def widths(
    profile: DatasetProfile, max_length: int, *, rows: int, rows_per_step: int | None = None
) -> tuple[float, ...]:
    """Padded widths of the micro-batches of one block of bucketed steps, the widest first.

    Every one has `rows` rows; `rows_per_step` is `rows` where nothing is accumulated. All are
    equally frequent, so that any cost of a width is averaged over them.
    """
    block = min(MEGA_STEPS * (rows_per_step or rows), GROUPS * rows, max(profile.num_train, rows))
    return _widths(_cut(_curve(profile), max_length), rows, block)


def bucketed_padding(
    profile: DatasetProfile, max_length: int, *, rows: int, rows_per_step: int | None = None
) -> float:
    """Share of the places in bucketed micro-batches that hold padding."""
    wide = widths(profile, max_length, rows=rows, rows_per_step=rows_per_step)
    return max(0.0, 1.0 - mean_cut(profile, max_length) * len(wide) / sum(wide))


def shuffled_padding(profile: DatasetProfile, max_length: int, *, rows: int) -> float:
    """Share of the places that hold padding where rows are batched in random order."""
    curve = _cut(_curve(profile), max_length)
    return max(0.0, 1.0 - _mean(curve) / _longest_of(curve, rows))


def packing_fill(profile: DatasetProfile, max_length: int) -> float:
    """Share of the places that rows fill when whole rows are packed into `max_length` places."""
    curve = _cut(_curve(profile), max_length)
    enough = round(PACKED_BINS * max_length / max(_mean(curve), 1.0))
    return _packed(curve, max(1, min(enough, profile.num_train, 20 * PACKED_BINS)), max_length)


def _curve(profile: DatasetProfile) -> Curve:
    """Lengths from the shortest to the longest row, by the best that the profile knows."""
    if profile.row_lengths:
        return _with_tail(profile.row_lengths, profile.num_train, profile.avg_tokens_per_sample)
    return _through(profile.length_percentiles, profile.avg_tokens_per_sample)


@lru_cache(maxsize=8)
def _with_tail(lengths: tuple[int, ...], rows: int, mean: float) -> Curve:
    """Straight lines, but for the last: few rows are nearly as long as the longest of many.

    The mean above the last quantile is what the mean of all rows leaves for it, and at least half
    of what an exponential tail has whose maximum over so many rows is the longest row.
    """
    last = len(lengths) - 1
    straight = [(place / last, float(length)) for place, length in enumerate(lengths[:-1])]
    end = (1.0, float(lengths[-1]))
    usual = min(0.5, 1.0 / (math.log(max(rows / last, 1.0)) + EULER))
    left = last * (mean - _mean(tuple(straight))) - lengths[-2]
    ratio = left / max(lengths[-1] - lengths[-2], 1e-9)
    return (*straight, *_bent(straight[-1], end, min(max(ratio, usual / 2.0), 0.5)))


@lru_cache(maxsize=8)
def _through(percentiles: tuple[int, ...], mean: float) -> Curve:
    """Lines through the percentiles, all bent alike, so that the mean is the one that is known."""
    known = [(share, float(at)) for share, at in zip(PERCENTILES, percentiles, strict=True)]
    least = sum((right[0] - left[0]) * left[1] for left, right in pairwise(known))
    room = sum((right[0] - left[0]) * (right[1] - left[1]) for left, right in pairwise(known))
    ratio = min(max((mean - least) / max(room, 1e-9), 0.05), 0.95)
    bent = [knot for left, right in pairwise(known) for knot in _bent(left, right, ratio)]
    return (known[0], *bent)


def _bent(left: tuple[float, float], right: tuple[float, float], ratio: float) -> Curve:
    """Knots after `left` up to `right` of a power curve whose mean height is `ratio` of its rise.

    A straight line's ratio is 1/2, a tail's is less.
    """
    power = 1.0 / ratio - 1.0
    places = [knot / KNOTS for knot in range(1, KNOTS + 1)]
    return tuple(
        (left[0] + (right[0] - left[0]) * at, left[1] + (right[1] - left[1]) * at**power)
        for at in places
    )


@lru_cache(maxsize=256)
def _cut(curve: Curve, max_length: int) -> Curve:
    """The same with lengths of at most `max_length` and at least one token."""
    knots = [(share, max(at, 1.0)) for share, at in curve if at < max_length]
    if len(knots) == len(curve):
        return tuple(knots)
    reached = curve[len(knots)]
    share = reached[0]
    if knots:
        low_share, low = knots[-1]
        share = low_share + (share - low_share) * (max_length - low) / (reached[1] - low)
    flat = ((share, float(max_length)), (1.0, float(max_length)))
    return (*knots, *flat)


@lru_cache(maxsize=512)
def _mean(curve: Curve) -> float:
    pieces = ((right[0] - left[0]) * (left[1] + right[1]) for left, right in pairwise(curve))
    return sum(pieces) / 2.0


def _at(curve: Curve, share: float) -> float:
    place = bisect_right(curve, (share, math.inf))
    if place == 0 or place == len(curve):
        return curve[min(place, len(curve) - 1)][1]
    (left, low), (right, high) = curve[place - 1 : place + 1]
    return low + (high - low) * (share - left) / (right - left)


@lru_cache(maxsize=512)
def _widths(curve: Curve, rows: int, block: int) -> tuple[float, ...]:
    """The longest row of each micro-batch of a sorted block, at the middle of its own share; the
    very longest of a block varies too much for that and is taken in the mean."""
    later = (_at(curve, 1.0 - (first + 0.5) / block) for first in range(rows, block, rows))
    return (_longest_of(curve, block), *later)


@lru_cache(maxsize=512)
def _longest_of(curve: Curve, rows: int) -> float:
    """Expected maximum of so many rows drawn at random: the integral of length over d(share^rows),
    by parts, exact for straight lines between the knots."""
    below = 0.0
    for (left, low), (right, high) in pairwise(curve):
        if right > left:
            area = (right ** (rows + 1) - left ** (rows + 1)) / (rows + 1)
            below += (high - low) / (right - left) * area
    return curve[-1][1] - below


@lru_cache(maxsize=64)
def _packed(curve: Curve, count: int, places: int) -> float:
    """Fill of all bins but the emptiest: each row, the longest first, into the fullest that has
    room for it."""
    lengths = [round(_at(curve, 1.0 - (row + 0.5) / count)) for row in range(count)]
    room: list[int] = []
    for length in lengths:
        fitting = next((at for at, free in enumerate(room) if free >= length), None)
        insort(room, (places if fitting is None else room.pop(fitting)) - length)
    used = room[:-1] or room
    return 1.0 - sum(used) / (places * len(used))

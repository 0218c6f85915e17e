"""Which of the training rows a sample keeps.

In: the sides of a split, what was taken down of every row, a `Wish`. Out: fewer training rows, and
how many were kept for what. Never: a held-out row touched; a choice that the order of rows changes.
"""

from dataclasses import replace

import numpy as np
import xxhash
from numpy.typing import NDArray

from overnight.planning.sampling import RECENT_DAYS, TOP_SHARE, Wish
from overnight.probe.marks import Marks
from overnight.probe.split import Rows, Split
from overnight.probe.tally import Hashes, Tally
from overnight.values.errors import DataError
from overnight.values.facts import Sampled

DAY = 86_400.0
_Mask = NDArray[np.bool_]


def sampled(sides: Split, tally: Tally, wish: Wish, marks: Marks) -> tuple[Split, Sampled]:
    """The sides with fewer rows to train on. Held-out rows were drawn from all of them before, so
    what is measured is the loss on data as it comes, not as it was picked.

    Raises:
        DataError: nothing would be left.
    """
    train, order = sides.train, _order(tally.hashes[sides.train])
    none = np.zeros(len(train), dtype=np.bool_)
    by_engagement, by_time = ("engagement" in wish.prefer), ("recent" in wish.prefer)
    engaged = top(tally.engagement[train], order) if by_engagement else none
    recent = (newest(tally.times[train]) & ~engaged) if by_time else none
    kept = _kept(engaged | recent, order, wish)
    if not kept.any():
        raise DataError(f"a sample of {len(train):,} rows that keeps none; give a larger --sample")
    told = Sampled(
        kept=int(kept.sum()), of=len(train), engaged=int((kept & engaged).sum()),
        recent=int((kept & recent).sum()), drawn=int((kept & ~engaged & ~recent).sum()),
        engagement=marks.engagement if by_engagement else "",
        time=marks.time if by_time else "", name=name_of(train[kept]),
    )  # fmt: skip
    return replace(sides, train=train[kept]), told


def name_of(rows: Rows) -> str:
    """A name for exactly these rows of a data set."""
    return xxhash.xxh3_128_hexdigest(np.ascontiguousarray(rows, dtype=np.int64).tobytes())


def _order(hashes: Hashes) -> NDArray[np.int64]:
    """Rows in an order that the seed draws and their content alone decides; another one than that
    which sides and samples for counting go by."""
    mixed = (hashes[:, 0] * np.uint64(0x9E3779B97F4A7C15)) ^ (hashes[:, 1] >> np.uint64(1))
    return np.argsort(mixed * np.uint64(0xBF58476D1CE4E5B9), kind="stable")


def top(engagement: NDArray[np.float64], order: NDArray[np.int64]) -> _Mask:
    """The top quarter; of equals those that come first in `order`, and none that nobody took more
    notice of than of any other."""
    found = np.zeros(len(engagement), dtype=np.bool_)
    known = order[~np.isnan(engagement[order])]
    if not len(known):
        return found
    ranked = known[np.argsort(-engagement[known], kind="stable")]
    best = ranked[: round(TOP_SHARE * len(engagement))]
    found[best[engagement[best] > engagement[known].min()]] = True
    return found


def newest(times: NDArray[np.float64]) -> _Mask:
    """Those of the last 90 days before the newest one; a row without a time is none."""
    last = np.nanmax(times) if not np.isnan(times).all() else np.inf
    return np.asarray(times >= last - RECENT_DAYS * DAY)


def _kept(whole: _Mask, order: NDArray[np.int64], wish: Wish) -> _Mask:
    """All preferred rows and a share of the others; of too many preferred ones some."""
    first, rest = order[whole[order]], order[~whole[order]]
    kept = np.zeros(len(whole), dtype=np.bool_)
    if wish.total is None:
        kept[first] = True
        kept[rest[: round((wish.share or 0.0) * len(rest))]] = True
    else:
        kept[np.concatenate((first, rest))[: wish.total]] = True
    return kept

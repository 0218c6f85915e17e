"""Rows onto sides: which are trained on, which choose a checkpoint, which judge it.

In: hashes of what rows say. Out: `Split`. Never: a duplicate on both sides, a side that depends on
the order of the rows.
"""

from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from overnight.probe.tally import Hashes
from overnight.values.errors import DataError

MIN_PART = 20
MAX_PART = 1000
PART_SHARE = 0.05
"""Sizes of *select* and *test* (DESIGN 5)."""

Rows = NDArray[np.int64]
_Some = NDArray[np.int32]
"""Rows while they are sorted: half of the memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Which row is for what: indices into (*rows, *held_out)."""

    train: Rows
    """In the order of the data."""
    select: tuple[int, ...]
    """Ordered by hash, so that any first N of them are a random sample; `test` too."""
    test: tuple[int, ...]
    shared: bool
    """Whether one part serves as both *select* and *test*."""
    duplicates: Rows
    """Rows left out because they say what another says."""
    leaked: Rows
    """Rows left out of training because the user's own held-out rows say the same."""

    @property
    def held_out(self) -> Rows:
        """*select* and *test*, each row once."""
        parts = self.select if self.shared else (*self.select, *self.test)
        return np.array(parts, dtype=np.int64)

    @property
    def rows(self) -> Rows:
        """Every row on some side, once."""
        return np.concatenate((self.train, self.held_out))


def split(hashes: Hashes, *, given: int, usable: NDArray[np.bool_]) -> Split:
    """Sides by content hash alone: the same row stays on its side when others come, as sizes allow.

    Rows past the first `given` are the user's own to judge by; they are halved. Rows that are not
    `usable` are left out.

    Raises:
        DataError: nothing is left to train on, or nothing to judge by.
    """
    count, judged = len(hashes), given < len(hashes)
    fit = np.flatnonzero(usable).astype(np.int32)
    own, rows = (_firsts(hashes, fit[side]) for side in (fit >= given, fit < given))
    copies = usable & ~_marks(count, own) & ~_marks(count, rows)
    leaks = _marks(count, _shared(hashes, rows, own) if judged else own)
    fresh = rows[~leaks[rows]]
    select, test = _halves(own) if judged else _parts(hashes, fresh)
    train = np.flatnonzero(_marks(count, fresh) & ~_marks(count, [*select, *test]))
    if not len(train) or not select:
        raise DataError(_too_few(len(fresh), given, judged=len(own) if judged else None))
    return Split(
        train=train, select=select, test=test, shared=select == test,
        duplicates=np.flatnonzero(copies), leaked=np.flatnonzero(leaks),
    )  # fmt: skip


def _marks(count: int, rows: _Some | list[int]) -> NDArray[np.bool_]:
    """A byte for each of `count` rows: whether it is one of these."""
    marks = np.zeros(count, dtype=np.bool_)
    marks[rows] = True
    return marks


def _too_few(fresh: int, rows: int, *, judged: int | None) -> str:
    """Why there is no split; `judged` counts what can be used of the user's own held-out rows."""
    if judged == 0:
        return "no row of the --eval data has anything to judge by; give others, or leave it out"
    if judged:
        return "no row is left to train on that is not in the --eval data too; give other rows"
    return (f"of its {rows} rows only {fresh} can be learnt from, copies counted once; two "
            "different rows are the least, one to train on and one to judge by")  # fmt: skip


def _ordered(hashes: Hashes, indices: _Some) -> _Some:
    """The same, by hash; of the same hash in their order. A sixteenth at a time, for memory."""
    first = (hashes[indices, 0] >> np.uint64(60)).astype(np.uint8)
    parts = [indices[first == digit] for digit in range(16)]
    sorted_ = [part[np.lexsort((hashes[part, 1], hashes[part, 0]))] for part in parts]
    return np.concatenate(sorted_)


def _firsts(hashes: Hashes, indices: _Some) -> _Some:
    """Of rows that say the same the first, ordered by hash."""
    ordered = _ordered(hashes, indices)
    return ordered[np.concatenate(([True], ~_repeated(hashes, ordered)))[: len(ordered)]]


def _shared(hashes: Hashes, rows: _Some, own: _Some) -> _Some:
    """Those of `rows` that say what one of `own` says; neither holds a copy of its own."""
    ordered = _ordered(hashes, np.concatenate((rows, own)))
    return np.asarray(ordered[:-1][_repeated(hashes, ordered)])


def _repeated(hashes: Hashes, ordered: _Some) -> NDArray[np.bool_]:
    """Of all but the first, whether a row says what the one before it says."""
    high = hashes[ordered, 0]
    same = high[1:] == high[:-1]
    alike = np.flatnonzero(same)
    same[alike] = hashes[ordered[alike], 1] == hashes[ordered[alike + 1], 1]
    return np.asarray(same)


def _halves(ordered: _Some) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two halves, or twice the same rows where a half would be too small."""
    held = tuple(ordered.tolist())
    if len(held) < 2 * MIN_PART:
        return held, held
    return held[::2], held[1::2]


def _parts(hashes: Hashes, ordered: _Some) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Rows of the smallest hashes; the lowest bit says which part, so none changes parts."""
    if len(ordered) < 3 * MIN_PART:
        few = tuple(ordered[: _shared_size(len(ordered))].tolist())
        return few, few
    size = max(MIN_PART, min(int(PART_SHARE * len(ordered)), MAX_PART))
    odds = (hashes[ordered, 1] % 2).astype(np.bool_)
    even, odd = (ordered[bit][:size].tolist() for bit in (~odds, odds))
    taken = {*even, *odd}
    near = ordered[: len(taken) + 2 * size].tolist()
    rest = (row for row in near if row not in taken)
    even, odd = ([*part, *islice(rest, size - len(part))] for part in (even, odd))
    return tuple(even), tuple(odd)


def _shared_size(count: int) -> int:
    """A third at most, one at least, none of a single row."""
    return min(MIN_PART, max(1, count // 3)) if count > 1 else 0

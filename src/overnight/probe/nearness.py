"""Which rows nearly say the same: a sketch of sixteen bytes a row, compared across two sides.

In: texts, spaces single and letters small. Out: sketches; pairs of like rows. Never: all pairs
compared, a text kept.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Sketches = NDArray[np.uint8]
"""Rows x 16: of each of 16 random orders of all three-word pieces the row's first, as one byte."""

HASHES = 16
BAND = 4
"""Rows whose bytes agree in one of four groups of four are compared: of pairs that share nine
tenths of their pieces 99 % are, of pairs that share a fifth 1 %."""
ALIKE = 13
"""Bytes of 16 that agree in like rows: 93 % of pairs that share nine tenths of their pieces reach
it, 65 % at eight tenths, 1 % at half (binomial)."""
COMPARED = 4
LEAST_WORDS = 8
"""In shorter rows a changed word may change all that is said."""
WORDS = 3

_ODD = np.random.default_rng(20).integers(1, 2**63, (3, HASHES), dtype=np.uint64) * 2 + 1
_CHUNK = 50_000
"""Rows compared at once: bounds the memory that it takes."""
_LAST = np.uint32(2**32 - 1)
_BASE = 0x9E3779B97F4A7C15
"""Odd, so that it has an inverse modulo 2^64: the hash of a word needs no loop over words."""
_END = " \x7f" * (WORDS - 1) + "\n"
"""Ends a row's text with as many words as let its last piece begin at its last word."""

_Array = NDArray[np.uint64]
_Codes = NDArray[np.uint8] | NDArray[np.uint32]
"""Letters; bytes where all are ASCII."""


def sketches(texts: Sequence[str]) -> Sketches:
    """One sketch a text; zeros, which are like nothing, where there are too few words."""
    found = np.zeros((len(texts), HASHES), np.uint8)
    if not any(texts):
        return found
    codes = _codes(_END.join(texts) + _END)
    starts, ends = _words(codes)
    words = _word_hashes(codes, starts, ends)
    rows = np.searchsorted(starts, np.concatenate(([0], np.flatnonzero(codes == 10)[:-1] + 1)))
    counts = np.diff(np.append(rows, len(starts))) - (WORDS - 1)
    pieces = _pieces(words).astype(np.uint32)
    past = np.add.outer(rows + counts, np.arange(WORDS - 1)).ravel()
    for n in range(HASHES):
        order = (pieces ^ _ODD[0, n].astype(np.uint32)) * _ODD[1, n].astype(np.uint32)
        order[past] = _LAST
        least = np.minimum.reduceat(order, rows)
        found[:, n] = (least ^ (least >> np.uint32(15))) & np.uint32(0xFF)
    found[counts < LEAST_WORDS] = 0
    return found


def near(
    sketches: Sketches, others: Sketches, rows: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """For each sketch, or each of `rows` among them, the one of `others` most like it, or -1.

    Time and memory grow with the number of both, not with their product: of others whose group of
    bytes is the same, the first four are compared.
    """
    rows = np.arange(len(sketches)) if rows is None else rows
    found = np.full(len(rows), -1, np.int32)
    known = np.flatnonzero(others.any(axis=1))
    for at in range(0, len(rows), _CHUNK):
        found[at : at + _CHUNK] = _nearest(sketches[rows[at : at + _CHUNK]], others[known], known)
    return found.astype(np.int64)


def _nearest(own: Sketches, others: Sketches, names: NDArray[np.int64]) -> NDArray[np.int64]:
    """The name of the most alike of `others` for each of `own`, or -1."""
    best = np.full(len(own), ALIKE - 1, np.int64)
    found = np.full(len(own), -1, np.int64)
    some = own.any(axis=1)
    for band in range(HASHES // BAND):
        theirs, mine = (_keys(side, band) for side in (others, own))
        order = np.argsort(theirs, kind="stable")
        first, past = (np.searchsorted(theirs[order], mine, side) for side in ("left", "right"))
        for n in range(COMPARED):
            here = np.flatnonzero((first + n < past) & some)
            other = order[first[here] + n]
            same = (own[here] == others[other]).sum(axis=1)
            more = same > best[here]
            best[here[more]], found[here[more]] = same[more], names[other[more]]
    return found


def _keys(sketches: Sketches, band: int) -> NDArray[np.uint32]:
    part = sketches[:, band * BAND : (band + 1) * BAND]
    return np.ascontiguousarray(part).view(np.uint32).ravel()


def _codes(text: str) -> _Codes:
    if text.isascii():
        return np.frombuffer(text.encode(), np.uint8)
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def _words(codes: _Codes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """[start, end) of every word; a Chinese or Japanese letter is one, and so is a wide symbol."""
    space = apart = codes <= 32
    wide: NDArray[np.bool_] | bool = False
    if codes.dtype != np.uint8:
        wide = (codes >= 0x2E80) & ((codes < 0xAC00) | (codes > 0xD7A3))
        apart = space | wide
    before = np.concatenate(([True], apart[:-1]))
    after = np.concatenate((apart[1:], [True]))
    starts = np.flatnonzero(~space & (before | wide))
    return starts, np.flatnonzero(~space & (after | wide)) + 1


def _word_hashes(codes: _Codes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> _Array:
    """A polynomial of every word's letters, from the running sum of all."""
    powers, inverses = _powers(1 << len(codes).bit_length())
    sums = np.concatenate(
        (np.zeros(1, np.uint64), np.cumsum(codes.astype(np.uint64) * powers[: len(codes)]))
    )
    return _mixed((sums[ends] - sums[starts]) * inverses[starts])


@lru_cache(maxsize=1)
def _powers(count: int) -> tuple[_Array, _Array]:
    """Powers of the base and of its inverse."""
    both = []
    for base in (_BASE, pow(_BASE, -1, 2**64)):
        steps = np.full(count, base, np.uint64)
        steps[0] = 1
        both.append(np.cumprod(steps))
    return both[0], both[1]


def _mixed(values: _Array) -> _Array:
    values = (values ^ (values >> np.uint64(31))) * _ODD[2, 0]
    return values ^ (values >> np.uint64(29))


def _pieces(words: _Array) -> _Array:
    """Hash of the three words that begin at each word."""
    after = np.concatenate((words, np.zeros(WORDS - 1, np.uint64)))
    joined = words
    for n in range(1, WORDS):
        joined = joined * _ODD[2, n] + after[n : n + len(words)]
    return _mixed(joined)

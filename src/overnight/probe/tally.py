"""What is kept of every row while the data goes by: 33 bytes (49 where it says when it was written
and how it was taken), none of its text.

In: rows, one at a time. Out: hashes of what they say, sketches of it, their places, whether there
is anything to learn; one fingerprint of them all. Never: a row held.
"""

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import repeat

import numpy as np
import xxhash
from numpy.typing import NDArray

from overnight.probe.nearness import HASHES, Sketches, sketches
from overnight.probe.sources import Fingerprint
from overnight.values.rows import Row

Hashes = NDArray[np.uint64]
"""Rows x 2: the high and the low half of 128 bits."""

_BATCH = 250_000
"""Letters sketched at once, about: their arrays stay in the processor's cache."""


class Tally:
    """Takes down every row that is drawn through it."""

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._fingerprint = Fingerprint()
        self._digests: list[bytes] = []
        self._texts: list[str] = []
        self._letters = 0
        self._hashes, self._sketches, self._learns = bytearray(), bytearray(), bytearray()
        self._places = _Places()
        self._engagement, self._times = _Figures(), _Figures()

    def __len__(self) -> int:
        return len(self._learns)

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, taken down as they go by."""
        for row in rows:
            self._take(row)
            yield row

    def _take(self, row: Row) -> None:
        said = normal(row)
        self._fingerprint.add(row)
        self._digests.append(_digest(said, self._seed))
        self._engagement.add(len(self), row.engagement)
        self._times.add(len(self), row.time)
        self._learns.append(any(turn.learn for turn in row.turns))
        self._places.add(row.source)
        spoken = [text for role, text in said if role != "system"]
        self._texts.append(" ".join(spoken))
        self._letters += len(self._texts[-1]) + 1
        if self._letters >= _BATCH:
            self._settle()

    def _settle(self) -> None:
        """Turns the last rows' texts and digests into what stays of them."""
        self._sketches += sketches(self._texts).tobytes()
        halves = np.frombuffer(b"".join(self._digests), ">u8")
        self._hashes += halves.astype(np.uint64).tobytes()
        self._texts.clear()
        self._digests.clear()
        self._letters = 0

    @property
    def fingerprint(self) -> str:
        """Of all rows so far."""
        return str(self._fingerprint)

    @property
    def hashes(self) -> Hashes:
        """Of what every row says."""
        self._settle()
        return np.frombuffer(self._hashes, np.uint64).reshape(-1, 2)

    @property
    def learns(self) -> NDArray[np.bool_]:
        """Whether a row has text that is to be learnt."""
        return np.frombuffer(self._learns, np.bool_)

    @property
    def sketches(self) -> Sketches:
        """Of every row's text."""
        self._settle()
        return np.frombuffer(self._sketches, np.uint8).reshape(-1, HASHES)

    @property
    def engagement(self) -> NDArray[np.float64]:
        """How people took every row; not a number where it does not say."""
        return self._engagement.whole(len(self))

    @property
    def times(self) -> NDArray[np.float64]:
        """When every row was written, likewise."""
        return self._times.whole(len(self))

    def place(self, index: int) -> str:
        """Where a row stands: `train.jsonl:17`."""
        return self._places.at(index)


class _Figures:
    """One number a row, where rows have any: eight bytes each then, none otherwise."""

    def __init__(self) -> None:
        self._held = array("d")

    def add(self, index: int, figure: float | None) -> None:
        if figure is not None:
            self._fill(index)
            self._held.append(figure)

    def _fill(self, count: int) -> None:
        self._held.extend(repeat(math.nan, count - len(self._held)))

    def whole(self, count: int) -> NDArray[np.float64]:
        self._fill(count)
        return np.array(self._held, dtype=np.float64)


class _Places:
    """Files and lines of rows: one entry for every run of rows on consecutive lines."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._firsts, self._lines, self._files = array("Q"), array("Q"), array("I")
        self._count, self._next = 0, -1

    def add(self, source: str) -> None:
        name, _, number = source.rpartition(":")
        line = int(number) if number.isdecimal() else 0
        if not self._names or name != self._names[-1]:
            self._names.append(name)
            self._next = -1
        if line != self._next:
            self._firsts.append(self._count)
            self._lines.append(line)
            self._files.append(len(self._names) - 1)
        self._count, self._next = self._count + 1, line + 1

    def at(self, index: int) -> str:
        run = bisect_right(self._firsts, index) - 1
        line = self._lines[run] + index - self._firsts[run]
        return f"{self._names[self._files[run]]}:{line}"


def normal(row: Row) -> list[tuple[str, str]]:
    """(role, text) of every turn, blind to letter case and to how it is spaced."""
    return [(turn.role, " ".join(turn.text.casefold().split())) for turn in row.turns]


def _digest(said: list[tuple[str, str]], seed: int) -> bytes:
    text = "\x1e".join([f"{role}\x1f{text}" for role, text in said])
    return xxhash.xxh3_128_digest(text.encode(), seed=seed)

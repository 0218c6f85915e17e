"""What is kept of every row while the data goes by: some fifty bytes, none of its text.

In: rows, one at a time. Out: hashes of what they say, sketches of it, their places, whether there
is anything to learn; one fingerprint of them all. Never: a row held.
"""

from array import array
from collections.abc import Iterable, Iterator

import numpy as np
import xxhash
from numpy.typing import NDArray

from overnight.probe.nearness import Sketches, sketches
from overnight.probe.sources import Fingerprint
from overnight.values.rows import Row

Hashes = NDArray[np.uint64]
"""Rows x 2: the high and the low half of 128 bits."""

_BATCH = 500
"""Rows sketched at once."""


class Tally:
    """Takes down every row that is drawn through it."""

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._fingerprint = Fingerprint()
        self._digests = bytearray()
        self._texts: list[str] = []
        self._sketches: list[Sketches] = []
        self._learns = array("B")
        self._lines = array("Q")
        self._names: list[tuple[int, str]] = []

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
        self._digests += _digest(said, self._seed)
        self._learns.append(any(turn.learn for turn in row.turns))
        self._placed(row.source)
        spoken = [text for role, text in said if role != "system"]
        self._texts.append(" ".join(spoken))
        if len(self._texts) >= _BATCH:
            self._sketch()

    def _placed(self, source: str) -> None:
        name, _, line = source.rpartition(":")
        if not self._names or self._names[-1][1] != name:
            self._names.append((len(self._lines), name))
        self._lines.append(int(line) if line.isdecimal() else 0)

    def _sketch(self) -> None:
        self._sketches.append(sketches(self._texts))
        self._texts.clear()

    @property
    def fingerprint(self) -> str:
        """Of all rows so far."""
        return str(self._fingerprint)

    @property
    def hashes(self) -> Hashes:
        """Of what every row says."""
        return np.frombuffer(bytes(self._digests), ">u8").reshape(-1, 2).astype(np.uint64)

    @property
    def learns(self) -> NDArray[np.bool_]:
        """Whether a row has text that is to be learnt."""
        return np.frombuffer(self._learns, np.bool_)

    def sketched(self) -> Sketches:
        """Sketches of all rows."""
        if self._texts:
            self._sketch()
        return np.concatenate(self._sketches or [np.zeros((0, 16), np.uint8)])

    def place(self, index: int) -> str:
        """Where a row stands: `train.jsonl:17`."""
        name = next(name for first, name in reversed(self._names) if first <= index)
        return f"{name}:{self._lines[index]}"


def normal(row: Row) -> list[tuple[str, str]]:
    """(role, text) of every turn, blind to letter case and to how it is spaced."""
    return [(turn.role, " ".join(turn.text.casefold().split())) for turn in row.turns]


def content_hash(row: Row, seed: int) -> int:
    """128 bits of what a row says, blind to letter case and to how it is spaced."""
    return int.from_bytes(_digest(normal(row), seed), "big")


def _digest(said: list[tuple[str, str]], seed: int) -> bytes:
    text = "\x1e".join([f"{role}\x1f{text}" for role, text in said])
    return xxhash.xxh3_128_digest(text.encode(), seed=seed)

"""What looks wrong in rows: holes, empty turns, garbled text, one answer over and over.

In: rows, one at a time. Out: findings, each with its count and first place. Never: a row changed,
left out or kept: of each 12 bytes remain.
"""

import re
from array import array
from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import xxhash
from numpy.typing import NDArray

from overnight.values.facts import Finding
from overnight.values.rows import Row

_HOLE = re.compile(r"\{\{\s*[A-Za-z_][\w .-]{0,40}\}\}")
_GARBLED = re.compile("\ufffd|Ã[\x80-\xbf©¨¤¶¼±³¡­]|â€[™œ˜¦“”\x9d]|Â[\xa0-\xbf]")
"""The replacement character, and UTF-8 that was read as Latin-1 or Windows-1252."""
_SAME_SHARE = 0.02
_SAME_LEAST = 10
_CHUNK = 50_000
_KINDS = {
    "hole": "have a {{name}} hole that nobody filled",
    "garbled": "hold garbled characters (wrong encoding)",
    "empty": "have a turn without text",
}
_SILENT = 0
"""In place of the hash of a prompt or an answer that is not there."""


class Looks:
    """Looks at every row as it goes by."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, str]] = {}
        self._asked, self._answered = array("Q"), array("I")

    def at(self, row: Row) -> None:
        """Look at the next row."""
        before: list[str] = []
        learnt: list[str] = []
        for turn in row.turns:
            (learnt if turn.learn else before).append(turn.text)
        for kind in {kind for text in chain(before, learnt) for kind in _wrong(text)}:
            self._count(kind, row.source)
        answer = "\n".join(learnt)
        self._asked.append(_hash("\x1e".join(before)) if before else _SILENT)
        self._answered.append(_hash(answer) & 0xFFFFFFFF if answer else _SILENT)

    def _count(self, kind: str, place: str) -> None:
        count, first = self._seen.get(kind, (0, place))
        self._seen[kind] = (count + 1, first)

    def findings(self, some: Callable[[list[int]], dict[int, Row]]) -> list[Finding]:
        """What has been seen; none where all looks well. `some` gives rows back by index."""
        counted = [
            Finding(kind=kind, count=self._seen[kind][0], what=what, example=self._seen[kind][1])
            for kind, what in _KINDS.items()
            if kind in self._seen
        ]
        return [*counted, *self._repeated(some)]

    def _repeated(self, some: Callable[[list[int]], dict[int, Row]]) -> list[Finding]:
        asked = np.frombuffer(self._asked, np.uint64)
        answered = np.frombuffer(self._answered, np.uint32)
        answer, count = _commonest(answered)
        prompt, again = _answered_otherwise(asked, answered)
        rows = some([index for index in (answer, prompt) if index >= 0])
        found = []
        if answer >= 0:
            said = " ".join(rows[answer].learnt.split())[:60]
            what = f"have the same answer ({said!r})"
            place = rows[answer].source
            found.append(Finding(kind="same-answer", count=count, what=what, example=place))
        if prompt >= 0:
            what = "ask what another row asks and answer otherwise, so held-out loss may flatter"
            place = rows[prompt].source
            found.append(Finding(kind="same-prompt", count=again, what=what, example=place))
        return found


def _wrong(text: str) -> Iterator[str]:
    if "{{" in text and _HOLE.search(text):
        yield "hole"
    if not text.isascii() and _GARBLED.search(text):
        yield "garbled"
    if not text or text.isspace():
        yield "empty"


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())


def _commonest(answers: NDArray[np.uint32]) -> tuple[int, int]:
    """(first row, rows) of the commonest answer where it is suspiciously common, or (-1, 0)."""
    said = np.sort(answers[answers != _SILENT])
    starts = np.flatnonzero(np.diff(said, prepend=~said[:1]))
    counts = np.diff(starts, append=len(said))
    top = int(counts.max(initial=0))
    if top < max(_SAME_LEAST, _SAME_SHARE * len(answers)):
        return -1, 0
    return int(np.isin(answers, said[starts[counts == top]]).argmax()), top


def _answered_otherwise(asked: NDArray[np.uint64], answered: NDArray[np.uint32]) -> tuple[int, int]:
    """(first row, rows) that ask what another asks and answer otherwise, or (-1, 0): the two may
    stand on either side."""
    both = (asked != _SILENT) & (answered != _SILENT)
    ordered = asked[both]
    ordered.sort()
    again = np.flatnonzero(both & _among(asked, ordered[1:][ordered[1:] == ordered[:-1]]))
    order = again[np.argsort(asked[again], kind="stable")]
    if not len(order):
        return -1, 0
    starts = np.flatnonzero(np.diff(asked[order], prepend=~asked[order[:1]]))
    low, high = (side.reduceat(answered[order], starts) for side in (np.minimum, np.maximum))
    differ = low != high
    if not differ.any():
        return -1, 0
    sizes = np.diff(starts, append=len(order))
    return int(order[starts[differ]].min()), int(sizes[differ].sum())


def _among(values: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of `values` are among the `known` ones, which rise; some at a time, for memory."""
    found = np.zeros(len(values), np.bool_)
    for at in range(0, len(values) if len(known) else 0, _CHUNK):
        some = values[at : at + _CHUNK]
        place = np.minimum(np.searchsorted(known, some), len(known) - 1)
        found[at : at + _CHUNK] = known[place] == some
    return found

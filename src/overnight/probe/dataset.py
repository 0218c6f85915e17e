"""Rows into a held-out split and a profile: what is in the data, what looks wrong.

In: rows, and their token counts as plain arrays. Out: `Split`, `DatasetProfile`. Never: a
tokenizer, a duplicate on both sides, a side that depends on the order of the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xxhash
from numpy.typing import NDArray

from overnight.probe.looks import looks
from overnight.probe.sources import Read
from overnight.values.errors import DataError
from overnight.values.facts import DatasetProfile, Finding
from overnight.values.rows import Row

MIN_PART = 20
MAX_PART = 1000
PART_SHARE = 0.05
"""Sizes of *select* and *test* (DESIGN 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Which row is for what: indices into (*rows, *held_out)."""

    train: tuple[int, ...]
    """In the order of the data."""
    select: tuple[int, ...]
    """Ordered by hash, so that any first N of them are a random sample; `test` too."""
    test: tuple[int, ...]
    shared: bool
    """Whether one part serves as both *select* and *test*."""
    duplicates: int
    """Rows left out because they say what another says."""
    leaked: int = 0
    """Rows left out of training because the user's own held-out rows say the same."""

    @property
    def rows(self) -> tuple[int, ...]:
        """Every row on some side, once."""
        return (*self.train, *self.select, *(() if self.shared else self.test))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """Tokens per row, over (*rows, *held_out); arrays of int64."""

    lengths: NDArray[np.int64]
    """Uncut."""
    learnt: NDArray[np.int64]
    """Of them learnt, uncut."""
    kept: NDArray[np.int64]
    """Of them learnt within `max_length`."""
    max_length: int
    chat_template: str


def content_hash(row: Row, seed: int) -> int:
    """128 bits of what a row says, blind to letter case and to how it is spaced."""
    said = (f"{turn.role}\x1f{' '.join(turn.text.casefold().split())}" for turn in row.turns)
    return int(xxhash.xxh3_128_intdigest("\x1e".join(said).encode(), seed=seed))


def split(
    rows: Sequence[Row],
    *,
    seed: int,
    held_out: Sequence[Row] = (),
    usable: Sequence[bool] | NDArray[np.bool_] | None = None,
) -> Split:
    """Sides by content hash alone: the same row stays on its side when others come, as sizes allow.

    `held_out` are the user's own rows to judge by; they are halved. `usable` (over both) leaves out
    rows that have nothing to learn.

    Raises:
        DataError: nothing is left to train on, or nothing to judge by.
    """
    hashes = [content_hash(row, seed) for row in (*rows, *held_out)]
    fit = [i for i in range(len(hashes)) if usable is None or usable[i]]
    own = _first_of([i for i in fit if i >= len(rows)], hashes)
    given = _first_of([i for i in fit if i < len(rows)], hashes)
    copies = len(fit) - len(own) - len(given)
    fresh = {digest: i for digest, i in given.items() if digest not in own}
    if held_out:
        select, test = _halves([own[digest] for digest in sorted(own)])
    else:
        select, test = _parts(fresh)
    out = {*select, *test}
    train = tuple(i for i in fresh.values() if i not in out)
    if not train or not select:
        raise DataError(_too_few(len(fresh), len(rows), judged=len(own) if held_out else None))
    return Split(
        train=train, select=select, test=test, shared=select == test, duplicates=copies,
        leaked=len(given) - len(fresh),
    )  # fmt: skip


def _too_few(fresh: int, rows: int, *, judged: int | None) -> str:
    """Why there is no split; `judged` counts what can be used of the user's own held-out rows."""
    if judged == 0:
        return "no row of the --eval data has anything to judge by; give others, or leave it out"
    if judged:
        return "no row is left to train on that is not in the --eval data too; give other rows"
    return (f"of its {rows} rows only {fresh} can be learnt from, copies counted once; two "
            "different rows are the least, one to train on and one to judge by")  # fmt: skip


def _first_of(indices: list[int], hashes: list[int]) -> dict[int, int]:
    """Hash -> the first row that has it, in the order of the rows."""
    found: dict[int, int] = {}
    for i in indices:
        found.setdefault(hashes[i], i)
    return found


def _halves(ordered: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two halves, or twice the same rows where a half would be too small."""
    if len(ordered) < 2 * MIN_PART:
        return tuple(ordered), tuple(ordered)
    return tuple(ordered[::2]), tuple(ordered[1::2])


def _parts(rows: dict[int, int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Rows of the smallest hashes; the lowest bit says which part, so none changes parts."""
    ordered = sorted(rows)
    if len(rows) < 3 * MIN_PART:
        few = tuple(rows[digest] for digest in ordered[: _shared_size(len(rows))])
        return few, few
    size = max(MIN_PART, min(int(PART_SHARE * len(rows)), MAX_PART))
    even = [digest for digest in ordered if digest % 2 == 0][:size]
    odd = [digest for digest in ordered if digest % 2][:size]
    taken = {*even, *odd}
    rest = [digest for digest in ordered if digest not in taken]
    for part in (even, odd):
        while len(part) < size:
            part.append(rest.pop(0))
    return tuple(rows[digest] for digest in even), tuple(rows[digest] for digest in odd)


def _shared_size(count: int) -> int:
    """A third at most, one at least, none of a single row."""
    return min(MIN_PART, max(1, count // 3)) if count > 1 else 0


def profile(
    read: Read, *, split: Split, counts: TokenCounts, notes: Sequence[Finding] = ()
) -> DatasetProfile:
    """What the data is, in tokens, with everything that a person should look at.

    `counts` span the same rows as `split`; `notes` are findings of the tokenising.
    """
    rows = np.array(split.rows)
    train = np.array(split.train)
    lengths = counts.lengths[rows]
    marks = np.percentile(lengths, (0, 50, 90, 99, 100), method="higher")
    low, mid, ninety, most, top = (int(mark) for mark in marks)
    return DatasetProfile(
        path=read.path,
        format=read.format,
        fingerprint=read.fingerprint,
        num_rows=len(rows),
        num_train=len(train),
        num_select=len(split.select),
        num_test=len(split.test),
        shared_heldout=split.shared,
        num_tokens=int(lengths.sum()),
        learnt_tokens=int(counts.learnt[rows].sum()),
        train_tokens=int(np.minimum(counts.lengths[train], counts.max_length).sum()),
        length_percentiles=(low, mid, ninety, most, top),
        chat_template=counts.chat_template,
        findings=(*read.findings, *notes, *_left_out(read.rows, split, counts), *looks(read.rows)),
    )


def _left_out(rows: Sequence[Row], split: Split, counts: TokenCounts) -> list[Finding]:
    """What of the rows is not trained on, and why."""
    longer = counts.lengths > counts.max_length
    empty, lost = counts.learnt == 0, (counts.learnt > 0) & (counts.kept == 0)
    cut = longer & (counts.kept > 0) & (counts.kept < counts.learnt)
    length = f"max_length ({counts.max_length} tokens)"
    found = [
        _marked("nothing-to-learn", empty, rows, "have nothing to learn from and are left out"),
        _marked("cut-away", lost, rows, f"lose all that is learnt to {length} and are left out"),
        _marked("cut", cut, rows, f"lose the end of what is learnt to {length}"),
    ]
    copies = (
        ("duplicate", split.duplicates, "say what another row says and are left out"),
        ("leak", split.leaked, "are in the held-out data too and are left out of training"),
    )
    found += [Finding(kind=kind, count=count, what=what) for kind, count, what in copies]
    return [finding for finding in found if finding.count]


def _marked(kind: str, mask: NDArray[np.bool_], rows: Sequence[Row], what: str) -> Finding:
    places = np.flatnonzero(mask)
    example = rows[places[0]].source if len(places) and places[0] < len(rows) else ""
    return Finding(kind=kind, count=len(places), what=what, example=example)

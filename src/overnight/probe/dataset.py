"""What the data is: rows and tokens, what cutting and batching make of them, what looks wrong.

In: what a pass over the data took down, its split, token counts as plain arrays. Out:
`DatasetProfile`. Never: a tokenizer, a row held.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from overnight.planning import lengths as paper
from overnight.probe.looks import Looks
from overnight.probe.nearness import near
from overnight.probe.sources import Source
from overnight.probe.split import Split
from overnight.probe.tally import Tally
from overnight.values.facts import DatasetProfile, Finding, Interval

QUANTILES = 201
CUTS = (512, 1024, 2048, 4096)
"""Values of `max_length` that truncation is told for, where the longest row is longer."""
MICRO_BATCH = 8
"""Rows that padding is told for."""
NINETY = 1.645
"""Standard errors on either side that hold the mean nine times in ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """Tokens of the rows that were counted; arrays of the same length."""

    lengths: NDArray[np.int64]
    """Uncut."""
    learnt: NDArray[np.int64]
    """Of them learnt, uncut."""
    kept: NDArray[np.int64]
    """Of them learnt within `max_length`."""
    max_length: int
    chat_template: str
    rows: NDArray[np.int64] | None = None
    """Which of (*rows, *held_out) they are, rising; None: all."""

    def only(self, rows: NDArray[np.int64]) -> "TokenCounts":
        """Of the counted rows those that are among `rows`."""
        here, some = rows, None
        if self.rows is not None:
            wanted = np.zeros(1 + max(rows.max(initial=0), self.rows.max(initial=0)), np.bool_)
            wanted[rows] = True
            here = np.flatnonzero(wanted[self.rows])
            some = self.rows[here]
        return replace(self, lengths=self.lengths[here], learnt=self.learnt[here],
                       kept=self.kept[here], rows=some)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one pass over the data took down."""

    source: Source
    tally: Tally
    """Of all rows, the user's own held-out ones last."""
    looks: Looks
    """Of the rows of `source`."""


def usable(seen: Seen, counts: TokenCounts) -> NDArray[np.bool_]:
    """Which rows keep something to learn; of those that were not counted, which have something."""
    if counts.rows is None:
        return np.asarray(counts.kept > 0)
    found = seen.tally.learns.copy()
    found[counts.rows] = counts.kept > 0
    return found


def profile(
    seen: Seen, *, split: Split, counts: TokenCounts, notes: Sequence[Finding] = ()
) -> DatasetProfile:
    """What the data is, in tokens, with everything that a person should look at.

    `counts` span the same rows as `split`, or a uniform sample of them; `notes` are findings of
    the tokenising.
    """
    every, train = counts.only(split.rows), counts.only(split.train)
    train = train if len(train.lengths) else every  # a small sample may hold no row counted
    rows, cut = len(split.rows), np.minimum(train.lengths, counts.max_length)
    marks = np.percentile(every.lengths, (0, 50, 90, 99, 100), method="higher")
    low, mid, ninety, most, top = (int(mark) for mark in marks)
    found = DatasetProfile(
        path=seen.source.path,
        format=seen.source.format,
        fingerprint=seen.tally.fingerprint,
        num_rows=rows,
        num_train=len(split.train),
        num_select=len(split.select),
        num_test=len(split.test),
        shared_heldout=split.shared,
        num_tokens=_total(every.lengths, rows),
        learnt_tokens=_total(every.learnt, rows),
        train_tokens=_total(cut, len(split.train)),
        length_percentiles=(low, mid, ninety, most, top),
        chat_template=counts.chat_template,
        findings=(*seen.source.findings, *notes, *_findings(seen, split, counts)),
        counted_rows=None if counts.rows is None else len(every.lengths),
        tokens_interval=None if counts.rows is None else _interval(every.lengths, rows),
        row_lengths=tuple(_quantiles(train.lengths)),
        truncation=_truncation(train.lengths),
    )
    return _batched(found, counts.max_length)


def _total(counted: NDArray[np.int64], rows: int) -> int:
    """Of all rows, where these of them were counted."""
    if len(counted) == rows:
        return int(counted.sum())
    return round(float(counted.mean()) * rows)


def _interval(counted: NDArray[np.int64], rows: int) -> Interval:
    """Of the total, by the spread of the sample; nothing is left to doubt where it is all rows."""
    share = len(counted) / rows
    error = float(counted.std()) / max(len(counted), 1) ** 0.5 * max(1.0 - share, 0.0) ** 0.5
    mid, doubt = float(_total(counted, rows)), NINETY * error * rows
    return Interval(low=mid - doubt, mid=mid, high=mid + doubt)


def _quantiles(lengths: NDArray[np.int64]) -> list[int]:
    """Quantiles, evenly spaced, each the length of a row."""
    spaced = np.linspace(0.0, 100.0, QUANTILES)
    return [int(mark) for mark in np.percentile(lengths, spaced, method="nearest")]


def _truncation(lengths: NDArray[np.int64]) -> dict[str, float]:
    """`max_length` -> share of the training rows' tokens that it would cut off."""
    total = max(int(lengths.sum()), 1)
    longest = int(lengths.max(initial=0))
    return {
        str(cut): float(np.maximum(lengths - cut, 0).sum() / total) for cut in CUTS if cut < longest
    }


def _batched(found: DatasetProfile, max_length: int) -> DatasetProfile:
    """The same with what batching costs at `max_length`, by the arithmetic that plans use."""
    shares = {
        "shuffled": paper.shuffled_padding(found, max_length, rows=MICRO_BATCH),
        "bucketed": paper.bucketed_padding(found, max_length, rows=MICRO_BATCH),
    }
    fill = paper.packing_fill(found, max_length)
    return replace(found, padding_shares=shares, packing_fill=fill)


def _findings(seen: Seen, split: Split, counts: TokenCounts) -> list[Finding]:
    found = [*_left_out(seen.tally, split, counts), _near(seen.tally, split)]
    return [*(one for one in found if one.count), *seen.looks.findings(seen.source.some)]


def _left_out(tally: Tally, split: Split, counts: TokenCounts) -> list[Finding]:
    """What of the rows is not trained on, and why."""
    longer = counts.lengths > counts.max_length
    empty, lost = counts.learnt == 0, (counts.learnt > 0) & (counts.kept == 0)
    cut = longer & (counts.kept > 0) & (counts.kept < counts.learnt)
    length = f"max_length ({counts.max_length} tokens)"
    told = (
        ("nothing-to-learn", empty, "have nothing to learn from and are left out"),
        ("cut-away", lost, f"lose all that is learnt to {length} and are left out"),
        ("cut", cut, f"lose the end of what is learnt to {length}"),
    )
    sample = "" if counts.rows is None else f" (of the {len(counts.rows):,} rows counted)"
    found = []
    for kind, mask, what in told:
        here = np.flatnonzero(mask)
        rows = here if counts.rows is None else counts.rows[here]
        found.append(_marked(kind, rows, tally, what + sample))
    copies = "say what another row says and are left out"
    leaks = "are in the held-out data too and are left out of training"
    return [*found, _marked("duplicate", split.duplicates, tally, copies),
            _marked("leak", split.leaked, tally, leaks)]  # fmt: skip


def _marked(kind: str, rows: NDArray[np.int64], tally: Tally, what: str) -> Finding:
    example = tally.place(int(rows[0])) if len(rows) else ""
    return Finding(kind=kind, count=len(rows), what=what, example=example)


def _near(tally: Tally, split: Split) -> Finding:
    """Training rows that nearly say what a held-out one says."""
    sketches, held = tally.sketches, split.held_out
    found = near(sketches, sketches[held], split.train)
    rows = np.flatnonzero(found >= 0)
    if not len(rows):
        return Finding(kind="near-duplicate", count=0, what="")
    other = tally.place(int(held[found[rows[0]]]))
    what = (
        "nearly say what a held-out row says (four fifths of their three-word pieces; the first,"
        f" what {other} says), so held-out loss flatters"
    )
    return _marked("near-duplicate", split.train[rows], tally, what)

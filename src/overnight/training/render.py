"""Rows into tokens, with the tokens that are learnt marked: what training, and only it, sees.

In: rows, a fast tokenizer. Out: `Encoded`, flat arrays, or `Counted`, their figures alone; pieces
for people; prompts for samples. Never: padding, packing, a row kept or cut (that is asked of
`Encoded`, by length).
"""

import difflib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overnight.training.tokens import Writer, Written
from overnight.values.errors import ModelError
from overnight.values.facts import Finding
from overnight.values.rows import Row

_PROBE = "Seven foxes (7) ran home at 10:30, then slept well."


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """How many tokens rows have; arrays of int64, one figure a row."""

    lengths: NDArray[np.int64]
    learnt: NDArray[np.int64]
    kept: NDArray[np.int64]
    """Learnt ones that stand before `max_length`."""
    chat_template: str
    """`the tokenizer's own`, `built-in plain` or `none`."""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoded:
    """Rows end to end, uncut; row i is [offsets[i], offsets[i + 1])."""

    tokens: NDArray[np.int32]
    learn: NDArray[np.bool_]
    """Whether a token is a target of the loss."""
    offsets: NDArray[np.int64]
    """One more than there are rows."""
    chat_template: str
    """`the tokenizer's own`, `built-in plain` or `none`."""
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of every row."""
        return np.diff(self.offsets)

    def row(
        self, index: int, max_length: int | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """(tokens, learn) of one row, its end cut off past `max_length` tokens; views."""
        start, end = int(self.offsets[index]), int(self.offsets[index + 1])
        end = end if max_length is None else min(end, start + max_length)
        return self.tokens[start:end], self.learn[start:end]

    def learnt_within(self, max_length: int | None = None) -> NDArray[np.int64]:
        """Learnt tokens of every row that stand before `max_length`."""
        starts, ends = self.offsets[:-1], self.offsets[1:]
        if max_length is not None:
            ends = np.minimum(ends, starts + max_length)
        before = np.concatenate([[0], np.cumsum(self.learn)])
        return np.asarray(before[ends] - before[starts], dtype=np.int64)


def check_tokenizer(tokenizer: Any) -> None:
    """See that the tokenizer is a fast one and that text survives it.

    Raises:
        ModelError: it is slow, encodes to nothing, or gives other text back.
    """
    name = tokenizer.name_or_path or "the tokenizer"
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(f"{name} is not a fast tokenizer; a tokenizer.json is needed beside it")
    ids = tokenizer(_PROBE, add_special_tokens=False)["input_ids"]
    back = tokenizer.decode(ids, skip_special_tokens=True) if ids else ""
    alike = difflib.SequenceMatcher(None, _letters(_PROBE), _letters(back), autojunk=False).ratio()
    if len(tokenizer) < 2 or len(set(ids)) < 2 or alike < 0.5:
        raise ModelError(
            f"{name} encodes plain text to nothing that can be decoded ({len(tokenizer)} pieces);"
            " a tokenizer.json is needed (a vocab.json and merges.txt alone can load as an empty"
            " vocabulary)"
        )


def _letters(text: str) -> str:
    return "".join(text.casefold().split())


def encode(rows: Iterable[Row], tokenizer: Any, *, skip_bad_rows: bool = False) -> Encoded:
    """Tokens and learnt mask of every row; the rows are drawn one by one and not kept.

    A row that the template refuses has no tokens and is counted as a finding with `skip_bad_rows`.

    Raises:
        DataError: a row that the template refuses, or whose learnt text does not survive it.
        ModelError: the tokenizer is slow, has no end-of-text token where one is needed, or its
            template is broken.
    """
    check_tokenizer(tokenizer)
    writer = Writer(tokenizer, skip_bad_rows=skip_bad_rows)
    # These grow in place: pieces joined at the end would take twice the memory.
    tokens, learn, ends = array("i"), bytearray(), array("q", [0])
    for row in chain.from_iterable(writer.write(rows)):
        tokens.extend(row.tokens)
        learn += _mask(row)
        ends.append(len(tokens))
    return Encoded(
        tokens=np.frombuffer(tokens, np.int32),
        learn=np.frombuffer(learn, np.bool_),
        offsets=np.frombuffer(ends, np.int64),
        chat_template=writer.template,
        findings=writer.findings(),
    )


def count(
    rows: Iterable[Row], tokenizer: Any, *, max_length: int, skip_bad_rows: bool = False
) -> Counted:
    """How many tokens each row has and how many of them are learnt; raises as `encode` does."""
    check_tokenizer(tokenizer)
    writer = Writer(tokenizer, skip_bad_rows=skip_bad_rows)
    figures = array("q")
    for row in chain.from_iterable(writer.write(rows)):
        within = sum(max(0, min(last, max_length) - first) for first, last in row.learnt)
        learnt = sum(last - first for first, last in row.learnt)
        figures.extend((len(row), learnt, within))
    lengths, whole, kept = np.array(figures, dtype=np.int64).reshape(-1, 3).T
    return Counted(lengths, whole, kept, writer.template, writer.findings())


def _mask(row: Written) -> bytearray:
    """A byte for every token: one if it is learnt."""
    mask = bytearray(len(row))
    for first, last in row.learnt:
        mask[first:last] = b"\1" * (last - first)
    return mask


def _pieces(
    tokens: NDArray[np.int32], learn: NDArray[np.bool_], tokenizer: Any
) -> list[tuple[str, bool]]:
    """A row as training sees it: (text, whether it is learnt), decoded from its tokens."""
    edges = [0, *(np.flatnonzero(np.diff(learn)) + 1).tolist(), len(tokens)]
    return [
        (tokenizer.decode(tokens[low:high].tolist(), skip_special_tokens=False), bool(learn[low]))
        for low, high in pairwise(edges)
        if low < high
    ]


def show(row: Row, tokenizer: Any) -> list[tuple[str, bool]]:
    """The pieces of one row."""
    return _pieces(*encode([row], tokenizer).row(0), tokenizer)


def prompt(tokens: NDArray[np.int32], learn: NDArray[np.bool_]) -> list[int]:
    """Tokens of everything before the last learnt answer; of plain text, which is learnt from its
    beginning, the first half."""
    starts = np.flatnonzero(np.diff(learn, prepend=False) & learn)
    end = int(starts[-1]) if len(starts) and starts[-1] > 1 else len(tokens) // 2
    return [int(token) for token in tokens[:end]]

"""Rows into tokens, with the tokens that are learnt marked: what training, and only it, sees.

In: rows, a fast tokenizer. Out: `Encoded`, flat arrays; pieces for people; prompts for samples.
Never: padding, packing, a row cut (that is asked of `Encoded`, by length).
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overnight.training.templates import NONE, Rendered, Scribe, ensure_template, require_eos
from overnight.values.errors import DataError, ModelError
from overnight.values.facts import Finding
from overnight.values.rows import Row

_BATCH = 1000
"""Rows a call: bounds the memory that offsets take."""
_PROBE = "Seven foxes (7) ran home at 10:30, then slept well."

__all__ = ["Encoded", "check_tokenizer", "encode", "ensure_template", "prompt", "show"]


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


def encode(rows: Sequence[Row], tokenizer: Any, *, skip_bad_rows: bool = False) -> Encoded:
    """Tokens and learnt mask of every row.

    A row that the template refuses has no tokens and is counted as a finding with `skip_bad_rows`.

    Raises:
        DataError: a row that the template refuses, or whose learnt text does not survive it.
        ModelError: the tokenizer is slow, has no end-of-text token where one is needed, or its
            template is broken.
    """
    check_tokenizer(tokenizer)
    chats = any(row.kind == "chat" for row in rows)
    template = ensure_template(tokenizer) if chats else NONE
    if any(row.kind == "text" for row in rows):
        require_eos(tokenizer)
    writer = _Writer(tokenizer, Scribe(tokenizer) if chats else None, skip_bad_rows)
    pairs = [pair for at in range(0, len(rows), _BATCH) for pair in writer(rows[at : at + _BATCH])]
    none = (np.empty(0, np.int32), np.empty(0, np.bool_))
    return Encoded(
        tokens=np.concatenate([none[0], *(tokens for tokens, _ in pairs)]),
        learn=np.concatenate([none[1], *(learn for _, learn in pairs)]),
        offsets=np.cumsum([0, *(len(tokens) for tokens, _ in pairs)], dtype=np.int64),
        chat_template=template,
        findings=writer.findings(),
    )


_Pair = tuple[NDArray[np.int32], NDArray[np.bool_]]


class _Writer:
    """Encodes batches of rows, and remembers what happened to which."""

    def __init__(self, tokenizer: Any, scribe: Scribe | None, skip: bool) -> None:
        self._tokenizer, self._scribe, self._skip = tokenizer, scribe, skip
        self._refused: list[str] = []
        self._thoughtless: list[str] = []

    def __call__(self, rows: Sequence[Row]) -> Iterator[_Pair]:
        chats = [self._render(row) if row.kind == "chat" else None for row in rows]
        rendered = [chat for chat in chats if chat is not None]
        texts = [row.turns[0].text for row in rows if row.kind == "text"]
        encoded = iter(self._tokenise([chat.text for chat in rendered], whole=False))
        plain = iter(self._tokenise(texts, whole=True))
        for row, chat in zip(rows, chats, strict=True):
            if chat is not None:
                yield _masked(next(encoded), chat.spans)
            elif row.kind == "text":
                yield self._ended(next(plain), learn=row.turns[0].learn)

    def _render(self, row: Row) -> Rendered:
        if self._scribe is None:
            raise AssertionError("a chat among plain texts needs a template")
        try:
            rendered = self._scribe.render(row)
        except DataError as error:
            if not self._skip:
                raise DataError(
                    f"{error}; mend it, or leave such rows out: --skip-bad-rows"
                ) from None
            self._refused.append(str(error))
            return Rendered("", ())
        if rendered.thoughts_dropped:
            self._thoughtless.append(row.source)
        return rendered

    def _tokenise(self, texts: list[str], *, whole: bool) -> list[Any]:
        if not texts:
            return []
        batch = self._tokenizer(
            texts, add_special_tokens=whole, return_offsets_mapping=not whole,
            return_attention_mask=False, return_token_type_ids=False, verbose=False,
        )  # fmt: skip
        return list(batch.encodings)

    def _ended(self, encoding: Any, *, learn: bool) -> _Pair:
        """Plain text: all of it is learnt, its end too."""
        eos = self._tokenizer.eos_token_id
        ids = encoding.ids if encoding.ids[-1:] == [eos] else [*encoding.ids, eos]
        tokens = np.array(ids, dtype=np.int32)
        return _unled(tokens, np.full(len(tokens), learn, dtype=np.bool_))

    def findings(self) -> tuple[Finding, ...]:
        """What of the rows the template did not take as it is."""
        refused, dropped = len(self._refused), len(self._thoughtless)
        found = []
        if self._scribe and not self._scribe.stops:
            what = "the chat template writes nothing after an answer, so stopping is not learnt"
            found.append(Finding(kind="no-stop", count=1, what=what))
        if refused:
            what = f"are refused by the chat template and left out ({self._refused[0]})"
            example = self._refused[0].split(": ", 1)[0]
            found.append(Finding(kind="bad-row", count=refused, what=what, example=example))
        if dropped:
            what = "lose the reasoning of earlier turns to the chat template, which is made to"
            example = self._thoughtless[0]
            found.append(Finding(kind="reasoning", count=dropped, what=what, example=example))
        return tuple(found)


def _masked(encoding: Any, spans: Sequence[tuple[int, int]]) -> _Pair:
    """Every token from the first that reaches into a span to the last that begins in it."""
    tokens = np.array(encoding.ids, dtype=np.int32)
    learn = np.zeros(len(tokens), dtype=np.bool_)
    if not spans:
        return tokens, learn
    flat = np.fromiter(chain.from_iterable(encoding.offsets), np.int64, 2 * len(tokens))
    starts, ends = (np.maximum.accumulate(side) for side in (flat[::2], flat[1::2]))
    low, high = np.array(spans).T
    firsts = np.searchsorted(ends, low, side="right")
    lasts = np.searchsorted(starts, high, side="left")
    for first, last in zip(firsts, lasts, strict=True):
        learn[first:last] = True
    return _unled(tokens, learn)


def _unled(tokens: NDArray[np.int32], learn: NDArray[np.bool_]) -> _Pair:
    """The same without the first token: nothing stands before it to learn it from."""
    learn[:1] = False
    return tokens, learn


def show(row: Row, tokenizer: Any) -> list[tuple[str, bool]]:
    """The row as training sees it: (text, whether it is learnt) pieces, decoded from its tokens."""
    tokens, learn = encode([row], tokenizer).row(0)
    edges = [0, *(np.flatnonzero(np.diff(learn)) + 1).tolist(), len(tokens)]
    return [
        (tokenizer.decode(tokens[low:high].tolist(), skip_special_tokens=False), bool(learn[low]))
        for low, high in pairwise(edges)
        if low < high
    ]


def prompt(row: Row, tokenizer: Any) -> tuple[list[int], str]:
    """Tokens of everything before the last learnt turn, and what that turn says.

    Plain text is parted in the middle.

    Raises:
        DataError: nothing of the row is learnt.
    """
    tokens, learn = encode([row], tokenizer).row(0)
    if row.kind == "text":
        half = len(tokens) // 2
        rest = tokenizer.decode(tokens[half:].tolist(), skip_special_tokens=True)
        return tokens[:half].tolist(), rest
    starts = np.flatnonzero(np.diff(learn, prepend=False) & learn)
    if not len(starts):
        raise DataError(f"{row.source}: nothing of the row is learnt, so nothing can be asked")
    reference = next(turn.text for turn in reversed(row.turns) if turn.learn)
    return tokens[: starts[-1]].tolist(), reference

"""Rows into tokens batch by batch: one thread renders the next rows while another tokenises.

In: rows, one at a time, and a fast tokenizer. Out: each row's tokens and which of them are learnt,
in order. Never: a row kept, padding, a row cut.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np

from overnight.training.templates import NONE, Rendered, Scribe, ensure_template, require_eos
from overnight.values.errors import DataError
from overnight.values.facts import Finding
from overnight.values.rows import Row

_BATCH = 500
_LETTERS = 1_000_000
"""Rows a call and letters in them: many enough for all cores, few enough to hold three batches,
for the tokenizer keeps about a hundred bytes a token while it is at it."""
_AHEAD = 2
"""Batches that may wait for the tokenizer."""
_FEW = 16
"""Spans up to which asking for each one's tokens is cheaper than all tokens' offsets."""

Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """One row in tokens."""

    encoding: Any
    learnt: tuple[tuple[int, int], ...]
    """[first, last) of every run of tokens that is learnt, rising and apart."""
    end: tuple[int, ...] = ()
    """What stands after the encoding's own tokens."""

    def __len__(self) -> int:
        return len(self.encoding) + len(self.end)

    @property
    def tokens(self) -> list[int]:
        """The row's tokens, made at every asking: to count them takes no list."""
        return [*self.encoding.ids, *self.end]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One row as text, ready for the tokenizer."""

    text: str
    spans: Spans
    """Learnt characters of a conversation; of plain text all are, or none."""
    plain: bool = False
    learn: bool = False


class Writer:
    """Encodes rows, and remembers what happened to which."""

    def __init__(self, tokenizer: Any, *, skip_bad_rows: bool) -> None:
        self.template = NONE
        """Whose chat template writes the conversations, once there is one among the rows."""
        self._tokenizer, self._skip = tokenizer, skip_bad_rows
        # What a call of the tokenizer makes besides its encodings takes a tenth of the time.
        self._encode = tokenizer.backend_tokenizer
        self._encode.no_truncation()
        self._encode.no_padding()
        self._scribe: Scribe | None = None
        self._refused, self._refusal = 0, ""
        self._thoughtless, self._thought = 0, ""

    def write(self, rows: Iterable[Row]) -> Iterator[list[Written]]:
        """The rows in tokens, in batches and in order.

        Raises:
            DataError, ModelError: as `render.encode`.
        """
        drawn = map(self._drawn, rows)
        waiting: deque[Future[list[Written]]] = deque()
        with ThreadPoolExecutor(1) as worker:
            while batch := _some(drawn):
                waiting.append(worker.submit(self._tokenised, batch))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _drawn(self, row: Row) -> _Drawn:
        if row.kind == "text":
            require_eos(self._tokenizer)
            return _Drawn(row.turns[0].text, (), plain=True, learn=row.turns[0].learn)
        rendered = self._render(row)
        return _Drawn(rendered.text, rendered.spans)

    def _render(self, row: Row) -> Rendered:
        if self._scribe is None:
            self.template = ensure_template(self._tokenizer)
            self._scribe = Scribe(self._tokenizer)
        try:
            rendered = self._scribe.render(row)
        except DataError as error:
            if not self._skip:
                raise DataError(
                    f"{error}; mend it, or leave such rows out: --skip-bad-rows"
                ) from None
            self._refusal = self._refusal or str(error)
            self._refused += 1
            return Rendered("", ())
        if rendered.thoughts_dropped:
            self._thought = self._thought or row.source
            self._thoughtless += 1
        return rendered

    def _tokenised(self, rows: list[_Drawn]) -> list[Written]:
        chats = iter(self._encoded([row.text for row in rows if not row.plain], whole=False))
        plain = iter(self._encoded([row.text for row in rows if row.plain], whole=True))
        return [
            self._ended(next(plain), learn=row.learn) if row.plain else _marked(row, next(chats))
            for row in rows
        ]

    def _encoded(self, texts: list[str], *, whole: bool) -> list[Any]:
        encodings: list[Any] = self._encode.encode_batch(texts, add_special_tokens=whole)
        return encodings

    def _ended(self, encoding: Any, *, learn: bool) -> Written:
        """Plain text: all of it is learnt, its end too."""
        eos = self._tokenizer.eos_token_id
        end = () if encoding.ids[-1:] == [eos] else (eos,)
        return Written(encoding, _unled([(0, len(encoding) + len(end))] if learn else []), end)

    def findings(self) -> tuple[Finding, ...]:
        """What of the rows the template did not take as it is."""
        found = []
        if self._scribe and not self._scribe.stops:
            what = "the chat template writes nothing after an answer, so stopping is not learnt"
            found.append(Finding(kind="no-stop", count=1, what=what))
        if self._refused:
            what = f"are refused by the chat template and left out ({self._refusal})"
            example = self._refusal.split(": ", 1)[0]
            found.append(Finding(kind="bad-row", count=self._refused, what=what, example=example))
        if self._thoughtless:
            what = "lose the reasoning of earlier turns to the chat template, which is made to"
            count, example = self._thoughtless, self._thought
            found.append(Finding(kind="reasoning", count=count, what=what, example=example))
        return tuple(found)


def _some(rows: Iterator[_Drawn]) -> list[_Drawn]:
    """The next rows, as many as are tokenised in one call."""
    batch, letters = [], 0
    for row in islice(rows, _BATCH):
        batch.append(row)
        letters += len(row.text)
        if letters >= _LETTERS:
            break
    return batch


def _marked(row: _Drawn, encoding: Any) -> Written:
    """Every token from the first that reaches into a span to the last that begins in it."""
    found = _asked(row, encoding) if len(row.spans) <= _FEW else None
    return Written(encoding, _unled(_searched(row.spans, encoding) if found is None else found))


def _asked(row: _Drawn, encoding: Any) -> list[tuple[int, int]] | None:
    """The tokens of a few spans, each asked for; None where a character has no token."""
    found = []
    for low, high in row.spans:
        first, last = _reaching(encoding, low), len(encoding)
        if high < len(row.text):
            last = _beginning(encoding, high)
        if first < 0 or last < 0:
            return None
        found.append((first, last))
    return found


def _reaching(encoding: Any, at: int) -> int:
    """The first token that ends past character `at`, or -1."""
    token = encoding.char_to_token(at)
    while token and encoding.token_to_chars(token - 1)[1] > at:
        token -= 1
    return -1 if token is None else int(token)


def _beginning(encoding: Any, at: int) -> int:
    """The first token that begins at or past character `at`, or -1 where that cannot be asked."""
    token = encoding.char_to_token(at)
    if token is None or encoding.token_to_chars(token)[0] < at:
        return -1
    while token and encoding.token_to_chars(token - 1)[0] >= at:
        token -= 1
    return int(token)


def _searched(spans: Spans, encoding: Any) -> list[tuple[int, int]]:
    """The tokens of spans by the offsets of all tokens."""
    if not spans:
        return []
    flat = np.fromiter(chain.from_iterable(encoding.offsets), np.int64, 2 * len(encoding))
    starts, ends = (np.maximum.accumulate(side) for side in (flat[::2], flat[1::2]))
    low, high = np.array(spans).T
    firsts = np.searchsorted(ends, low, side="right")
    lasts = np.searchsorted(starts, high, side="left")
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]


def _unled(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The same apart, without the row's first token: nothing stands before it to learn it from."""
    found, past = [], 1
    for first, last in spans:
        if max(first, past) < last:
            found.append((max(first, past), last))
            past = last
    return tuple(found)

"""The data, in one pass: rows drawn through the tally into tokens, split, and told as a profile.

In: a Request, a tokenizer. Out: `Data`, the tokens to train on, or `Survey`, figures alone. Never:
rows held: what is needed of one again is read again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from overnight.planning.sampling import wish
from overnight.probe import dataset
from overnight.probe.dataset import Seen, TokenCounts
from overnight.probe.looks import Looks
from overnight.probe.marks import Named
from overnight.probe.sampling import sampled
from overnight.probe.sources import Source
from overnight.probe.split import Split, split
from overnight.probe.tally import Tally
from overnight.values.errors import DataError
from overnight.values.facts import DatasetProfile, Finding
from overnight.values.request import Request
from overnight.values.rows import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from overnight.training.batches import Corpus
    from overnight.training.render import Counted
    from overnight.training.stages import Material

SEED = 42
"""Of the split, unless `seed` is given; training's own default is the same."""
COUNTED = 100_000
"""Rows whose tokens are counted before a plan; of more, a uniform sample of so many."""


@dataclass(frozen=True, slots=True)
class Data:
    """The rows in the model's tokens, and which of them is for what."""

    split: Split
    """Indices into the rows; the user's own held-out rows come last."""
    corpus: "Corpus"
    profile: DatasetProfile
    tokenizer: Any
    engagement: "NDArray[np.float64] | None" = None
    """How people took each row; not a number where it does not say. None: no row does."""

    def material(self) -> "Material":
        """What a session trains on."""
        from overnight.training.stages import Material

        ids = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0)
        pad = next(one for one in ids if one is not None)
        return Material(self.corpus, self.split.train, pad, self.engagement)

    def cut(self, max_length: int) -> "Data":
        """The same with rows of at most `max_length` tokens, without those that then teach nothing.

        Raises:
            DataError: none is left to train on or to judge by.
        """
        if max_length >= self.corpus.max_length:
            return self
        corpus = type(self.corpus).cut(self.corpus.encoded, max_length)
        train, select, test = (
            [row for row in side if corpus.learnt[row] > 0]
            for side in (self.split.train, self.split.select, self.split.test)
        )
        if not train or not select or not test:
            raise DataError(f"{self.profile.path}: {_nothing_learnt(max_length, whole=True)}")
        profile = replace(
            self.profile, num_train=len(train), num_select=len(select), num_test=len(test),
            train_tokens=int(corpus.lengths[train].sum()),
        )  # fmt: skip
        rows = np.array(train, dtype=np.int64)
        sides = replace(self.split, train=rows, select=tuple(select), test=tuple(test))
        return Data(sides, corpus, profile, self.tokenizer, self.engagement)


@dataclass(frozen=True, slots=True)
class Survey:
    """What the data is, without its tokens."""

    profile: DatasetProfile
    split: Split
    source: Source

    def examples(self, count: int) -> list[Row]:
        """The first rows that would be trained on."""
        first = self.split.train[:count].tolist()
        rows = self.source.some(first)
        return [rows[index] for index in first]


def data(request: Request, *, max_positions: int, tokenizer: Any) -> Data:
    """Reads, encodes and splits the data; all tokens are held.

    Raises:
        DataError: it cannot be read, or holds nothing to learn from.
    """
    from overnight.training import render
    from overnight.training.batches import Corpus

    drawn = _Drawn(request)
    encoded = render.encode(drawn.rows(), tokenizer, skip_bad_rows=request.skip_bad_rows)
    longest = int(encoded.lengths.max())
    corpus = Corpus.cut(encoded, _length(request, longest, max_positions))
    counts = TokenCounts(
        lengths=encoded.lengths,
        learnt=encoded.learnt_within(longest),
        kept=corpus.learnt,
        max_length=corpus.max_length,
        chat_template=encoded.chat_template,
    )
    sides, profile = drawn.told(counts, encoded.findings)
    return Data(sides, corpus, profile, tokenizer, drawn.engagement())


def survey(request: Request, *, max_positions: int, tokenizer: Any) -> Survey:
    """Reads and splits the data and counts its tokens, of more than 100,000 rows a sample's.

    Raises:
        DataError: it cannot be read, or holds nothing to learn from.
    """
    from overnight.training import render

    drawn, skip = _Drawn(request), request.skip_bad_rows
    most = _length(request, max_positions, max_positions)
    rows = drawn.rows()
    counted = render.count(islice(rows, COUNTED), tokenizer, max_length=most, skip_bad_rows=skip)
    for _ in rows:  # more of them are only taken down
        pass
    sample = drawn.sample()
    if sample is not None:
        known = np.arange(len(counted.lengths))
        more = drawn.again(np.setdiff1d(sample, known))
        rest = render.count(more, tokenizer, max_length=most, skip_bad_rows=skip)
        counted = _joined(counted, rest, np.intersect1d(sample, known))
    longest = int(counted.lengths.max())
    counts = TokenCounts(
        lengths=counted.lengths, learnt=counted.learnt, kept=counted.kept,
        max_length=min(most, longest), chat_template=counted.chat_template, rows=sample,
    )  # fmt: skip
    sides, profile = drawn.told(counts, counted.findings)
    return Survey(profile, sides, drawn.source)


def _length(request: Request, longest: int, max_positions: int) -> int:
    """Where rows are cut: where the user says, the longest row ends or the model's positions do."""
    return min(request.settings.max_length or longest, longest, max_positions)


def _joined(head: "Counted", rest: "Counted", kept: "np.typing.NDArray[np.int64]") -> "Counted":
    """The sampled rows of the head, and the rest of the sample after them."""
    pairs = ((head.lengths, rest.lengths), (head.learnt, rest.learnt), (head.kept, rest.kept))
    lengths, learnt, within = (np.concatenate((old[kept], new)) for old, new in pairs)
    return replace(head, lengths=lengths, learnt=learnt, kept=within)


class _Drawn:
    """The data of a request as it is drawn, row by row, and what was taken down on the way."""

    def __init__(self, request: Request) -> None:
        self._request = request
        seed = SEED if request.settings.seed is None else request.settings.seed
        self.tally, self.looks = Tally(seed=seed), Looks()
        self._wish = wish(request)
        prefer = self._wish.prefer if self._wish else ()
        self._ranked = bool(prefer) or request.settings.strategy == "two-stage"
        named = Named(engagement=request.engagement_column, time=request.time_column,
                      needed=prefer, read=self._ranked)  # fmt: skip
        learn, skip = request.learn, request.skip_bad_rows
        self.source = Source(request.data, learn=learn, skip_bad_rows=skip, named=named)
        self._sources = [self.source]
        if request.eval_data:
            self._sources.append(Source(request.eval_data, learn=learn, skip_bad_rows=skip))

    def rows(self) -> Iterator[Row]:
        """Every row, the user's own held-out ones last."""
        for source in self._sources:
            for row in self.tally.watch(source):
                if source is self.source:
                    self.looks.at(row)
                yield row

    def again(self, rows: "np.typing.NDArray[np.int64]") -> Iterator[Row]:
        """Some of the rows, read again; indices rising."""
        wanted = iter(rows.tolist())
        index = next(wanted, -1)
        every = (row for source in self._sources for row in source)
        for place, row in enumerate(every):
            if place == index:
                yield row
                index = next(wanted, -1)
            if index < 0:
                return

    def sample(self) -> "np.typing.NDArray[np.int64] | None":
        """A uniform sample, the rows whose hashes end lowest (how they begin says who is held
        out); None where all are counted."""
        if len(self.tally) <= COUNTED:
            return None
        return np.sort(np.argpartition(self.tally.hashes[:, 1], COUNTED)[:COUNTED])

    def engagement(self) -> "NDArray[np.float64] | None":
        """How people took each row, where that is asked for and rows say."""
        known = self._ranked and self.source.marks.engagement
        return self.tally.engagement if known else None

    def told(self, counts: TokenCounts, notes: tuple[Finding, ...]) -> tuple[Split, DatasetProfile]:
        """The sides and the profile of what was drawn."""
        if not counts.kept.any():
            whole = bool(counts.learnt.any())
            why = _nothing_learnt(counts.max_length, whole=whole)
            raise DataError(f"{self._request.data}: {why}")
        seen = Seen(source=self.source, tally=self.tally, looks=self.looks)
        sides, told = self._split(seen, counts), None
        if self._wish is not None:
            sides, told = sampled(sides, self.tally, self._wish, self.source.marks)
        profile = dataset.profile(seen, split=sides, counts=counts, notes=notes)
        return sides, replace(profile, sampled=told, engagement=self.source.marks.engagement)

    def _split(self, seen: Seen, counts: TokenCounts) -> Split:
        """The sides; where there are too few rows, with what was left out of them before."""
        given, fit = self.source.count or 0, dataset.usable(seen, counts)
        try:
            return split(self.tally.hashes, given=given, usable=fit)
        except DataError as error:
            bad = (one for one in self.source.findings if one.kind == "bad-row")
            told = "".join(f"; {one.count} {one.what}" for one in bad)
            raise DataError(f"{self._request.data}: {error}{told}") from error


def _nothing_learnt(length: int, *, whole: bool) -> str:
    """Why there is nothing to learn; `whole` rows would have something."""
    if whole:
        return (f"rows cut at {length} tokens keep nothing to learn from; "
                "give a larger max_length, or a model with more positions")  # fmt: skip
    return ("no row has anything to learn, for only answers that are not empty are learnt; "
            "--learn ROLE names another speaker to learn from")  # fmt: skip

"""Rows without padding: those of a step laid end to end, each in its own bounds.

In: a candidate, a step's rows and their lengths. Out: the step's micro-batches, padded or packed,
and each as tensors. Never: a row cut, left out or moved to another step, a model.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from overnight.planning import shapes
from overnight.training.batches import Corpus, Rows, learnt_places, micro_batches
from overnight.values.plan import Candidate

if TYPE_CHECKING:
    import torch

Lengths = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a candidate's steps are cut into micro-batches, and these laid out as tensors."""

    rows: int
    """Rows of a padded micro-batch."""
    most_tokens: int
    """Places of a micro-batch; 0: of a padded one any number."""
    packed: bool
    grid: int = 1
    """Widths of padded micro-batches are multiples of it, ..."""
    longest: int = 0
    """... but no wider than this, if a row is not."""

    @classmethod
    def of(cls, candidate: Candidate, *, most_tokens: int | None = None) -> "Layout":
        """A candidate's own; `most_tokens` in place of its limit."""
        most = shapes.most_places(candidate) if most_tokens is None else most_tokens
        if candidate.packing:
            most = min(most or candidate.pack_places, candidate.pack_places)
        return cls(candidate.per_device_train_batch_size, most, candidate.packing,
                   shapes.grid(candidate), candidate.max_length)  # fmt: skip

    @classmethod
    def looking(cls, candidate: Candidate, rows: int, corpus: Corpus) -> "Layout":
        """Of looks at so many rows at once: padded, whatever training does."""
        return cls(rows, shapes.piece(candidate), packed=False, grid=shapes.grid(candidate),
                   longest=corpus.max_length)  # fmt: skip

    def cut(self, step: Rows, lengths: Lengths, *, processes: int = 1) -> list[Rows]:
        """A step's micro-batches, for all processes together."""
        if self.packed:
            return packs(step, lengths, _even(step, lengths, self.most_tokens, processes))
        # Of these rows alone: the data may have millions.
        mine = micro_batches(np.arange(len(step)), self.widths(lengths[step]), self.rows,
                             most_tokens=self.most_tokens)  # fmt: skip
        return [step[one] for one in mine]

    def widths(self, lengths: Lengths) -> Lengths:
        """Of padded micro-batches whose longest rows have these lengths."""
        return np.maximum(lengths, np.minimum(-(-lengths // self.grid) * self.grid, self.longest))

    def held(self, rows: Rows, lengths: Lengths) -> int:
        """Places of a micro-batch."""
        if self.packed:
            return int(lengths[rows].sum())
        return len(rows) * int(self.widths(lengths[rows]).max())

    def collate(self, corpus: Corpus, rows: Rows) -> dict[str, "torch.Tensor"]:
        """A micro-batch as tensors."""
        if not self.packed:
            return corpus.collate(rows, int(self.widths(corpus.lengths[rows]).max()))
        return flat([corpus.encoded.row(int(row), corpus.max_length) for row in rows])


def packs(step: Rows, lengths: Lengths, most: int) -> list[Rows]:
    """Packs of at most `most` tokens, the fullest first; a longer row is one by itself.

    Best fit, the longest row first (Johnson 1974): each goes to where it leaves least room.
    """
    ranked = step[np.argsort(-lengths[step], kind="stable")]
    found: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (free places, which pack), sorted
    for row in ranked.tolist():
        length = int(lengths[row])
        at = bisect_left(room, (length, -1))
        free, pack = room.pop(at) if at < len(room) else (most, len(found))
        if pack == len(found):
            found.append([])
        found[pack].append(row)
        insort(room, (free - length, pack))
    whole = [np.asarray(one, dtype=np.int64) for one in found]
    return sorted(whole, key=lambda rows: -int(lengths[rows].sum()))


def _even(step: Rows, lengths: Lengths, most: int, processes: int) -> int:
    """Places of a pack with which every process has about as much to do as the others."""
    total, longest = int(lengths[step].sum()), int(lengths[step].max())
    rounds = -(-total // (most * processes))
    return min(most, max(-(-total // (rounds * processes)), longest))


def flat(rows: Sequence[tuple[NDArray[np.int32], NDArray[np.bool_]]]) -> dict[str, "torch.Tensor"]:
    """Rows (tokens, which are learnt) as one: `input_ids` and `position_ids` (1 x tokens), `places`
    and `targets` as of a padded batch; no row predicts the next.

    Positions begin anew with every row; `bounds` says where rows begin, and the end (rows + 1).
    """
    import torch

    lengths = np.array([len(tokens) for tokens, _ in rows])
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    learn = np.concatenate([np.append(learnt[1:], False) for _, learnt in rows])
    positions = np.arange(bounds[-1]) - np.repeat(bounds[:-1], lengths)
    ids = np.concatenate([tokens for tokens, _ in rows]).astype(np.int64)
    arrays = {"input_ids": ids[None], "position_ids": positions[None],
              "bounds": bounds.astype(np.int32)} | learnt_places(ids, learn)  # fmt: skip
    return {name: torch.from_numpy(array) for name, array in arrays.items()}

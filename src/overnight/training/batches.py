"""Rows -> the batches of every epoch, a pure function of the seed; knows and restores its place.

In: encoded rows and which of them are trained on. Out: for each optimizer step its rows, sorted
into micro-batches of like length, as padded tensors. Never: draws from a global random state.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from overnight.planning.lengths import MEGA_STEPS
from overnight.values.decisions import Progress

if TYPE_CHECKING:
    import torch

    from overnight.training.render import Encoded

Rows = NDArray[np.int64]

LEAD = (6, 1, 4, 2, 5, 0, 7, 3)
"""Which eighth of the sizes each of the first steps is of, the smallest 0: what a rehearsal has
measured is like what comes after it. Left to chance the first seven of a night held 1.6 times, the
first five of another 2.1 times what its steps do on average."""
WHOLE = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Encoded rows, cut at `max_length`."""

    encoded: "Encoded"
    max_length: int
    lengths: NDArray[np.int64]
    """Tokens a row after the cut."""
    learnt: NDArray[np.int64]
    """Tokens that carry loss after the cut; the first token of a row never does."""

    @classmethod
    def cut(cls, encoded: "Encoded", max_length: int) -> "Corpus":
        """The rows with at most `max_length` tokens each."""
        lengths = np.minimum(encoded.lengths, max_length)
        return cls(encoded, max_length, lengths, encoded.learnt_within(max_length))

    def collate(self, rows: Rows, width: int = 0) -> dict[str, "torch.Tensor"]:
        """Right-padded `input_ids` and `attention_mask` (rows x length), and what is learnt.

        The length is `width`, or that of the longest row.

        `places` (as many as are learnt) number the positions, row after row, at which the tokens
        `targets` are to be predicted: the ones that follow. The host knows them, so that no device
        has to be waited for to count them.
        """
        import torch

        width = width or int(self.lengths[rows].max())
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        learn = np.zeros((len(rows), width), dtype=bool)
        for place, row in enumerate(rows):
            tokens, learnt = self.encoded.row(int(row), self.max_length)
            ids[place, : len(tokens)] = tokens
            mask[place, : len(tokens)] = 1
            learn[place, : len(tokens) - 1] = learnt[1:]
        arrays = {"input_ids": ids, "attention_mask": mask} | learnt_places(ids, learn)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def by_length(self, rows: Sequence[int], rows_per_batch: int) -> list[Rows]:
        """The rows in batches of like length, the longest first (so memory fails at once)."""
        order = sorted(rows, key=lambda row: (-int(self.lengths[row]), row))
        return [
            np.asarray(order[at : at + rows_per_batch], dtype=np.int64)
            for at in range(0, len(order), rows_per_batch)
        ]


def learnt_places(ids: NDArray[np.int64], learn: NDArray[np.bool_]) -> dict[str, Rows]:
    """`places` and `targets` of a batch (rows x length); `learn[r, t]` says that token t + 1 is to
    be predicted at position t."""
    places = np.flatnonzero(learn)
    return {"places": places, "targets": ids.ravel()[places + 1]}


@dataclass(frozen=True, slots=True)
class Order:
    """Which rows each optimizer step of each epoch holds."""

    rows: Rows
    lengths: NDArray[np.int64]
    rows_per_step: int
    seed: int
    stage: int = 0
    """Of the night; each has batches of its own."""
    first: tuple[float, float] = WHOLE
    """Which share of the first epoch comes before its rest: stages that draw from the same rows
    begin with others, so that none is seen twice before all have been seen."""

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one pass; the last one may hold fewer rows."""
        return -(-len(self.rows) // self.rows_per_step)

    def epoch(self, epoch: int) -> list[Rows]:
        """The steps of one epoch, each an array of row numbers; the same for the same seed."""
        shared = self.first != WHOLE and not epoch
        random = np.random.default_rng([self.seed, epoch] + [self.stage] * (self.stage > 0))
        if not shared:
            steps = self._steps(random.permutation(self.rows), random)
            return steps if epoch else led(steps, self.lengths)
        every = np.random.default_rng([self.seed, 0]).permutation(self.rows)
        low = int(self.first[0] * len(every))
        whole = int((self.first[1] - self.first[0]) * len(every)) // self.rows_per_step
        own = slice(low, low + whole * self.rows_per_step)
        rest = np.concatenate((every[own.stop :], every[: own.start]))
        return [*led(self._steps(every[own], random), self.lengths), *self._steps(rest, random)]

    def _steps(self, shuffled: Rows, random: np.random.Generator) -> list[Rows]:
        """Rows that were shuffled as steps of like lengths, shuffled again."""
        mega = self.rows_per_step * MEGA_STEPS
        steps: list[Rows] = []
        for at in range(0, len(shuffled), mega):
            block = shuffled[at : at + mega]
            block = block[np.argsort(-self.lengths[block], kind="stable")]
            steps += [
                block[k : k + self.rows_per_step] for k in range(0, len(block), self.rows_per_step)
            ]
        return [steps[k] for k in random.permutation(len(steps))]


def led(steps: list[Rows], lengths: NDArray[np.int64]) -> list[Rows]:
    """The steps with one of each eighth of their sizes first, the others as they were."""
    if len(steps) < 2 * len(LEAD):
        return steps
    sizes = [int(lengths[step].sum()) for step in steps[:MEGA_STEPS]]
    ranked = np.argsort(np.argsort(sizes, kind="stable"), kind="stable")
    eighths = (ranked * len(LEAD) // len(sizes)).tolist()
    first = [eighths.index(eighth) for eighth in LEAD]
    return [steps[k] for k in first] + [step for k, step in enumerate(steps) if k not in first]


def place(progress: Progress, order: Order) -> Progress:
    """The same place, moved to the next epoch's beginning where this one is used up."""
    if progress.batch < order.steps_per_epoch:
        return progress
    return replace(
        progress,
        epoch=progress.epoch + 1,
        batch=0,
        batches_per_epoch=order.steps_per_epoch,
    )


def micro_batches(
    step: Rows, lengths: NDArray[np.int64], rows: int, *, most_tokens: int = 0
) -> list[Rows]:
    """A step's rows cut into micro-batches of at most `rows`, like lengths together.

    One that would hold more than `most_tokens` (padding included; 0: any number) is halved until
    none does or it is a single row; the others are what they would be without that limit.
    """
    ranked = step[np.argsort(-lengths[step], kind="stable")]
    cut = [ranked[at : at + rows] for at in range(0, len(ranked), rows)]
    return [piece for one in cut for piece in _halved(one, lengths, most_tokens)]


def held(rows: Rows, lengths: NDArray[np.int64]) -> int:
    """Tokens of a micro-batch, padding included."""
    return len(rows) * int(lengths[rows].max())


def _halved(rows: Rows, lengths: NDArray[np.int64], most: int) -> list[Rows]:
    if not most or len(rows) == 1 or held(rows, lengths) <= most:
        return [rows]
    middle = -(-len(rows) // 2)
    return [*_halved(rows[:middle], lengths, most), *_halved(rows[middle:], lengths, most)]


def share(micro: list[Rows], rank: int, processes: int) -> list[Rows]:
    """The micro-batches of one process; every process may hold another number of them."""
    return micro[rank::processes]


class Feed:
    """Micro-batches of the coming steps, collated ahead by worker processes if asked for."""

    def __init__(
        self,
        order: Order,
        collate: "Callable[[Rows], dict[str, torch.Tensor]]",
        *,
        workers: int = 0,
        pin: bool = False,
    ) -> None:
        """`collate` lays the rows of a micro-batch out as tensors."""
        self._order, self._laid_out = order, collate
        self._workers, self._pin = workers, pin

    def steps(self, progress: Progress, cut: Any) -> Iterator[list[dict[str, "torch.Tensor"]]]:
        """The steps from this place to the end of its epoch; `cut(rows)` gives micro-batches."""
        import torch
        from torch.utils.data import DataLoader

        coming = [cut(rows) for rows in self._order.epoch(progress.epoch)[progress.batch :]]
        loader: DataLoader[Any] = DataLoader(
            coming,  # type: ignore[arg-type]
            batch_size=None,
            num_workers=self._workers,
            pin_memory=self._pin,
            collate_fn=self._collate,
            # A loader draws a seed from its generator; the global one belongs to training.
            generator=torch.Generator(),
        )
        return iter(loader)

    def _collate(self, micro: list[Rows]) -> list[dict[str, "torch.Tensor"]]:
        return [self._laid_out(rows) for rows in micro]

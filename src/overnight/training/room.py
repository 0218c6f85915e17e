"""What fits into the memory: what has fitted so far, what ran out, the largest tried beforehand.

In: a live session. Out: `MemoryGone`, with the tokens of the micro-batch that did not fit. Never:
decides what is to be smaller (control/recovery.py).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from overnight.planning.memory import MOMENTS
from overnight.planning.shapes import most_places
from overnight.training import stages, state
from overnight.training.batches import Rows
from overnight.training.packing import Layout

if TYPE_CHECKING:
    import torch

    from overnight.training.session import Session

TRIES = 3
"""Micro-batches between one that did not fit and half of it that are tried, before the first step:
what does fit is then known to a sixteenth."""


class MemoryGone(Exception):
    """The device ran out of memory before the optimizer was touched; the step can be taken anew."""

    def __init__(self, tokens: int = 0, fitted: int = 0) -> None:
        super().__init__(f"a micro-batch of {tokens} tokens" if tokens else "a single row")
        self.tokens = tokens
        """Of the micro-batch that did not fit, padding included; 0: of a single row."""
        self.fitted = fitted
        """The most that had fitted at such a place."""


class OptimizerMemoryGone(Exception):
    """Memory ran out while the optimizer stepped: its state is not to be trusted any more."""


@dataclass(slots=True)
class Room:
    """What has fitted, in tokens of several rows: at the beginning of a step, and once gradients
    are held."""

    first: int = 0
    later: int = 0
    looked: int = 0
    """Rows that are looked at together, where more did not fit; 0: as many as are wanted."""

    def fitted(self, batch: "dict[str, torch.Tensor]", at: int) -> None:
        """Takes note of the micro-batch number `at` of a step, gone through forth and back."""
        tokens = _tokens(batch)
        if at:
            self.later = max(self.later, tokens)
        self.first = max(self.first, tokens)

    def gone(self, batch: "dict[str, torch.Tensor]", at: int) -> tuple[int, int]:
        """(its tokens, what fitted at such a place) of one that did not fit."""
        return _tokens(batch), self.later if at else self.first


def _tokens(batch: "dict[str, torch.Tensor]") -> int:
    """Of a micro-batch of several rows; 0 of a single one, which cannot be cut."""
    rows, width = batch["input_ids"].shape
    together = len(batch["bounds"]) - 1 if "bounds" in batch else rows
    return int(rows * width) if together > 1 else 0


def try_largest(session: "Session") -> MemoryGone | None:
    """Whether the fullest micro-batch fits beside what the optimizer will hold: None, if it does.

    Where it does not, the most that fits is looked for. Weights, random states and place are
    afterwards as before; every process tries the same.
    """
    before = state.random_state()
    largest = _fullest(session, most_places(session.candidate))
    gone = _tried(session, largest)
    if gone is not None and gone.tokens:
        gone = MemoryGone(gone.tokens, _most_that_fits(session, gone.tokens))
    state.set_random_state(before)
    return gone


def _most_that_fits(session: "Session", beyond: int) -> int:
    """Tokens between half of what did not fit and all of it, by halves; 0: not even the half."""
    low, high, most = beyond // 2, beyond, 0
    for _ in range(TRIES):
        middle = (low + high) // 2
        rows = _fullest(session, middle)
        if _tried(session, rows) is None:
            low, most = middle, Layout.of(session.candidate).held(rows, session.corpus.lengths)
        else:
            high = middle
    return most


def _fullest(session: "Session", most: int) -> Rows:
    """The fullest micro-batch that steps of like rows could hold within a limit."""
    lengths, layout = session.corpus.lengths, Layout.of(session.candidate, most_tokens=most)
    steps = session.corpus.by_length(session.train_rows.tolist(), stages.most_rows(session))
    if not most:
        return layout.cut(steps[0], lengths)[0]
    cut = (one for step in steps for one in layout.cut(step, lengths))
    return max(cut, key=lambda one: layout.held(one, lengths))


def _tried(session: "Session", rows: Rows) -> MemoryGone | None:
    """What of these rows does not fit, in a step of several micro-batches if there are any."""
    several = len(rows) * session.accelerator.num_processes < stages.most_rows(session)
    batch = Layout.of(session.candidate).collate(session.corpus, rows)
    micro = [batch, batch] if several else [batch]
    found = session.gradients(micro, 1, beside=optimizer_bytes(session))
    session.optimizer.zero_grad(set_to_none=True)
    return found if isinstance(found, MemoryGone) else None


def optimizer_bytes(session: "Session") -> int:
    """What the optimizer will hold from its first step on, and does not hold yet."""
    if session.optimizer.state:
        return 0
    trained = sum(p.numel() * p.element_size() for p in session.parameters)
    return int(MOMENTS[session.candidate.optim] * trained)

"""Whether rows that are packed together stay apart in this model: tried on the model itself.

In: a live session, a few of its rows. Out: nothing, or in a few words what went over from one row
to the next. Never: a gradient; weights, mode and every random state are afterwards as before.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from overnight.training import processes, state
from overnight.training.packing import flat
from overnight.values.errors import first_line

if TYPE_CHECKING:
    import torch

    from overnight.training.session import Session

TOKENS = 48
"""Of each row that is tried: more than a few, and a pass over two of them costs next to nothing."""
APART = 1e-6
"""Of the largest logit: what may move. Nothing at all does in 17 kinds of models whose rows stay
apart, in fp32 and in bf16; in six that find no boundaries in positions (OPT, BLOOM, MPT, Mamba,
Mamba 2, Jamba; fresh ones of two layers) 0.1 to 89 % did."""
COMPANY = 4.0
"""Times what moves of a row *before* the changed one, which cannot see it: experts that get other
rows beside it round otherwise."""
OFF = {2: 5e-2, 4: 1e-3}
"""Likewise: how far a row's logits may be in a pack from what they are alone; measured: 2e-6 in
fp32 and 1e-2 in bf16. Positions that do not begin anew are off by far more."""

Tokens = NDArray[np.int32]


def found(session: "Session") -> str:
    """What is wrong with packing here; "": nothing, on no process."""
    told = _told(session)
    worst = processes.anywhere(session.accelerator, bool(told))
    return told or ("another process saw rows of a pack in each other" if worst else "")


def _told(session: "Session") -> str:
    try:
        return _compared(session)
    except (TypeError, ValueError, RuntimeError) as error:
        if state.out_of_memory(error):
            raise
        return f"the model takes no packed rows: {first_line(error)}"


def _compared(session: "Session") -> str:
    """A row beside another, beside that one changed, before them, and alone."""
    one, row = _two_rows(session)
    changed = (one + 1) % (max(int(one.max()), int(row.max())) + 1)
    after, after_changed = (_logits(session, first, row)[-len(row) :] for first in (one, changed))
    before, before_changed = (_logits(session, row, last)[: len(row)] for last in (one, changed))
    alone = _logits(session, row)
    size, top = alone.element_size(), max(float(alone.abs().max()), 1e-30)
    moved, rounded, off = (
        float((a - b).abs().max()) / top
        for a, b in ((after, after_changed), (before, before_changed), (after, alone))
    )
    if moved > max(APART, COMPANY * rounded):
        return f"changing a row moves its neighbour's logits by {100 * moved:.2g} % of the largest"
    if off > OFF[size]:
        return f"a row's logits are off by {100 * off:.2g} % of the largest beside another row"
    return ""


def _two_rows(session: "Session") -> tuple[Tokens, Tokens]:
    """Beginnings of the two training rows that are nearest to `TOKENS` long."""
    rows, encoded = session.train_rows, session.corpus.encoded
    near = np.argsort(np.abs(session.corpus.lengths[rows] - TOKENS), kind="stable")[:2]
    most = min(TOKENS, session.corpus.max_length)
    first, last = (encoded.row(int(rows[at]), most)[0] for at in (near[0], near[-1]))
    return first, last


def _logits(session: "Session", *rows: Tokens) -> "torch.Tensor":
    """At all places of these rows, packed as in training."""
    import torch

    batch = session.to_device(flat([(row, np.ones(len(row), dtype=bool)) for row in rows]))
    batch["places"] = torch.arange(batch["input_ids"].numel(), device=batch["input_ids"].device)
    with state.undisturbed(session.model), torch.no_grad(), session.accelerator.autocast():
        return session.head.logits(session.model, batch)

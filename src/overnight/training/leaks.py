"""Whether rows that are packed together stay apart in this model: tried on the model itself.

In: a live session, a few of its rows. Out: nothing, or in a few words what went over from one row
to the next. Never: a gradient; weights, mode and every random state are afterwards as before.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from overnight.training import processes, state
from overnight.training.packing import flat

if TYPE_CHECKING:
    import torch

    from overnight.training.session import Session

TOKENS = 48
"""Of each row that is tried: more than a few, and a pass over two of them costs next to nothing."""
LEAK = {2: 1e-2, 4: 1e-5}
"""By bytes of a logit: what may move, of the largest. Nothing does where attention is apart (0.0 in
every model tried); experts that get other company round differently."""
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
        return f"the model takes no packed rows: {str(error).strip().partition(chr(10))[0][:120]}"


def _compared(session: "Session") -> str:
    """The second of two rows, after the first, after the first changed, and alone."""
    one, other = _two_rows(session)
    changed = (one + 1) % (max(int(one.max()), int(other.max())) + 1)
    after, after_changed = (_logits(session, first, other) for first in (one, changed))
    alone = _logits(session, other)
    size, top = after.element_size(), max(float(alone.abs().max()), 1e-30)
    moved = float((after - after_changed).abs().max()) / top
    off = float((after - alone).abs().max()) / top
    if moved > LEAK[size]:
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
    """Of the last of these rows at all of its places, packed as in training."""
    import torch

    batch = session.to_device(flat([(row, np.ones(len(row), dtype=bool)) for row in rows]))
    batch["places"] = torch.arange(batch["input_ids"].numel(), device=batch["input_ids"].device)
    with state.undisturbed(session.model), torch.no_grad(), session.accelerator.autocast():
        whole = session.head.logits(session.model, batch)
    return whole[-len(rows[-1]) :]

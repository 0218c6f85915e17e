"""Looking at a live model without leaving a trace.

In: a live session, rows or tokens. Out: losses. Never: a gradient; weights, mode and every random
state are afterwards as before. Where memory runs out fewer rows are looked at together.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from overnight.training import processes, state
from overnight.training.batches import Corpus, share
from overnight.training.losses import by_row
from overnight.training.packing import Layout
from overnight.values.errors import OvernightError

if TYPE_CHECKING:
    import torch

    from overnight.training.session import Session

ROWS = 4
"""Times the micro-batch: an evaluation keeps no activations."""


class OutOfTime(Exception):
    """A look was given up because the deadline would not have allowed its end."""


def never() -> bool:
    """A look that may take as long as it takes."""
    return False


def row_losses(
    session: "Session",
    rows: Sequence[int],
    give_up: Callable[[], bool] = never,
    *,
    corpus: Corpus | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Summed token losses and counts of supervised tokens, row by row in the order given.

    `corpus`: the rows as another session cuts them; else as this one does.

    Raises:
        OutOfTime: `give_up()`, asked between batches, said so; not asked with several processes,
            which would have to agree on it at every batch.
        OvernightError: not even one row fits into the memory.
    """
    state.give_back()  # what training left would stand beside what looking takes
    size = session.room.looked or ROWS * session.candidate.per_device_train_batch_size
    several = session.accelerator.num_processes > 1
    stop = never if several else give_up
    corpus = corpus or session.corpus
    sums = _sums(session, corpus, rows, size, stop)
    while sums is None and size > 1:
        session.room.looked = size = size // 2
        sums = _sums(session, corpus, rows, size, stop)
    if sums is None:
        raise OvernightError("one held-out row does not fit into the memory; lower max_length")
    state.give_back()
    accelerator = session.accelerator
    if several:
        sums = accelerator.reduce(sums.to(accelerator.device), "sum").cpu()
    return sums.numpy(), corpus.learnt[np.asarray(rows, dtype=np.int64)]


def _sums(
    session: "Session", corpus: Corpus, rows: Sequence[int], size: int,
    give_up: Callable[[], bool],
) -> "torch.Tensor | None":  # fmt: skip
    """This process's share, `size` rows at a time; None when memory ran out on any process."""
    import torch

    accelerator, gone = session.accelerator, False
    sums = torch.zeros(len(rows), dtype=torch.float64)
    place_of = {row: at for at, row in enumerate(rows)}
    layout = Layout.looking(session.candidate, size, corpus)
    micro = layout.cut(np.asarray(rows, dtype=np.int64), corpus.lengths)
    try:
        with state.undisturbed(session.model), torch.no_grad(), accelerator.autocast():
            for some in share(micro, accelerator.process_index, accelerator.num_processes):
                if give_up():
                    raise OutOfTime
                batch = session.to_device(layout.collate(corpus, some))
                losses = by_row(session.head.token_losses(session.model, batch), batch)
                sums[[place_of[int(row)] for row in some]] = losses.double().cpu()
    except (RuntimeError, MemoryError) as error:
        if not state.out_of_memory(error):
            raise
        gone = True
    if processes.anywhere(accelerator, gone):
        state.free_memory(accelerator.device.type)
        return None
    return sums


def loss_of(session: "Session", tokens: Sequence[int]) -> float:
    """Mean loss (nats) of a row of tokens, each predicted from those before it."""
    import torch

    ids = torch.tensor([list(tokens)], device=session.accelerator.device)
    with state.undisturbed(session.model), torch.no_grad(), session.accelerator.autocast():
        logits = session.model(ids, use_cache=False).logits.float()
    return float(torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:]).item())

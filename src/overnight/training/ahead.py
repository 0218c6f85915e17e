"""What the coming steps hold, before any of them is taken: a pure function of the order.

In: an order, row lengths, a candidate, a model's profile. Out: the operations of every step, with
padding. Never: draws rows; seconds.
"""

from dataclasses import replace
from itertools import accumulate

import numpy as np

from overnight.planning.work import micro_batch
from overnight.training.batches import Corpus, Order, Rows
from overnight.training.packing import Layout
from overnight.values.facts import ModelProfile
from overnight.values.plan import Candidate

ATTENTION = 2.0
"""An operation of attention takes as long as so many in products with weights: steps of eight small
models were fitted best with 1 to 3, and cards are found at 3 (planning/pace.py)."""
MOST_ROWS = 200_000
"""Rows that are counted one by one; what comes after them is like them in the mean."""


def loads(
    corpus: Corpus, order: Order, candidate: Candidate, *, model: ModelProfile, steps: int
) -> tuple[float, ...]:
    """Operations of the first `steps` steps or as many as are counted, each with all before it.

    The first figure is 0. All processes together.
    """
    most = max(min(steps, MOST_ROWS // max(order.rows_per_step, 1)), 1)
    held: list[float] = []
    epoch = 0
    while len(held) < most:
        for rows in order.epoch(epoch)[: most - len(held)]:
            held.append(_step(corpus, rows, candidate, model))
        epoch += 1
    return tuple(accumulate(held, initial=0.0))


def _step(corpus: Corpus, rows: Rows, candidate: Candidate, model: ModelProfile) -> float:
    """Operations of one step, over its micro-batches."""
    if candidate.packing:
        cut = Layout.of(candidate).cut(rows, corpus.lengths, processes=candidate.processes)
        return sum(_pack(corpus, pack, candidate, model) for pack in cut)
    ranked = rows[np.argsort(-corpus.lengths[rows], kind="stable")]
    first = np.arange(0, len(ranked), candidate.per_device_train_batch_size)
    widths = Layout.of(candidate).widths(corpus.lengths[ranked][first])
    counts = np.diff(np.append(first, len(ranked)))
    learnt = np.add.reduceat(corpus.learnt[ranked], first)
    total = 0.0
    for width, count, taught in zip(widths, counts, learnt, strict=True):
        share = taught / (width * count)
        work = micro_batch(candidate, model, float(width), learnt=float(share))
        whole = work.matrices + ATTENTION * work.attention
        total += whole * count / candidate.per_device_train_batch_size
    return float(total)


def _pack(corpus: Corpus, rows: Rows, candidate: Candidate, model: ModelProfile) -> float:
    """Operations of one pack: a mask has every place look at all of them, a kernel for rows end to
    end each at its own row."""
    lengths = corpus.lengths[rows].astype(np.float64)
    places = float(lengths.sum())
    width = float((lengths**2).sum()) / places if candidate.varlen else places
    alone = replace(candidate, per_device_train_batch_size=1)
    work = micro_batch(alone, model, width, learnt=float(corpus.learnt[rows].sum()) / places)
    return (work.matrices + ATTENTION * work.attention) * places / width

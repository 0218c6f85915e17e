"""Whether rows are packed instead of padded, by which attention, and why.

In: a question, a candidate. Out: settings, words, and what packed steps come to. Never: rows
themselves (training/packing.py), a measurement.
"""

from dataclasses import replace

from overnight.planning.lengths import bucketed_padding, mean_cut, packing_fill
from overnight.planning.question import Question
from overnight.values.facts import DatasetProfile
from overnight.values.plan import Candidate

WORTH_PACKING = 0.02
"""Of the places of batches sorted by length: where less of them is padding, packing has nothing to
take away. A judgement: no card was measured."""
FASTER = "1.2 to 2.5 times as fast on processors"
"""Rows batched by length than packs with a mask: 1.2 (fp32) and 1.4 (bf16) at 5 M parameters on
short rows (bench/results/batching.md), 1.9 to 2.5 in packs of 2,048 tokens at 15 M in bf16."""
ROWS = 8
"""Of the micro-batch by which padding is judged, as the data's profile does."""


def chosen(question: Question, base: Candidate) -> Candidate:
    """The candidate, packed where that was asked for or is likely to be worth it."""
    varlen = _varlen(question, base)
    asked = question.request.settings.packing
    padding = _padding(question.dataset, base.max_length)
    packing = asked if asked is not None else bool(varlen) and padding >= WORTH_PACKING
    if packing and varlen:
        return replace(base, packing=True, attn_implementation=varlen)  # type: ignore[arg-type]
    return replace(base, packing=packing)


def _varlen(question: Question, base: Candidate) -> str:
    """The attention that takes rows end to end, where this model and precision can have it."""
    able = base.precision != "fp32" and not question.model.writes_scores
    return question.hardware.varlen_attention if able else ""


def _padding(dataset: DatasetProfile, max_length: int) -> float:
    return bucketed_padding(dataset, max_length, rows=ROWS)


def why(candidate: Candidate, question: Question) -> str:
    """Why rows are packed, or are not."""
    share = f"{100 * _padding(question.dataset, candidate.max_length):.0f} %"
    if candidate.packing:  # where it was asked for, nobody reads this
        return (
            f"{candidate.attn_implementation} needs no padding, and sorted by length {share} would "
            "be; boundaries are tested on this model, the speed was not measured"
        )
    if not question.hardware.varlen_attention:
        return (
            f"sorted by length {share} of the places are padding; packing takes a kernel for rows "
            "end to end (pip install flash-attn), else a mask that takes longer"
        )
    return f"sorted by length only {share} of the places are padding"


def like(candidate: Candidate, dataset: DatasetProfile) -> tuple[Candidate, float]:
    """(The padded candidate that computes what the packed one does, its rows' width).

    With a kernel for rows end to end: as many rows a micro-batch as fill a pack, each as wide as it
    is long; with a mask: one row as wide as the pack is filled.
    """
    mean, places = mean_cut(dataset, candidate.max_length), float(candidate.pack_places)
    if not candidate.varlen:
        places *= packing_fill(dataset, candidate.max_length)
    rows = candidate.rows_per_step / candidate.processes
    packs = max(1, round(rows * mean / places))
    wide = mean if candidate.varlen else min(places, rows * mean)
    beside = max(1, round(rows / packs)) if candidate.varlen else 1
    return replace(
        candidate, per_device_train_batch_size=beside, gradient_accumulation_steps=packs
    ), wide

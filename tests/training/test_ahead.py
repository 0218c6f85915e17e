"""What the coming steps hold: counted from the order, the same as the loop will take."""

from itertools import pairwise

import numpy as np
import pytest
from tests.planning.facts import MODEL, question
from tests.training.test_batches import order

from overnight.planning import search
from overnight.training.ahead import loads
from overnight.training.batches import Corpus

CANDIDATE = search.choose(question()).candidate


def corpus(lengths: np.ndarray) -> Corpus:
    return Corpus(None, 512, lengths, lengths - 1)  # type: ignore[arg-type]


def counted(steps: int, **changes: int) -> tuple[float, ...]:
    given = order(150, per_step=4)
    size = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 1} | changes
    from dataclasses import replace

    return loads(corpus(given.lengths), given, replace(CANDIDATE, **size), model=MODEL,
                 steps=steps)  # fmt: skip


def test_loads_are_cumulated_from_nothing_and_rise():
    found = counted(10)
    assert len(found) == 11 and found[0] == 0.0
    assert all(b > a for a, b in pairwise(found))


def test_longer_rows_are_more_work():
    given, found = order(150, per_step=4), counted(38)
    tokens = [given.lengths[rows].max() * len(rows) for rows in given.epoch(0)]
    work = [b - a for a, b in pairwise(found)]
    assert np.argmax(work) == np.argmax(tokens)
    assert np.corrcoef(work, tokens)[0, 1] > 0.98


def test_an_epoch_of_small_micro_batches_holds_less_padding():
    assert counted(38, per_device_train_batch_size=1)[-1] < counted(38)[-1]


def test_the_second_epoch_goes_on_where_the_first_ends():
    found = counted(76)
    assert len(found) == 77
    assert found[76] == pytest.approx(2 * found[38], rel=0.05)

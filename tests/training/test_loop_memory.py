"""Memory that runs out: the loop takes the same step again, or lets the process end."""

from dataclasses import replace

import pytest
from tests.training import tiny
from tests.training.test_loop import WELL, kinds, night, of

from overnight.control.recovery import shrunk
from overnight.training.room import MemoryGone, OptimizerMemoryGone
from overnight.values.errors import NoPlanFits
from overnight.values.ledger import Stepped
from overnight.values.troubles import Shrunk


def test_memory_gone_cuts_what_did_not_fit_and_takes_the_same_step():
    loop = night(WELL, MemoryGone(48), MemoryGone(22, 10), MemoryGone())
    events = list(loop.train())
    assert kinds(events)[:5] == ["Stepped", "Shrunk", "Shrunk", "Shrunk", "Stepped"]
    assert [event.step for event in events[:5]] == [1, 1, 1, 1, 2]
    told = of(Shrunk, events)
    assert [event.most_tokens for event in told] == [24, 11, 11]
    assert {event.per_device_train_batch_size for event in told} == {2}
    assert told[0].why == "a micro-batch of 48 tokens did not fit; the same step again"
    assert loop.session.candidate.gradient_checkpointing


def test_a_row_that_fits_nowhere_is_said():
    with pytest.raises(NoPlanFits, match="max_length"):
        list(night(*[MemoryGone()] * 3).train())


def test_memory_that_runs_out_in_the_optimizer_ends_the_process():
    with pytest.raises(OptimizerMemoryGone):
        list(night(WELL, OptimizerMemoryGone()).train())


def test_what_memory_took_in_an_earlier_process_is_taken_at_the_same_step():
    loop = night()
    small = replace(tiny.CANDIDATE, max_tokens_per_micro_batch=20)
    loop.coming = (shrunk(small, step=2, where="gradients", why="x"),)
    seen = [loop.session.candidate for event in loop.train() if isinstance(event, Stepped)]
    assert seen == [tiny.CANDIDATE] * 2 + [small] * 4
    assert loop.coming == ()


def test_the_price_of_a_step_leaves_out_the_attempt_that_failed():
    events = list(night(MemoryGone(48)).train())
    assert {event.seconds for event in of(Stepped, events)} == {10.0}

"""What fits: what ran out is known by its tokens, and the largest is tried before the night."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from tests.training import tiny

from overnight.control.recovery import smaller
from overnight.training import state
from overnight.training.losses import Head
from overnight.training.room import MemoryGone, OptimizerMemoryGone, Room, optimizer_bytes
from overnight.values.decisions import Progress

pytestmark = pytest.mark.tiny
GONE = torch.OutOfMemoryError("CUDA out of memory.")
EIGHT = replace(tiny.CANDIDATE, per_device_train_batch_size=4, gradient_accumulation_steps=2)


@pytest.fixture
def capacity(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """[most tokens of a micro-batch that fits]; what was tried is put behind it."""
    real, known = Head.token_losses, [10**9]

    def losses(self, model, batch):
        known.append(batch["input_ids"].numel())
        if known[-1] > known[0]:
            raise GONE
        return real(self, model, batch)

    monkeypatch.setattr(Head, "token_losses", losses)
    yield known


def batch(rows, width):
    return {"input_ids": torch.zeros(rows, width)}


def test_what_fitted_is_told_by_its_place_in_the_step():
    room = Room()
    room.fitted(batch(4, 20), 0)
    room.fitted(batch(4, 10), 1)
    assert room.gone(batch(4, 30), 0) == (120, 80)
    assert room.gone(batch(4, 15), 1) == (60, 40)


def test_a_single_row_has_no_tokens_that_could_be_cut():
    room = Room()
    room.fitted(batch(1, 500), 0)
    assert room.gone(batch(1, 600), 0) == (0, 0)


def test_memory_gone_tells_what_did_not_fit_and_what_did(base, capacity):
    session = tiny.session(base, EIGHT)
    capacity[0] = max(session.corpus.lengths[session.train_rows]) * 4 - 1
    with pytest.raises(MemoryGone) as gone:
        for _ in range(9):
            session.step(tiny.RATE)
    assert gone.value.tokens == capacity[-1] > capacity[0] >= gone.value.fitted > 0


def shrunk_until_it_fits(session, steps):
    """Steps, each again after what it ran out by; their losses."""
    losses = []
    while len(losses) < steps:
        try:
            losses.append(session.step(tiny.RATE).loss)
        except MemoryGone as gone:
            known = {"ran_out": gone.tokens, "fitted": gone.fitted}
            session.rebuild(smaller(session.candidate, **known))
    return losses


def test_only_what_did_not_fit_is_cut_and_the_loss_is_the_same(base, capacity):
    calm = tiny.session(base, EIGHT)
    losses = tiny.train(calm, 6)
    shaken = tiny.session(base, EIGHT)
    capacity[:] = [70]
    assert shrunk_until_it_fits(shaken, 6) == pytest.approx(losses, abs=1e-5)
    assert tiny.near(tiny.weights(shaken), tiny.weights(calm), within=1e-3)
    assert shaken.candidate.per_device_train_batch_size == 4
    assert 35 <= shaken.candidate.max_tokens_per_micro_batch <= 70


def test_the_largest_is_tried_without_a_trace(base, capacity):
    session = tiny.session(base, tiny.LORA)
    before, weights = state.random_state(), tiny.weights(session)
    assert session.try_largest() is None
    capacity[0] = 20
    assert session.try_largest() is not None
    assert torch.equal(state.random_state()["torch"], before["torch"])
    assert session.progress == Progress(batches_per_epoch=3)
    assert tiny.same(tiny.weights(session), weights)
    assert all(p.grad is None for p in session.parameters)


def test_the_largest_is_the_longest_rows_together_twice(base, capacity):
    session = tiny.session(base, EIGHT)
    session.try_largest()
    longest = int(session.corpus.lengths[session.train_rows].max())
    assert capacity[1:] == [4 * longest] * 2


def test_with_a_limit_the_largest_is_the_fullest_within_it(base, capacity):
    session = tiny.session(base, replace(EIGHT, max_tokens_per_micro_batch=60))
    assert session.try_largest() is None
    assert 24 < capacity[-1] <= 60


def test_before_the_night_the_most_that_fits_is_looked_for(base, capacity):
    session = tiny.session(base, EIGHT)
    capacity[0] = 80
    gone = session.try_largest()
    assert gone is not None and gone.tokens > 80
    assert 48 < gone.fitted <= 80
    assert gone.fitted in capacity[1:]


def test_where_not_even_the_half_fits_it_is_halved_again(base, capacity):
    session = tiny.session(base, EIGHT)
    capacity[0] = 30
    while (gone := session.try_largest()) is not None:
        session.rebuild(smaller(session.candidate, ran_out=gone.tokens, fitted=gone.fitted))
    assert 15 <= session.candidate.max_tokens_per_micro_batch <= 30
    assert not session.candidate.gradient_checkpointing


def test_room_is_kept_for_what_the_optimizer_will_hold(base):
    session = tiny.session(base)
    bytes_of = sum(p.numel() * 4 for p in session.parameters)
    assert optimizer_bytes(session) == 2 * bytes_of
    tiny.train(session, 1)
    assert optimizer_bytes(session) == 0


def test_memory_that_runs_out_in_the_optimizer_is_another_matter(base):
    session = tiny.session(base)

    def exhausted():
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    session.optimizer.step = exhausted
    with pytest.raises(OptimizerMemoryGone):
        session.step(tiny.RATE)

"""A session: how a step is split changes nothing, looking is free, trouble leaves it as it was."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.training import tiny

from overnight.training import state
from overnight.training.batches import Corpus
from overnight.training.losses import Head
from overnight.training.room import MemoryGone
from overnight.values.decisions import Progress

pytestmark = pytest.mark.tiny


def split(candidate, rows, times):
    return replace(candidate, per_device_train_batch_size=rows, gradient_accumulation_steps=times)


def gradients(session):
    """Of the first step, after which the session is not used."""
    seen = []
    session.optimizer.step = lambda: seen.extend(p.grad.clone() for p in session.parameters)
    session.step(0.0)
    return seen


@pytest.mark.parametrize(("rows", "times"), [(2, 4), (8, 1), (3, 3)])
def test_how_a_step_is_split_changes_nothing_but_rounding(base, rows, times):
    whole, parts = (tiny.session(base, split(tiny.CANDIDATE, 8, 1)) for _ in range(2))
    parts.rebuild(split(tiny.CANDIDATE, rows, times))
    assert tiny.train(parts, 2) == pytest.approx(tiny.train(whole, 2), abs=1e-5)
    assert tiny.near(tiny.weights(parts), tiny.weights(whole), within=1e-3)


def test_the_gradients_of_a_split_step_are_those_of_the_whole(base):
    whole, parts = (tiny.session(base, split(tiny.CANDIDATE, rows, 8 // rows)) for rows in (8, 1))
    assert tiny.near(gradients(whole), gradients(parts), within=1e-6)


def test_a_step_tells_what_it_held(base):
    session = tiny.session(base)
    rows = session.order.epoch(0)[0]
    taken = session.step(tiny.RATE)
    assert taken.taken
    assert taken.tokens == session.corpus.lengths[rows].sum()
    assert taken.learnt_tokens == session.corpus.learnt[rows].sum()
    assert session.progress == Progress(step=1, batch=1, batches_per_epoch=3, tokens=taken.tokens)


def test_a_step_loses_its_loss_by_the_token(base):
    session = tiny.session(base)
    rows = session.order.epoch(0)[0]
    sums, counts = session.evaluate(rows.tolist())
    assert session.step(tiny.RATE).loss == pytest.approx(sums.sum() / counts.sum(), abs=1e-5)


def last_token_changed(*, learnt):
    """The same rows; the last token of each is another one, and is learnt or not."""
    whole = tiny.corpus().encoded
    ends = whole.offsets[1:] - 1
    changed = []
    for shift in (0, 1):
        tokens, learn = whole.tokens.copy(), whole.learn.copy()
        tokens[ends] = (tokens[ends] + shift) % 300
        learn[ends] = learnt
        changed.append(Corpus.cut(replace(whole, tokens=tokens, learn=learn), 40))
    return changed


@pytest.mark.parametrize("learnt", [False, True])
def test_only_learnt_tokens_carry_loss_and_gradient(base, learnt):
    one, other = (tiny.session(base, rows=rows) for rows in last_token_changed(learnt=learnt))
    # The last token of a row is seen by no other, so it matters as a target alone.
    assert (tiny.train(one, 1) == tiny.train(other, 1)) is not learnt
    assert tiny.same(tiny.weights(one), tiny.weights(other)) is not learnt


def test_rows_in_which_nothing_is_learnt_make_a_step_that_changes_nothing(base):
    rows = tiny.corpus()
    blank = Corpus.cut(replace(rows.encoded, learn=np.zeros_like(rows.encoded.learn)), 24)
    session = tiny.session(base, rows=blank)
    before = tiny.weights(session)
    assert session.step(tiny.RATE).loss == 0.0
    assert tiny.same(tiny.weights(session), before)


def test_gradients_are_clipped_to_the_norm_asked_for(base):
    session = tiny.session(base, replace(tiny.CANDIDATE, max_grad_norm=0.01))
    clipped = torch.cat([g.flatten() for g in gradients(session)])
    assert clipped.norm().item() == pytest.approx(0.01, rel=1e-3)


def test_a_norm_of_zero_clips_nothing_and_the_norm_is_told(base):
    session = tiny.session(base, replace(tiny.CANDIDATE, max_grad_norm=0.0))
    told = []
    original = session.step
    session.step = lambda rate: told.append(original(rate).grad_norm)
    whole = torch.cat([g.flatten() for g in gradients(session)])
    assert whole.norm().item() == pytest.approx(told[0], rel=1e-4)
    assert told[0] > 0.1


def test_a_loss_that_is_no_number_is_thrown_away_with_its_batch(base, monkeypatch):
    session = tiny.session(base)
    tiny.train(session, 1)
    before, moments = tiny.weights(session), session.optimizer.state_dict()["state"]
    with monkeypatch.context() as patch:
        sick = lambda *args: Head(bare=True).logits(*args) * torch.nan  # noqa: E731
        patch.setattr(Head, "token_losses", lambda self, *args: sick(*args).sum(-1))
        taken = session.step(tiny.RATE)
    assert (taken.taken, taken.settling) == (False, False)
    assert (session.progress.step, session.progress.batch) == (1, 2)
    assert tiny.same(tiny.weights(session), before)
    assert session.optimizer.state_dict()["state"][0]["step"] == moments[0]["step"] == 1
    assert session.step(tiny.RATE).taken


def random_states():
    found = state.random_state()
    return found["torch"].tolist(), found["python"], found["numpy"].tolist(), found["numpy_place"]


def test_an_evaluation_leaves_weights_mode_and_random_states(base):
    session = tiny.session(base, tiny.LORA)
    tiny.train(session, 1)
    before, mode, weights = random_states(), session.model.training, tiny.weights(session)
    session.evaluate([12, 13])
    session.loss_of([5, 6, 7])
    assert (random_states(), session.model.training) == (before, mode)
    assert tiny.same(tiny.weights(session), weights)


def test_training_after_an_evaluation_is_training_without_one(base):
    looked, blind = tiny.session(base, tiny.LORA), tiny.session(base, tiny.LORA)
    first = tiny.train(blind, 4)
    state.seed_everything(tiny.LORA.seed, 0)
    second = tiny.train(looked, 2)
    looked.evaluate([12, 13])
    assert second + tiny.train(looked, 2) == first
    assert tiny.same(tiny.weights(looked), tiny.weights(blind))


def test_dropout_is_drawn_in_training(base):
    one, other = tiny.session(base, tiny.LORA), tiny.session(base, tiny.LORA)
    tiny.train(one, 2)
    state.seed_everything(1, 0)
    tiny.train(other, 2)
    assert not tiny.same(tiny.weights(one), tiny.weights(other))


def test_the_same_seed_draws_the_same_adapters_whatever_was_drawn_before(base):
    one = tiny.weights(tiny.session(base, tiny.LORA))
    torch.rand(7)
    assert tiny.same(one, tiny.weights(tiny.session(base, tiny.LORA)))
    other = tiny.weights(tiny.session(base, replace(tiny.LORA, seed=1)))
    assert not tiny.same(one, other)


def test_lora_leaves_the_base_as_it_was(base):
    session = tiny.session(base, tiny.LORA)
    frozen = [p for p in session.model.parameters() if not p.requires_grad]
    before = [p.clone() for p in frozen]
    tiny.train(session, 2)
    assert tiny.same(frozen, before)
    assert {p.dtype for p in session.parameters} == {torch.float32}


@pytest.mark.parametrize("candidate", [tiny.CANDIDATE, tiny.LORA])
def test_gradient_checkpointing_gives_the_same_gradients(base, candidate):
    plain = gradients(tiny.session(base, candidate))
    saving = gradients(tiny.session(base, replace(candidate, gradient_checkpointing=True)))
    assert tiny.near(plain, saving, within=1e-6)


CUDA = torch.OutOfMemoryError("CUDA out of memory.")
CPU = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ...")


def exhausted(monkeypatch, error, *, times=1, after=1):
    """Memory runs out in the second micro-batch, `times` times."""
    left, real, calls = [times], Head.token_losses, [0]

    def losses(self, model, batch):
        calls[0] += 1
        if calls[0] > after and left[0]:
            left[0] -= 1
            torch.rand(3)
            raise error
        return real(self, model, batch)

    monkeypatch.setattr(Head, "token_losses", losses)


@pytest.mark.parametrize("error", [CUDA, CPU, MemoryError()])
def test_memory_gone_leaves_weights_place_and_random_state(base, monkeypatch, error):
    session = tiny.session(base, tiny.LORA)
    before, place, weights = random_states(), session.progress, tiny.weights(session)
    exhausted(monkeypatch, error)
    with pytest.raises(MemoryGone):
        session.step(tiny.RATE)
    assert (random_states(), session.progress) == (before, place)
    assert tiny.same(tiny.weights(session), weights)
    assert all(p.grad is None for p in session.parameters)


def test_the_retried_step_is_the_undisturbed_one(base, monkeypatch):
    calm = tiny.session(base, tiny.LORA)
    losses = tiny.train(calm, 5)
    shaken = tiny.session(base, tiny.LORA)
    begun = tiny.train(shaken, 2)
    with monkeypatch.context() as patch:
        exhausted(patch, CUDA)
        with pytest.raises(MemoryGone):
            shaken.step(tiny.RATE)
    shaken.rebuild(replace(tiny.LORA, gradient_checkpointing=True))
    assert begun + tiny.train(shaken, 3) == pytest.approx(losses, abs=1e-5)
    assert tiny.near(tiny.weights(shaken), tiny.weights(calm), within=1e-4)


def test_a_step_retried_as_it_was_is_the_same_bit_for_bit(base, monkeypatch):
    calm, shaken = (tiny.session(base, tiny.LORA) for _ in range(2))
    losses = tiny.train(calm, 3)
    state.seed_everything(tiny.LORA.seed, 0)
    begun = tiny.train(shaken, 1)
    with monkeypatch.context() as patch:
        exhausted(patch, CUDA)
        with pytest.raises(MemoryGone):
            shaken.step(tiny.RATE)
    assert begun + tiny.train(shaken, 2) == losses
    assert tiny.same(tiny.weights(shaken), tiny.weights(calm))


def test_a_smaller_micro_batch_changes_no_steps_rows(base):
    session = tiny.session(base, split(tiny.CANDIDATE, 5, 1))
    steps = [rows.tolist() for rows in session.order.epoch(0)]
    session.rebuild(split(tiny.CANDIDATE, 2, 3))
    assert [rows.tolist() for rows in session.order.epoch(0)] == steps
    assert session.step(tiny.RATE).tokens == session.corpus.lengths[steps[0]].sum()


def test_an_error_that_is_not_memory_comes_through(base, monkeypatch):
    exhausted(monkeypatch, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        tiny.session(base).step(tiny.RATE)


def test_skipping_goes_on_behind_the_batches_reached(base):
    session, other = tiny.session(base), tiny.session(base)
    session.skip_to(1, 2)
    assert session.progress == Progress(epoch=1, batch=2, batches_per_epoch=3)
    other.progress = replace(session.progress)
    assert tiny.train(session, 2) == tiny.train(other, 2)


def test_nothing_is_skipped_backwards(base):
    session = tiny.session(base)
    tiny.train(session, 4)
    before = session.progress
    session.skip_to(0, 2)
    assert session.progress == before


def test_a_weight_that_is_no_number_is_noticed(base):
    session = tiny.session(base)
    assert session.finite()
    session.parameters[3].data[0] = torch.inf
    assert not session.finite()


def test_one_process_is_main_and_agrees_with_itself(base):
    session = tiny.session(base)
    assert session.main
    assert session.agreed("word") == "word"
    assert session.peak_bytes() > 2**20
    assert session.tokens_per_step * 3 == session.corpus.lengths[:12].sum()


def test_training_learns(base):
    session = tiny.session(base)
    before = session.evaluate(list(range(12)))[0].sum()
    tiny.train(session, 15)
    assert session.evaluate(list(range(12)))[0].sum() < 0.75 * before

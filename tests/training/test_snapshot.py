"""A snapshot: whatever happened since, the session goes on as if it had not."""

from dataclasses import replace

import pytest
import torch
from tests.training import tiny

from overnight.training.snapshot import Snapshot, bytes_kept, resize

pytestmark = pytest.mark.tiny


@pytest.mark.parametrize("candidate", [tiny.CANDIDATE, tiny.LORA], ids=["full", "lora"])
@pytest.mark.parametrize("done", [0, 2])
def test_the_same_steps_come_again_bit_for_bit(base, candidate, done):
    session = tiny.session(base, candidate)
    tiny.train(session, done)
    before, then = Snapshot.of(session), tiny.weights(session)
    losses, after = tiny.train(session, 4), tiny.weights(session)
    before.put_back(session)
    assert tiny.same(tiny.weights(session), then) and session.progress.step == done
    assert tiny.train(session, 4) == losses
    assert tiny.same(tiny.weights(session), after)


def test_it_can_be_gone_back_to_more_than_once(base):
    session = tiny.session(base)
    before = Snapshot.of(session)
    runs = []
    for _ in range(3):
        before.put_back(session)
        runs.append(tiny.train(session, 2))
    assert runs[0] == runs[1] == runs[2]


def test_steps_of_other_rows_at_a_rate_of_zero_leave_nothing_behind(base):
    session = tiny.session(base, tiny.LORA)
    untouched = tiny.session(base, tiny.LORA)
    before, drawn = Snapshot.of(session, weights=False), torch.get_rng_state()
    resize(session, replace(tiny.LORA, per_device_train_batch_size=5, adam_beta2=0.9))
    for _ in range(3):
        session.step(0.0)
    before.put_back(session)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert tiny.same(tiny.weights(session), tiny.weights(untouched))
    losses = tiny.train(session, 3)
    torch.set_rng_state(drawn)
    assert losses == tiny.train(untouched, 3)


def test_a_resized_session_is_one_that_was_made_so(base):
    larger = replace(tiny.CANDIDATE, per_device_train_batch_size=3, adam_beta2=0.95)
    session, made = tiny.session(base), tiny.session(base, larger)
    resize(session, larger)
    assert session.progress == made.progress and session.candidate == made.candidate
    assert tiny.train(session, 4) == tiny.train(made, 4)
    assert tiny.same(tiny.weights(session), tiny.weights(made))


def test_what_it_takes_is_known_beforehand(base):
    session = tiny.session(base)
    plain = bytes_kept(session)
    assert plain >= sum(p.numel() * p.element_size() for p in session.parameters)
    tiny.train(session, 1)
    assert bytes_kept(session) > 2.5 * plain

"""The optimizer: what is decayed and what is not."""

from dataclasses import replace

import pytest
import torch
from tests.training import tiny

from overnight.training.optimizer import adamw
from overnight.values.errors import InputError

DECAYED = replace(tiny.CANDIDATE, weight_decay=0.5)


def stepped(shape):
    weight = torch.nn.Parameter(torch.ones(shape))
    optimizer = adamw([weight], DECAYED, "cpu")
    weight.grad = torch.zeros(shape)
    optimizer.step()
    return weight


def test_matrices_are_decayed():
    assert torch.allclose(stepped((2, 2)), torch.full((2, 2), 1 - 0.5 * DECAYED.learning_rate))


def test_vectors_are_not_decayed():
    assert torch.equal(stepped((2,)), torch.ones(2))


def test_it_takes_the_candidates_figures():
    optimizer = adamw([torch.nn.Parameter(torch.ones(2, 2))], DECAYED, "mps")
    (group,) = optimizer.param_groups
    assert (group["betas"], group["weight_decay"]) == ((0.9, 0.99), 0.5)
    assert not group["fused"]


def test_8_bit_moments_without_their_library_say_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    asked = replace(tiny.CANDIDATE, optim="adamw_bnb_8bit")
    with pytest.raises(InputError, match=r"overnight\[qlora\]"):
        adamw([torch.nn.Parameter(torch.ones(2, 2))], asked, "cpu")


def test_8_bit_moments_take_a_quarter():
    pytest.importorskip("bitsandbytes")
    weight = torch.nn.Parameter(torch.ones(128, 64))
    optimizer = adamw([weight], replace(DECAYED, optim="adamw_bnb_8bit"), "cpu")
    weight.grad = torch.full_like(weight, 0.1)
    optimizer.step()
    assert {optimizer.state[weight][name].dtype for name in ("state1", "state2")} == {torch.uint8}
    assert (weight < 1.0).all()

"""The optimizer: what is decayed and what is not."""

from dataclasses import replace

import torch
from tests.training import tiny

from overnight.training.optimizer import adamw

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

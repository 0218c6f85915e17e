from types import SimpleNamespace

import pytest
import torch

from overnight.adapters import gradients

PLAIN = SimpleNamespace(param_groups=[{"lr": 0.1}])
SCALED = SimpleNamespace(scaler=object(), param_groups=[{"lr": 0.1}])


def model(*values):
    layer = torch.nn.Linear(len(values), 1, bias=False)
    layer.weight.grad = torch.tensor([values])
    return layer


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_one_entry_that_is_no_number_is_found(bad):
    assert gradients.sound(model(1.0, 2.0), PLAIN, clipped=False, several=False)
    assert not gradients.sound(model(1.0, bad), PLAIN, clipped=False, several=False)


def test_large_entries_in_half_precision_are_sound():
    layer = model(6e4, 6e4).half()
    layer.weight.grad = torch.full((1, 2), 6e4, dtype=torch.float16)
    assert gradients.sound(layer, PLAIN, clipped=False, several=False)


def test_sparse_gradients_are_read():
    table = torch.nn.Embedding(10, 2, sparse=True)
    table(torch.tensor([3])).sum().backward()
    assert gradients.sound(table, PLAIN, clipped=False, several=False)


def test_a_loss_scaler_is_left_to_itself():
    assert gradients.sound(model(float("nan")), SCALED, clipped=False, several=False)


def test_without_gradients_nothing_is_wrong():
    assert gradients.sound(torch.nn.Linear(2, 1), PLAIN, clipped=False, several=False)


def test_a_step_that_holds_still_changes_no_weight():
    layer = model(1.0, 2.0)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, weight_decay=0.1)
    before = layer.weight.detach().clone()
    gradients.hold_still(layer, optimizer)
    optimizer.step()
    assert torch.equal(layer.weight, before)


def test_under_a_loss_scaler_the_rate_is_zero():
    layer = model(1.0)
    scaled = SimpleNamespace(scaler=object(), param_groups=[{"lr": 0.1}])
    gradients.hold_still(layer, scaled)
    assert scaled.param_groups[0]["lr"] == 0.0
    assert layer.weight.grad is not None


def clipped(*values):
    """A layer whose gradients the Trainer has scaled by their norm, beside one with `values`."""
    both = torch.nn.ModuleList([model(*values), torch.nn.Linear(1, 1, bias=False)])
    both[1].weight.grad = torch.tensor([[0.5]])
    torch.nn.utils.clip_grad_norm_(both.parameters(), 1.0)
    return both


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_after_clipping_one_small_tensor_tells_of_all(bad):
    assert gradients.sound(clipped(1.0, 2.0), PLAIN, clipped=True, several=False)
    assert not gradients.sound(clipped(1.0, bad), PLAIN, clipped=True, several=False)


def test_a_small_tensor_of_zeros_tells_nothing_so_all_are_read():
    both = torch.nn.ModuleList([model(1.0, 2.0), model(0.0)])
    assert gradients.sound(both, PLAIN, clipped=True, several=False)
    both[0].weight.grad[0, 1] = float("nan")
    assert not gradients.sound(both, PLAIN, clipped=True, several=False)

"""Adapted layers in one go: peft's figures, its gradients, and peft itself where it must be."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tests.training import tiny

from overnight.training import lora_linear

IDS = torch.arange(48).reshape(2, 24)


def adapted(**changes: Any) -> Any:
    """A small Llama with adapters that do something."""
    settings = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"} | changes
    made = get_peft_model(tiny.llama(attention_bias=True), LoraConfig(**settings))
    torch.manual_seed(2)
    for name, weight in made.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    return made.train()


def gradients(model: Any) -> dict[str, torch.Tensor]:
    model(input_ids=IDS, labels=IDS, use_cache=False).loss.backward()
    return {name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad}


def far(one: torch.Tensor, other: torch.Tensor) -> float:
    return ((one - other).norm() / other.norm()).item()


@pytest.fixture(scope="module")
def peft_s() -> Any:
    return adapted()


@pytest.fixture(scope="module")
def ours(peft_s: Any) -> Any:
    model = deepcopy(peft_s)
    assert lora_linear.install(model) == 14
    return model


def test_logits_are_peft_s(peft_s: Any, ours: Any):
    with torch.no_grad():
        assert far(ours(IDS).logits, peft_s(IDS).logits) < 1e-5


def test_gradients_are_peft_s(peft_s: Any, ours: Any):
    theirs, found = gradients(peft_s), gradients(ours)
    assert len(found) == 28
    assert max(far(found[name], theirs[name]) for name in theirs) < 1e-5


def test_an_adapter_that_is_switched_off_is_off(peft_s: Any, ours: Any):
    with torch.no_grad(), ours.disable_adapter(), peft_s.disable_adapter():
        assert torch.equal(ours(IDS).logits, peft_s(IDS).logits)


def test_merged_weights_are_not_adapted_twice(peft_s: Any, ours: Any):
    merged = deepcopy(ours)
    merged.merge_adapter()
    with torch.no_grad():
        assert far(merged(IDS).logits, peft_s(IDS).logits) < 1e-5


@pytest.mark.parametrize("changes", [{"lora_dropout": 0.1}, {"use_dora": True}])
def test_what_is_more_than_plain_stays_peft_s(changes: dict[str, Any]):
    assert lora_linear.install(adapted(**changes)) == 0


def test_over_a_base_in_16_bits_it_is_peft_s_but_for_rounding(ours: Any, peft_s: Any):
    ours, peft_s = deepcopy(ours), deepcopy(peft_s)
    for model in (ours, peft_s):
        for weight in model.parameters():
            weight.data = weight.data.to(torch.float32 if weight.requires_grad else torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        theirs, found = gradients(peft_s), gradients(ours)
    assert {grad.dtype for grad in found.values()} == {torch.float32}
    assert max(far(found[name], theirs[name]) for name in theirs) < 0.05

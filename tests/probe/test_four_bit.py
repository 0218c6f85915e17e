"""Linear layers that take the memory of ones in 4 bits."""

import pytest
import torch
from tests.training import tiny

from overnight.probe.four_bit import quantised
from overnight.probe.trace import filled, weightless

pytestmark = pytest.mark.tiny


def model(**changes):
    with torch.device("meta"):
        return quantised(tiny.llama(**changes), torch.bfloat16)


def test_all_linear_layers_but_the_head_take_half_a_byte_a_weight():
    packed = [p for p in model().parameters() if p.dtype == torch.uint8]
    assert sum(p.numel() for p in packed) == 2 * (4 * 32 * 32 + 3 * 32 * 64) // 2
    assert model().lm_head.weight.dtype == torch.float32


def test_constants_add_an_eighth_of_a_bit():
    layer = model().model.layers[0].mlp.up_proj
    assert (layer.constants.numel(), layer.outer.numel()) == (32 * 64 // 64, 1)


def test_its_results_have_the_input_s_type_and_its_gradient_comes_back():
    live = model()
    with weightless():
        filled(live)
        live.model.embed_tokens.weight.requires_grad_(True)
        logits = live(input_ids=torch.zeros(1, 5, dtype=torch.long)).logits
        logits.sum().backward()
        assert logits.dtype == torch.float32
        assert live.model.embed_tokens.weight.grad.shape == (300, 32)


def test_gpt_2_s_transposed_layers_are_quantised_likewise():
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=100, n_embd=32, n_layer=1, n_head=2, n_positions=16)
    with torch.device("meta"):
        live = quantised(GPT2LMHeadModel(config), torch.bfloat16)
    assert live.transformer.h[0].mlp.c_fc.out_features == 128

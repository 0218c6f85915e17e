"""Methods: exactly the right weights are trainable, in the right precision."""

from dataclasses import replace

import pytest
import torch
from tests.training import tiny
from transformers import MixtralConfig, MixtralForCausalLM

from overnight.training import methods
from overnight.values.errors import InputError, ModelError

pytestmark = pytest.mark.tiny


def ready(base, candidate):
    return methods.prepare(methods.load_base(str(base), candidate), candidate)


def trained(model):
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def test_full_trains_every_weight_in_fp32_whatever_it_runs_in(base):
    model = ready(base, replace(tiny.CANDIDATE, precision="bf16"))
    assert len(trained(model)) == len(list(model.parameters()))
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_lora_trains_only_adapters_in_fp32_over_a_base_in_its_own_precision(base):
    model = ready(base, replace(tiny.LORA, precision="bf16"))
    assert all("lora_" in name for name in trained(model))
    assert {p.dtype for p in trained(model).values()} == {torch.float32}
    assert {p.dtype for p in model.parameters() if not p.requires_grad} == {torch.bfloat16}


def test_lora_wraps_every_linear_layer_of_the_blocks_and_not_the_head(base):
    names = trained(ready(base, tiny.LORA))
    assert len(names) == 2 * 7 * tiny.SIZES["num_hidden_layers"]
    assert not any("lm_head" in name for name in names)


def test_of_a_mixture_of_experts_only_attention_is_wrapped(tmp_path):
    shape = dict(vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
                 num_attention_heads=2, num_key_value_heads=1)  # fmt: skip
    MixtralForCausalLM(MixtralConfig(**shape, num_local_experts=4)).save_pretrained(tmp_path)
    names = trained(ready(tmp_path, tiny.LORA))
    assert len(names) == 2 * 4 * 2
    assert all(".self_attn." in name for name in names)


def test_checkpointing_is_on_where_it_is_asked_for(base):
    asked = replace(tiny.LORA, gradient_checkpointing=True)
    assert ready(base, asked).get_base_model().is_activation_checkpointing
    assert not ready(base, tiny.LORA).get_base_model().is_activation_checkpointing


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(ModelError, match=str(tmp_path)) as caught:
        methods.load_base(str(tmp_path), tiny.CANDIDATE)
    assert "\n" not in str(caught.value)


def test_qlora_without_its_library_says_what_to_install(base, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"overnight\[qlora\]"):
        methods.load_base(str(base), replace(tiny.LORA, method="qlora"))


def layers_checkpointed(model):
    layers = model.get_submodule("model.layers")
    return [layer.gradient_checkpointing for layer in layers]


def gradients(candidate, **changes):
    model = methods.prepare(tiny.llama(num_hidden_layers=4, **changes), candidate).train()
    model(input_ids=torch.arange(24)[None] + 10).logits.square().mean().backward()
    return [p.grad for p in model.parameters() if p.requires_grad]


@pytest.mark.parametrize("every", [1, 2, 3])
def test_every_nth_layer_is_checkpointed_from_the_first_on(every):
    asked = replace(tiny.CANDIDATE, gradient_checkpointing=True, checkpoint_every=every)
    model = methods.prepare(tiny.llama(num_hidden_layers=4), asked)
    assert layers_checkpointed(model) == [at % every == 0 for at in range(4)]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_checkpointing_some_layers_changes_no_gradient(method):
    asked = replace(tiny.CANDIDATE, method=method, gradient_checkpointing=True, checkpoint_every=2)
    without = gradients(replace(asked, gradient_checkpointing=False))
    assert tiny.near(gradients(asked), without, within=1e-6)


def test_a_model_that_cannot_choose_layers_says_so():
    model = methods.prepare(tiny.llama(), tiny.CANDIDATE)
    model.model.layers = torch.nn.ModuleList([torch.nn.Linear(2, 2)])
    with pytest.raises(InputError, match="checkpoint_every=1"):
        methods.checkpoint(model, every=2)


def test_eager_attention_is_what_is_loaded_where_it_is_asked_for(base):
    eager = methods.load_base(str(base), replace(tiny.LORA, attn_implementation="eager"))
    assert eager.config._attn_implementation == "eager"
    assert methods.load_base(str(base), tiny.LORA).config._attn_implementation == "sdpa"

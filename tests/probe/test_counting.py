"""What a built model consists of, against peft and against what is really there."""

from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from overnight.probe import counting

SMALL: dict[str, Any] = {
    "vocab_size": 101,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
PLAIN = {name: value for name, value in SMALL.items() if name != "num_key_value_heads"}
DENSE = {
    "llama": transformers.LlamaConfig(**SMALL),
    "phi3": transformers.Phi3Config(**SMALL, pad_token_id=0),
    "gpt2": transformers.GPT2Config(vocab_size=101, n_embd=32, n_layer=2, n_head=4),
    "gpt-neox": transformers.GPTNeoXConfig(**PLAIN),
    "gemma3": transformers.Gemma3TextConfig(**SMALL, head_dim=8),
}
EXPERTS = {
    "mixtral": transformers.MixtralConfig(**SMALL, num_local_experts=4, num_experts_per_tok=2),
    "qwen2-moe": transformers.Qwen2MoeConfig(
        **SMALL, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=24,
        shared_expert_intermediate_size=24,
    ),
    "qwen3-moe": transformers.Qwen3MoeConfig(
        **SMALL, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=24, head_dim=8
    ),
    "olmoe": transformers.OlmoeConfig(**SMALL, num_experts=4, num_experts_per_tok=2),
}  # fmt: skip


def on_meta(config: Any) -> Any:
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def lora_weights(model: Any, rank: int) -> int:
    config = LoraConfig(
        r=rank,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        fan_in_fan_out=model.config.model_type == "gpt2",
    )
    adapted = get_peft_model(model, config, low_cpu_mem_usage=True)
    return sum(p.numel() for p in adapted.parameters() if p.requires_grad)


@pytest.mark.parametrize("name", DENSE)
def test_linear_shapes_give_the_adapters_that_peft_makes(name: str) -> None:
    model = on_meta(DENSE[name])
    shapes = counting.linear_shapes(model)
    assert 8 * sum(wide + long for wide, long in shapes) == lora_weights(model, 8)


@pytest.mark.parametrize("name", EXPERTS)
def test_of_experts_only_attention_is_listed(name: str) -> None:
    model = on_meta(EXPERTS[name])
    attention = [layer for path, layer in model.named_modules() if path.endswith("_proj")
                 and "self_attn" in path]  # fmt: skip
    listed = [(layer.in_features, layer.out_features) for layer in attention]
    assert len(listed) == 8
    assert [one for one in counting.linear_shapes(model) if one in listed] == listed


@pytest.mark.parametrize("name", EXPERTS)
def test_half_of_the_experts_weights_are_active(name: str) -> None:
    model = on_meta(EXPERTS[name])
    routed = counting.total(counting.routed(model).values())
    width = EXPERTS[name].intermediate_size if name in ("mixtral", "olmoe") else 24
    assert counting.experts(model) == (4, 2)
    assert routed == 2 * 4 * 3 * 32 * width
    assert counting.active_parameters(model) == counting.total(model.parameters()) - routed // 2


def test_a_tower_for_pictures_is_not_passed_by_text() -> None:
    config = transformers.Gemma3Config(
        text_config=DENSE["gemma3"],
        vision_config=transformers.SiglipVisionConfig(
            hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            image_size=56,
        ),
    )  # fmt: skip
    alone = counting.total(on_meta(DENSE["gemma3"]).parameters())
    assert counting.active_parameters(on_meta(config)) == alone


def test_gemma_3n_looks_tokens_up_in_every_layer() -> None:
    config = transformers.Gemma3nTextConfig(
        **SMALL | {"intermediate_size": [48, 48]}, head_dim=8, vocab_size_per_layer_input=90,
        hidden_size_per_layer_input=4, num_kv_shared_layers=0, laurel_rank=4,
        layer_types=["sliding_attention", "full_attention"], activation_sparsity_pattern=[0.0, 0.0],
    )  # fmt: skip
    model = on_meta(config)
    tables = [layer for layer in model.modules() if isinstance(layer, torch.nn.Embedding)]
    assert len(tables) == 2
    found = counting.embedding_parameters(model, config)
    assert found == sum(table.weight.numel() for table in tables) == 101 * 32 + 90 * 4 * 2


@pytest.mark.parametrize("tied", [True, False])
def test_a_tied_head_is_known(tied: bool) -> None:
    config = transformers.LlamaConfig(**SMALL, tie_word_embeddings=tied)
    assert counting.tied(on_meta(config)) is tied

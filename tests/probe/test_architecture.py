"""Counts from the configuration alone, against models that are really built."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM

from overnight.probe.architecture import NO_LIMIT, check_weights, profile
from overnight.values.errors import ModelError

SMALL: dict[str, Any] = {
    "vocab_size": 101,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
GROUPED = SMALL | {"num_key_value_heads": 2}
CONFIGS = {
    "llama": transformers.LlamaConfig(**GROUPED, tie_word_embeddings=False),
    "llama-tied": transformers.LlamaConfig(**GROUPED, tie_word_embeddings=True),
    "qwen2": transformers.Qwen2Config(**GROUPED),
    "qwen3": transformers.Qwen3Config(**GROUPED, head_dim=16),
    "mistral": transformers.MistralConfig(**GROUPED),
    "gemma": transformers.GemmaConfig(**GROUPED, head_dim=8),
    "phi": transformers.PhiConfig(**SMALL),
    "gpt2": transformers.GPT2Config(vocab_size=101, n_embd=32, n_layer=2, n_head=4),
    "gpt-neox": transformers.GPTNeoXConfig(**SMALL),
    "mixtral": transformers.MixtralConfig(**GROUPED, num_local_experts=3),
}


@pytest.fixture(params=sorted(CONFIGS))
def config(request: pytest.FixtureRequest) -> Any:
    return CONFIGS[request.param]


def saved(config: Any, folder: Path) -> str:
    config.save_pretrained(folder)
    return str(folder)


def test_parameters_are_counted_as_in_the_built_model(config: Any, tmp_path: Path) -> None:
    found = profile(saved(config, tmp_path))
    built = AutoModelForCausalLM.from_config(config)
    assert found.num_parameters == sum(p.numel() for p in built.parameters())
    assert found.embedding_parameters == built.get_input_embeddings().weight.numel()
    assert found.architecture == type(built).__name__


def test_linear_shapes_are_those_of_the_built_weights(config: Any, tmp_path: Path) -> None:
    found = profile(saved(config, tmp_path))
    built = AutoModelForCausalLM.from_config(config)
    sizes = [
        layer.weight.numel()
        for name, layer in built.named_modules()
        if type(layer).__name__ in ("Linear", "Conv1D") and name not in ("lm_head", "embed_out")
    ]
    assert [a * b for a, b in found.linear_shapes] == sizes


def test_the_sizes_are_the_configuration_s(tmp_path: Path) -> None:
    found = profile(saved(CONFIGS["llama"], tmp_path))
    assert (found.hidden_size, found.intermediate_size, found.num_layers) == (32, 48, 2)
    assert (found.num_heads, found.num_kv_heads, found.vocab_size) == (4, 2, 101)
    assert found.linear_shapes[0] == (32, 32)
    assert found.linear_shapes[1] == (32, 16)


def test_gpt2_s_shorter_names_are_understood(tmp_path: Path) -> None:
    found = profile(saved(CONFIGS["gpt2"], tmp_path))
    assert (found.hidden_size, found.intermediate_size, found.num_kv_heads) == (32, 128, 4)
    assert found.max_positions == 1024
    assert found.linear_shapes[:2] == ((32, 96), (32, 32))


def test_a_model_without_positions_has_no_limit(tmp_path: Path) -> None:
    config = transformers.BloomConfig(vocab_size=101, hidden_size=32, n_layer=2, n_head=4)
    assert profile(saved(config, tmp_path)).max_positions == NO_LIMIT


def test_without_weights_their_bytes_follow_from_the_type(tmp_path: Path) -> None:
    config = transformers.LlamaConfig(**GROUPED, dtype="bfloat16")
    found = profile(saved(config, tmp_path))
    assert found.weight_bytes == 2 * found.num_parameters


def test_a_real_model_is_counted(shared_data: Path) -> None:
    found = profile(str(shared_data / "stories260K/hf"))
    assert (found.num_parameters, found.weight_bytes) == (260_032, 4 * 260_032)
    assert (found.max_positions, len(found.linear_shapes)) == (512, 35)


def test_a_real_checkpoint_is_counted(shared_data: Path) -> None:
    folder = str(shared_data / "tiny_gpt2_full_checkpoint")
    assert profile(folder).num_parameters == 102_714
    check_weights(folder)


def test_profiling_leaves_the_random_state_as_it_was(tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    profile(saved(CONFIGS["llama"], tmp_path))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (transformers.T5Config(), "(t5) is an encoder-decoder"),
        (transformers.BertConfig(architectures=["BertForMaskedLM"]), "a masked language model"),
        (transformers.ViTConfig(), "cannot be built as a causal language model"),
    ],
)
def test_other_kinds_of_model_are_refused_in_a_sentence(
    tmp_path: Path, config: Any, why: str
) -> None:
    with pytest.raises(ModelError) as caught:
        profile(saved(config, tmp_path))
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "its config.json cannot be used"),
        ('{"model_type": "nonesuch"}', "nonesuch"),
        ('{"auto_map": {"AutoConfig": "own.Config"}}', "--trust-remote-code"),
    ],
)
def test_an_unusable_configuration_is_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError) as caught:
        profile(str(tmp_path))
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_configuration_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no config\.json"):
        profile(str(tmp_path))
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="is an adapter"):
        check_weights(str(tmp_path))


def test_a_file_is_no_model() -> None:
    with pytest.raises(ModelError, match="is a file"):
        profile(__file__)


def test_a_path_that_is_no_hub_name_is_just_missing() -> None:
    with pytest.raises(ModelError, match=r"^no folder \./nowhere/at/all here$"):
        profile("./nowhere/at/all")


def test_offline_a_hub_name_is_missing_and_the_hub_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="no folder owner/nowhere here, and the hub cannot be"):
        profile("owner/nowhere")


def test_a_model_without_its_tokenizer_is_refused(tmp_path: Path) -> None:
    AutoModelForCausalLM.from_config(CONFIGS["llama"]).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="has no tokenizer"):
        check_weights(str(tmp_path))
    (tmp_path / "tokenizer.json").write_text(json.dumps({}))
    check_weights(str(tmp_path))


def test_a_hub_name_has_no_folder_to_check() -> None:
    check_weights("owner/nowhere")

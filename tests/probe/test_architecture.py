"""Counts from the configuration alone, against models that are really built."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM

from overnight.probe.architecture import NO_LIMIT, check_trainable, check_weights, profile
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


def test_a_configuration_alone_is_enough(tmp_path: Path) -> None:
    config = transformers.LlamaConfig(**GROUPED, dtype="bfloat16")
    found = profile(saved(config, tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["config.json"]
    assert (found.stored_dtype, found.sliding_window, found.head_dim) == ("bfloat16", None, 0)


def test_the_stored_type_is_what_the_files_say(shared_data: Path) -> None:
    assert profile(str(shared_data / "stories260K/hf")).stored_dtype == "float32"


def test_a_quantised_checkpoint_names_its_kind(tmp_path: Path) -> None:
    config = transformers.LlamaConfig(**GROUPED, quantization_config={"quant_method": "gptq"})
    assert profile(saved(config, tmp_path)).stored_dtype == "gptq"


def test_a_window_that_no_layer_has_is_none(tmp_path: Path) -> None:
    config = transformers.Qwen2Config(**GROUPED, use_sliding_window=False, sliding_window=64)
    assert profile(saved(config, tmp_path)).sliding_window is None


def test_falcon_s_heads_share_one_key(tmp_path: Path) -> None:
    shape = {name: value for name, value in SMALL.items() if name != "intermediate_size"}
    found = profile(saved(transformers.FalconConfig(**shape, multi_query=True), tmp_path))
    assert (found.num_kv_heads, found.num_heads) == (1, 4)


def pair() -> Any:
    """A small vision encoder-decoder: ViT and GPT-2."""
    small = {name: value for name, value in SMALL.items() if name != "vocab_size"}
    return transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.ViTConfig(**small, image_size=32), CONFIGS["gpt2"]
    )


def test_a_pair_of_encoder_and_decoder_is_counted(tmp_path: Path) -> None:
    config = pair()
    found = profile(saved(config, tmp_path))
    built = transformers.VisionEncoderDecoderModel(config)
    assert found.kind == "vision-encoder-decoder"
    assert found.num_parameters == sum(p.numel() for p in built.parameters())
    assert (found.vocab_size, found.num_layers, found.max_positions) == (101, 2, 1024)


def test_a_pair_is_planned_and_not_trained(tmp_path: Path) -> None:
    check_trainable(profile(saved(CONFIGS["llama"], tmp_path / "llama")))
    with pytest.raises(ModelError, match="plans but does not train; keep your own Seq2SeqTrainer"):
        check_trainable(profile(saved(pair(), tmp_path / "pair")))


def test_profiling_leaves_the_random_state_as_it_was(tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    profile(saved(CONFIGS["llama"], tmp_path))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (transformers.T5Config(), "(t5) is an encoder-decoder"),
        (transformers.BertConfig(architectures=["BertForMaskedLM"]), "a masked language model"),
        (transformers.ViTConfig(), "cannot be built as a causal language model: transformers has"),
        (transformers.MambaConfig(), "gives no num_attention_heads"),
        (transformers.LlamaConfig(**SMALL | {"num_hidden_layers": 0}), "no usable num_hidden_"),
        (transformers.DeepseekV2Config(**SMALL), "how many of its 64 experts a token passes"),
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
        ('{"model_type": "llama"}', "does not say hidden_size"),
        ('{"model_type": "llama", "hidden_size": "wide"}', "its config.json cannot be used"),
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


def test_models_whose_scores_are_written_out_are_known(tmp_path: Path) -> None:
    sizes = {"vocab_size": 64, "n_embd": 32, "n_layer": 1, "n_head": 2}
    written = transformers.GPTJConfig(**sizes, rotary_dim=4)
    assert profile(saved(written, tmp_path / "written")).writes_scores
    assert not profile(saved(CONFIGS["gpt2"], tmp_path / "not")).writes_scores

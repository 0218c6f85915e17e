"""Published models, counted from their shapes: as their publishers count, and by hand."""

from pathlib import Path
from typing import Any

import pytest
import transformers

from overnight.probe.architecture import profile


def saved(config: Any, folder: Path) -> str:
    config.save_pretrained(folder)
    return str(folder)


def llama_like(config: Any, *, tied: bool, biases: int = 0, head_norms: int = 0) -> int:
    """Weights of a decoder with gated feed-forward blocks and two norms a layer, by hand."""
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    wide, narrow = head * config.num_attention_heads, head * config.num_key_value_heads
    width = config.hidden_size
    layer = 2 * width * (wide + narrow) + 3 * width * config.intermediate_size + 2 * width
    layer += biases * (wide + 2 * narrow) + head_norms * head
    tables = config.vocab_size * width * (1 if tied else 2)
    return tables + config.num_hidden_layers * layer + width


def sized(kind: str, width: int, wide: int, layers: int, heads: tuple[int, int], vocab: int,
          **more: Any) -> Any:  # fmt: skip
    """A published model's shape in the words of its configuration."""
    return getattr(transformers, f"{kind}Config")(
        hidden_size=width, intermediate_size=wide, num_hidden_layers=layers,
        num_attention_heads=heads[0], num_key_value_heads=heads[1], vocab_size=vocab, **more,
    )  # fmt: skip


PUBLISHED = {
    "Llama-3.1-8B": (
        8_030_261_248,
        sized("Llama", 4096, 14336, 32, (32, 8), 128_256, tie_word_embeddings=False),
        {"tied": False},
    ),
    "Qwen2-0.5B": (
        494_032_768,
        sized("Qwen2", 896, 4864, 24, (14, 2), 151_936, tie_word_embeddings=True),
        {"tied": True, "biases": 1},
    ),
    "Qwen3-0.6B": (
        596_049_920,
        sized("Qwen3", 1024, 3072, 28, (16, 8), 151_936, head_dim=128, tie_word_embeddings=True),
        {"tied": True, "head_norms": 2},
    ),
    "Mistral-7B-v0.1": (
        7_241_732_096,
        sized("Mistral", 4096, 14336, 32, (32, 8), 32_000, tie_word_embeddings=False),
        {"tied": False},
    ),
    "Gemma-2B": (
        2_506_172_416,
        sized("Gemma", 2048, 16384, 18, (8, 1), 256_000, head_dim=256),
        {"tied": True},
    ),
    "Phi-3-mini": (
        3_821_079_552,
        sized("Phi3", 3072, 8192, 32, (32, 32), 32_064, pad_token_id=0),
        {"tied": False},
    ),
}
"""Name: (weights as its publisher counts them, its shape, how it differs from a Llama)."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes_come_out(name: str, tmp_path: Path) -> None:
    published, config, differs = PUBLISHED[name]
    found = profile(saved(config, tmp_path))
    assert found.num_parameters == published == llama_like(config, **differs)
    assert found.tied_embeddings is differs["tied"]
    assert found.active_parameters is None
    assert (found.num_experts, found.experts_per_token, found.kind) == (0, 0, "causal-lm")


def test_gemma_2_and_3_have_two_more_norms_a_layer(tmp_path: Path) -> None:
    two = sized("Gemma2", 2304, 9216, 26, (8, 4), 256_000, head_dim=256)
    three = sized("Gemma3Text", 1152, 6912, 26, (4, 1), 262_144, head_dim=256)
    second, third = (profile(saved(one, tmp_path / str(one.vocab_size))) for one in (two, three))
    assert second.num_parameters == llama_like(two, tied=True) + 26 * 2 * 2304 == 2_614_341_888
    norms = 26 * (2 * 1152 + 2 * 256)
    assert third.num_parameters == llama_like(three, tied=True) + norms == 999_885_952
    assert (second.head_dim, second.sliding_window) == (256, 4096)


def test_gpt2_s_and_pythia_s_sizes_come_out(tmp_path: Path) -> None:
    gpt2, pythia = tmp_path / "gpt2", tmp_path / "pythia"
    small = profile(saved(transformers.GPT2Config(), gpt2))
    by_hand = (50_257 + 1024) * 768 + 12 * (12 * 768**2 + 13 * 768) + 2 * 768
    assert small.num_parameters == by_hand == 124_439_808
    assert small.linear_shapes[:4] == ((768, 2304), (768, 768), (768, 3072), (3072, 768))
    shape = sized("GPTNeoX", 1024, 4096, 24, (16, 16), 50_304)
    by_hand = 2 * 50_304 * 1024 + 24 * (12 * 1024**2 + 13 * 1024) + 2 * 1024
    assert profile(saved(shape, pythia)).num_parameters == by_hand == 405_334_016


def test_phi_2_s_size_comes_out(tmp_path: Path) -> None:
    shape = sized("Phi", 2560, 10240, 32, (32, 32), 51_200)
    layer = 12 * 2560**2 + (4 + 5 + 2) * 2560  # matrices; biases of attention and MLP, one norm
    by_hand = 2 * 51_200 * 2560 + 51_200 + 32 * layer + 2 * 2560
    assert profile(saved(shape, tmp_path)).num_parameters == by_hand == 2_779_683_840


def test_of_experts_a_token_passes_through_some(tmp_path: Path) -> None:
    found = profile(saved(transformers.MixtralConfig(), tmp_path))
    expert = 3 * 4096 * 14336
    assert found.num_parameters == 46_702_792_704
    assert found.active_parameters == 46_702_792_704 - 32 * 6 * expert == 12_879_925_248
    assert (found.num_experts, found.experts_per_token, found.intermediate_size) == (8, 2, 14336)
    assert set(found.linear_shapes) == {(4096, 4096), (4096, 1024)}


def test_vit_gpt2_s_size_comes_out(tmp_path: Path) -> None:
    config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.ViTConfig(), transformers.GPT2Config()
    )
    cross = 12 * (4 * 768**2 + 4 * 768 + 2 * 768)
    found = profile(saved(config, tmp_path))
    assert found.num_parameters == 86_389_248 + 124_439_808 + cross == 239_195_904

"""One layer's keepings, against counts of autograd's saved tensors done by hand and by tracing."""

from dataclasses import replace
from typing import Any

import pytest

from overnight.planning.activations import Stack, one_layer, stream_bytes
from overnight.values.facts import ModelProfile
from overnight.values.plan import Candidate

H, FEED, Q, KV = 1024, 2816, 1024, 256
LAYER = ((H, Q), (H, KV), (H, KV), (Q, H), (H, FEED), (H, FEED), (FEED, H))
LLAMA = ModelProfile(
    path="m", architecture="LlamaForCausalLM", num_parameters=10**8, embedding_parameters=10**6,
    hidden_size=H, intermediate_size=FEED, num_layers=2, num_heads=16, num_kv_heads=4,
    vocab_size=512, max_positions=4096, weight_bytes=2 * 10**8, linear_shapes=LAYER * 2,
)  # fmt: skip
GPT2 = replace(
    LLAMA, architecture="GPT2LMHeadModel", intermediate_size=4096, num_kv_heads=16,
    linear_shapes=((H, 3 * H), (H, H), (H, 4 * H), (4 * H, H)) * 2,
)  # fmt: skip
# Traced: torch 2.13, transformers 5.23, peft 0.21, 2 x 1024 tokens, no mask; LayerNorm as on a
# card, where autocast keeps its input in fp32.
TRACED = {
    ("lora", "bf16"): 48_424,
    ("qlora", "bf16"): 65_320,
    ("full", "bf16"): 54_344,
    ("full", "fp32"): 79_944,
    ("lora", "fp32"): 72_200,
}
TRACED_GPT2 = {("lora", "bf16"): 63_688, ("full", "bf16"): 61_520, ("full", "fp32"): 114_768}


def asked(method: Any = "lora", precision: Any = "bf16", **changes: Any) -> Candidate:
    plain = Candidate(
        method=method, precision=precision, per_device_train_batch_size=2,
        gradient_accumulation_steps=1, max_length=1024, learning_rate=1e-4,
        gradient_checkpointing=False,
    )  # fmt: skip
    return replace(plain, **changes)


@pytest.mark.parametrize(("how", "bytes_"), TRACED.items())
def test_a_llama_layer_keeps_what_was_traced(how: tuple[str, str], bytes_: int) -> None:
    kept = one_layer(asked(*how), LLAMA, padded=False).kept
    assert kept == pytest.approx(bytes_, rel=0.01)


@pytest.mark.parametrize(("how", "bytes_"), TRACED_GPT2.items())
def test_a_gpt_2_layer_keeps_what_was_traced(how: tuple[str, str], bytes_: int) -> None:
    kept = one_layer(asked(*how), GPT2, padded=False).kept
    assert kept == pytest.approx(bytes_, rel=0.01)


def test_the_stream_is_in_fp32_where_weights_or_norms_are() -> None:
    sizes = [stream_bytes(asked(method)) for method in ("lora", "qlora", "full")]
    assert sizes == [2, 4, 4]
    assert stream_bytes(asked("qlora"), Stack(stream_fp32=False)) == 2


def test_a_mask_spreads_keys_over_the_query_heads() -> None:
    with_, without = (one_layer(asked(), LLAMA, padded=padded) for padded in (True, False))
    assert with_.kept - without.kept == 2 * 2 * (Q - KV)
    assert (with_.per_position, without.per_position) == (2.0, 0.0)


def test_eager_attention_keeps_scores_for_every_head() -> None:
    eager = one_layer(asked(attn_implementation="eager"), LLAMA)
    assert eager.per_position == 16 * (4 + 2)
    written = replace(LLAMA, writes_scores=True)
    assert one_layer(asked(), written).per_position == eager.per_position
    capped = replace(written, architecture="Gemma2ForCausalLM")
    assert one_layer(asked(), capped).per_position > eager.per_position


def test_models_that_normalise_heads_or_more_often_keep_more() -> None:
    plain = one_layer(asked(), LLAMA).kept
    for name in ("Qwen3ForCausalLM", "Gemma2ForCausalLM", "Gemma3ForCausalLM"):
        assert one_layer(asked(), replace(LLAMA, architecture=name)).kept > plain


def test_a_token_passes_through_some_experts() -> None:
    experts = replace(LLAMA, num_experts=8, linear_shapes=LAYER[:4] * 2)
    two, four = (one_layer(asked(), replace(experts, experts_per_token=n)).kept for n in (2, 4))
    assert two < four < 2 * two


def test_only_adapted_products_keep_their_inputs_for_lora() -> None:
    some = Stack(adapted=LAYER[:2])
    assert one_layer(asked(), LLAMA, stack=some).kept < one_layer(asked(), LLAMA).kept


def test_dropout_keeps_a_byte_for_each_input_it_was_applied_to() -> None:
    inputs = sum(wide for wide, _ in LAYER)
    with_, without = (one_layer(asked(lora_dropout=p), LLAMA).kept for p in (0.1, 0.0))
    assert with_ - without == inputs

"""Operations and bytes, against counts made by hand."""

from dataclasses import replace

import pytest
from tests.planning.facts import LARGE

from overnight.planning import work
from overnight.values.plan import Candidate

LORA = Candidate(
    method="lora", per_device_train_batch_size=2, gradient_accumulation_steps=1, max_length=512,
    learning_rate=1e-4, precision="bf16", gradient_checkpointing=False,
)  # fmt: skip
FULL = replace(LORA, method="full")
HEAD = 128_256 * 4096
BODY = 8_000_000_000 - 525_000_000 - HEAD


def test_the_blocks_are_what_is_neither_embedding_nor_head():
    assert work.body_parameters(LARGE) == BODY
    tied = replace(LARGE, tied_embeddings=True)
    assert work.body_parameters(tied) == BODY + HEAD


def test_full_tuning_takes_six_operations_a_weight():
    assert work.flops_per_token(FULL, LARGE, 1.0) == pytest.approx(6 * (BODY + HEAD), rel=0.001)


def test_lora_takes_four_and_six_a_weight_of_its_own():
    factors = 16 * sum(wide + long for wide, long in LARGE.linear_shapes)
    expected = 4 * (BODY + HEAD) + 6 * factors
    assert work.flops_per_token(LORA, LARGE, 1.0) == pytest.approx(expected, rel=0.001)


@pytest.mark.parametrize(("every", "more"), [(1, 2.0), (2, 1.0), (4, 0.5)])
def test_checkpointing_computes_blocks_again_but_not_the_head(every: int, more: float):
    again = replace(FULL, gradient_checkpointing=True, checkpoint_every=every)
    added = work.flops_per_token(again, LARGE, 1.0) - work.flops_per_token(FULL, LARGE, 1.0)
    assert added == pytest.approx(more * BODY, rel=0.001)


def test_the_head_is_computed_at_learnt_positions():
    all_of_them, half = (
        work.flops_per_token(FULL, LARGE, 1.0, learnt=share) for share in (1.0, 0.5)
    )
    assert all_of_them - half == pytest.approx(3 * HEAD, rel=0.001)


def test_attention_grows_with_the_length_and_is_halved_for_a_row_alone():
    base = work.flops_per_token(FULL, LARGE, 0.0)
    several = work.flops_per_token(FULL, LARGE, 1000.0) - base
    alone = replace(FULL, per_device_train_batch_size=1)
    assert several == pytest.approx(4 * 32 * 4096 * 1000 * 3.5)
    assert work.flops_per_token(alone, LARGE, 1000.0) - base == pytest.approx(several / 2)


def test_a_window_of_attention_comes_with_a_mask():
    alone = replace(FULL, per_device_train_batch_size=1)
    windowed = replace(LARGE, sliding_window=128)
    assert work.flops_per_token(alone, windowed, 1000.0) > work.flops_per_token(
        alone, LARGE, 1000.0
    )


def test_experts_count_where_tokens_pass():
    sparse = replace(LARGE, active_parameters=3_000_000_000, num_experts=8, experts_per_token=2)
    less = work.flops_per_token(FULL, LARGE, 1.0) - work.flops_per_token(FULL, sparse, 1.0)
    assert less == pytest.approx(6 * 5e9)


def test_a_micro_batch_is_its_rows_times_their_length():
    found = work.micro_batch(LORA, LARGE, 512.0)
    assert found.tokens == 1024
    assert found.matrices + found.attention == pytest.approx(
        1024 * work.flops_per_token(LORA, LARGE, 512.0)
    )
    assert found.layers == 3 * 32


def test_only_packed_weights_are_unpacked():
    packed = work.micro_batch(replace(LORA, method="qlora"), LARGE, 512.0)
    assert packed.unpacked == pytest.approx(2 * 2.6 * BODY)
    assert work.micro_batch(LORA, LARGE, 512.0).unpacked == 0


def test_lora_updates_little_and_full_everything():
    assert work.micro_batch(FULL, LARGE, 1.0).update == 40 * LARGE.num_parameters
    assert work.micro_batch(LORA, LARGE, 1.0).update < 40 * 0.01 * LARGE.num_parameters


def test_scores_that_are_written_out_move_bytes():
    eager = replace(LORA, attn_implementation="eager")
    written = (
        work.micro_batch(eager, LARGE, 512.0).moved - work.micro_batch(LORA, LARGE, 512.0).moved
    )
    assert written == pytest.approx(1024 * 3 * 12 * 32 * 32 * 512)

"""What the allocator holds beyond, on sizes small enough to follow by hand."""

from dataclasses import replace

import pytest
from tests.planning.test_memory import SEVEN_BILLION, candidate

from overnight.planning.blocks import REACHED, SPOILT, STATES, Blocks, held, layer_bytes

PLAIN = Blocks(
    in_use=100.0, kept=10.0, logits=50.0, idle_logits=5.0, layer=7.0, cast=0.0, largest=10.0,
    weights=20.0, states=4.0, gradients=20.0, copies=0.0,
)  # fmt: skip


def test_with_adapters_idle_blocks_lie_beside_what_is_in_use() -> None:
    assert held(PLAIN, full=False) == 100 + 7 + 5


def test_full_training_never_holds_less_than_that() -> None:
    assert held(PLAIN, full=True) >= held(PLAIN, full=False)


def test_states_spoil_blocks_of_the_first_step() -> None:
    small = replace(PLAIN, in_use=0.0)
    # 20 + (10 + 50 + 7) were there after the first forward pass; the largest block is spoilt.
    assert held(small, full=True) == 87 + SPOILT * 10
    assert held(replace(small, states=16.0), full=True) == 87 + STATES * 16


def test_states_spoil_no_more_than_a_part_of_all_that_passes() -> None:
    great = replace(PLAIN, in_use=0.0, states=400.0)
    assert held(great, full=True) == 20 + 400 + 20 + REACHED * 67


def test_copies_of_all_weights_need_room_while_the_optimizer_steps() -> None:
    great = replace(PLAIN, in_use=0.0, states=400.0)
    assert held(replace(great, copies=20.0), full=True) == held(great, full=True) + 20


def test_a_layer_leaves_less_behind_where_its_tensors_are_kept() -> None:
    kept = layer_bytes(candidate(gradient_checkpointing=False), SEVEN_BILLION, wide=False)
    assert kept < layer_bytes(candidate(), SEVEN_BILLION, wide=False)


def test_a_stream_in_fp32_and_fp32_itself_leave_more_behind() -> None:
    asked = candidate(method="qlora")
    short, wide = (layer_bytes(asked, SEVEN_BILLION, wide=one) for one in (False, True))
    assert short < wide
    fp32 = layer_bytes(candidate(precision="fp32"), SEVEN_BILLION, wide=False)
    assert fp32 == pytest.approx(2 * layer_bytes(candidate(), SEVEN_BILLION, wide=False))

"""Shapes for a processor: rounded in 16 bits only, cut in every precision, never on a card."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from overnight.planning import memory, shapes
from overnight.values.plan import Candidate

CARD = Candidate(method="full", per_device_train_batch_size=8, gradient_accumulation_steps=1,
                 max_length=200, learning_rate=1e-3, precision="bf16",
                 gradient_checkpointing=False)  # fmt: skip
CPU = replace(CARD, shaped_for="cpu")


def test_a_card_takes_every_shape_as_it_comes():
    assert (shapes.grid(CARD), shapes.learnt_grid(CARD), shapes.most_places(CARD)) == (1, 1, 0)
    assert shapes.mean_width(CARD, 77.5) == 77.5


def test_only_16_bits_are_rounded_and_all_are_cut():
    exact = replace(CPU, precision="fp32")
    assert (shapes.grid(CPU), shapes.learnt_grid(CPU)) == (16, 64)
    assert (shapes.grid(exact), shapes.learnt_grid(exact)) == (1, 1)
    assert shapes.most_places(CPU) == shapes.most_places(exact) == 4096


def test_packs_have_limits_of_their_own():
    packed = replace(CPU, packing=True)
    assert (shapes.grid(packed), shapes.most_places(packed)) == (1, 0)


@pytest.mark.parametrize(("most", "expected"), [(0, 4096), (900, 900), (9000, 4096)])
def test_memory_may_want_a_lower_limit(most, expected):
    assert shapes.most_places(replace(CPU, max_tokens_per_micro_batch=most)) == expected


@pytest.mark.parametrize(("width", "expected"), [(40.0, 47.5), (196.0, 200.0), (200.0, 200.0)])
def test_a_width_is_half_a_grid_more_but_within_what_rows_are_cut_at(width, expected):
    assert shapes.mean_width(CPU, width) == expected


def test_gradients_wait_only_where_a_step_is_cut():
    def waiting(rows, **changes):
        one = replace(CPU, per_device_train_batch_size=rows, **changes)
        return memory._gradients_before(SimpleNamespace(
            candidate=one, stack=SimpleNamespace(trained_bytes=4), trained=10, length=200,
            tokens=memory._fullest(one, 200)))  # fmt: skip

    assert waiting(8) == 0.0  # 1,600 places stay whole
    assert waiting(64) == waiting(8, gradient_accumulation_steps=2) == 40.0

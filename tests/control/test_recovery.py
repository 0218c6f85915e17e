"""Smaller candidates mean the same step."""

from dataclasses import replace

from overnight.control.recovery import smaller
from overnight.values.plan import Candidate

EIGHT = Candidate(
    method="lora", per_device_train_batch_size=8, gradient_accumulation_steps=1, max_length=128,
    learning_rate=1e-4, precision="bf16", gradient_checkpointing=False,
)  # fmt: skip


def test_the_micro_batch_halves_and_the_step_stays():
    half = smaller(EIGHT)
    assert half is not None
    assert half.per_device_train_batch_size == 4
    assert half.rows_per_step == EIGHT.rows_per_step


def test_an_odd_micro_batch_never_makes_a_step_smaller():
    odd = replace(EIGHT, per_device_train_batch_size=5, gradient_accumulation_steps=2)
    half = smaller(odd)
    assert half is not None
    assert half.per_device_train_batch_size == 2
    assert half.rows_per_step >= odd.rows_per_step


def test_at_one_row_checkpointing_comes_and_then_nothing():
    one = replace(EIGHT, per_device_train_batch_size=1)
    last = smaller(one)
    assert last is not None
    assert last.gradient_checkpointing
    assert smaller(last) is None


def test_where_every_other_layer_was_checkpointed_all_are():
    some = replace(
        EIGHT, per_device_train_batch_size=1, gradient_checkpointing=True, checkpoint_every=2
    )
    last = smaller(some)
    assert last == replace(some, checkpoint_every=1)
    assert smaller(last) is None

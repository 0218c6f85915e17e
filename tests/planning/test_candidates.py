"""Every sensible candidate, and no foolish one."""

from dataclasses import replace

import pytest
from tests.planning.facts import CARD, DATA, LARGE, question

from overnight.planning import candidates
from overnight.values.request import Settings


def all_of(asked, method="lora"):
    length = candidates.lengths(asked)[0]
    return list(candidates.of(asked, method, length))


def test_accumulation_only_makes_up_for_what_a_step_lacks():
    for one in all_of(question(model=LARGE, hardware=CARD)):
        alone = one.per_device_train_batch_size >= 4
        assert one.gradient_accumulation_steps == 1 or not alone
        assert one.rows_per_step >= 4


def test_a_step_of_several_processes_is_one_step():
    asked = question(model=LARGE, hardware=CARD, processes=4)
    assert all(one.gradient_accumulation_steps == 1 for one in all_of(asked))


def test_checkpointing_is_tried_off_on_every_other_and_on_every_layer():
    ways = {(c.gradient_checkpointing, c.checkpoint_every) for c in all_of(question())}
    assert ways == {(False, 1), (True, 2), (True, 1)}


@pytest.mark.parametrize("given", [True, False])
def test_given_checkpointing_is_kept(given):
    asked = question(settings=Settings(gradient_checkpointing=given))
    assert {c.gradient_checkpointing for c in all_of(asked)} == {given}


def test_whole_rows_are_tried_before_cut_ones_and_a_given_length_alone():
    long = replace(question(), dataset=replace(DATA, length_percentiles=(9, 90, 300, 900, 3000)))
    long = replace(long, model=replace(long.model, max_positions=4096))
    assert candidates.lengths(long) == (3000, 2048, 1024, 512, 256)
    given = question(settings=Settings(max_length=128))
    assert candidates.lengths(given) == (128,)


def test_moments_in_8_bits_are_for_whole_models_on_cards():
    assert {c.optim for c in all_of(question(hardware=CARD), "full")} == {
        "adamw_torch", "adamw_bnb_8bit"}  # fmt: skip
    assert {c.optim for c in all_of(question(), "full")} == {"adamw_torch"}


def test_qlora_is_the_last_resort_of_a_card_and_none_of_a_cpu():
    assert candidates.methods(question(model=LARGE, hardware=CARD)) == ("lora", "qlora")
    assert candidates.methods(question(model=LARGE)) == ("lora",)


def test_the_guides_falling_batches_are_made_of_whole_micro_batches():
    asked = question(settings=Settings(strategy="progressive-guide"))
    for one in candidates.of(asked, "full", 300):
        assert 16 % one.per_device_train_batch_size == 0
        assert one.rows_per_step == 32

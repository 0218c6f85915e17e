"""Packing by rule: asked for, or with a kernel that makes it pay; what packed steps come to."""

from dataclasses import replace

import pytest
from tests.planning.facts import DATA, MODEL, question

from overnight.planning import candidates, memory, pace, packing, reasons, search, work
from overnight.values.facts import Hardware
from overnight.values.plan import Candidate
from overnight.values.request import Settings

CARD = Hardware(
    device="cuda", name="A100", num_devices=1, memory_bytes=40 * 2**30,
    memory_free_bytes=40 * 2**30, host_memory_bytes=64 * 2**30, cpu_count=8,
    disk_free_bytes=100 * 2**30, compute_capability=(8, 0), flops={"bf16": 3e14, "fp32": 2e13},
    flops_source="measured", varlen_attention="flash_attention_2",
)  # fmt: skip


def asked(packing_given: bool | None = None, **hardware: object):
    known = question()
    given = replace(known.request, settings=Settings(packing=packing_given))
    card = replace(CARD, **hardware)  # type: ignore[arg-type]
    return replace(known, request=given, hardware=card)


def first(some) -> Candidate:
    return candidates.of(some, "lora", 512)[0]


def test_rows_are_packed_where_a_kernel_takes_them_end_to_end():
    found = first(asked())
    assert (found.packing, found.attn_implementation) == (True, "flash_attention_2")


def test_without_such_a_kernel_rows_are_batched_by_length():
    found = first(asked(varlen_attention=""))
    assert (found.packing, found.attn_implementation) == (False, "sdpa")


def test_what_was_asked_for_is_kept():
    assert first(asked(True, varlen_attention="")).packing
    assert not first(asked(False)).packing


def test_a_model_without_that_attention_and_fp32_do_without():
    scores = replace(asked(), model=replace(MODEL, writes_scores=True))
    assert first(scores).attn_implementation == "sdpa"
    assert first(asked(flops={"fp32": 2e13}, compute_capability=(6, 0))).packing is False


def test_rows_of_one_length_have_no_padding_to_take_away():
    even = replace(DATA, length_percentiles=(90, 90, 90, 90, 90), row_lengths=(90,) * 201)
    assert not first(replace(asked(), dataset=even)).packing


@pytest.mark.parametrize("given", [None, True, False])
def test_the_plan_says_why(given: bool | None):
    plan = search.choose(asked(given))
    said = next(one for one in plan.reasons if one.setting == "packing")
    assert said.given is (given is not None)
    assert said.why == "as you asked" if given is not None else "%" in said.why


def test_the_reason_names_the_kernel_the_padding_or_what_is_missing():
    whys = [packing.why(first(one), one) for one in (asked(), asked(varlen_attention=""))]
    assert "not measured" in whys[0] and "flash-attn" in whys[1]


PADDED = Candidate(
    method="lora", per_device_train_batch_size=8, gradient_accumulation_steps=2, max_length=512,
    learning_rate=1e-4, precision="bf16", gradient_checkpointing=False,
)  # fmt: skip
MASKED = replace(PADDED, packing=True)
VARLEN = replace(MASKED, attn_implementation="flash_attention_2")


def test_a_full_pack_is_a_full_micro_batch_or_one_row_where_a_mask_is_needed():
    assert (VARLEN.pack_places, MASKED.pack_places) == (8 * 512, 512)


@pytest.mark.parametrize("packed", [MASKED, VARLEN])
def test_packed_steps_hold_the_same_tokens_in_other_micro_batches(packed: Candidate):
    shaped, wide = packing.like(packed, DATA)
    held = shaped.rows_per_step * wide
    mean = DATA.train_tokens / DATA.num_train
    assert held == pytest.approx(16 * mean, rel=0.35)
    assert shaped.per_device_train_batch_size * wide <= packed.pack_places * 1.1


def test_a_mask_costs_what_it_hides_and_a_kernel_for_rows_does_not():
    known = asked()
    paces = [pace.data_pace(one, known.model, known.hardware, DATA).mid for one in (MASKED, VARLEN)]
    assert paces[0] < paces[1]
    long = [work.flops_per_token(one, MODEL, 512.0) for one in (MASKED, VARLEN)]
    assert long[0] > long[1]


def test_a_masked_pack_takes_the_memory_of_one_long_row():
    many, one = (
        memory.estimate(some, MODEL, device="cuda")
        for some in (PADDED, replace(PADDED, per_device_train_batch_size=1))
    )
    packed = memory.estimate(MASKED, MODEL, device="cuda")
    assert one.peak_bytes <= packed.peak_bytes < many.peak_bytes


def test_every_reason_stands_once():
    told = [one.setting for one in reasons.of(VARLEN, asked(), search.choose(asked()).time
                                              .tokens_per_second)]  # fmt: skip
    assert told.count("packing") == 1


def test_packing_with_a_mask_is_kept_and_said_to_be_slower():
    notes = search.choose(asked(True, varlen_attention="")).notes
    assert any("batched by length, steps were 1.2 to 2.5 times as fast" in note for note in notes)
    assert not any("batched by length" in note for note in search.choose(asked(True)).notes)

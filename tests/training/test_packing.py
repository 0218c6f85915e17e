"""Packing: every row once, none too many, each in its own bounds; the same loss and gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.training import tiny

from overnight.training import packing
from overnight.training.packing import Layout

LENGTHS = np.random.default_rng(1).integers(1, 200, 64)
EIGHT = replace(tiny.CANDIDATE, per_device_train_batch_size=4, gradient_accumulation_steps=2)
PACKED = replace(EIGHT, packing=True)
ONE = replace(EIGHT, per_device_train_batch_size=1, gradient_accumulation_steps=8)


def packs(most, lengths=LENGTHS):
    return packing.packs(np.arange(len(lengths)), np.asarray(lengths), most)


@pytest.mark.parametrize("most", [1, 90, 200, 777, 10**6])
def test_every_row_is_packed_once_and_no_pack_is_too_full(most):
    found = packs(most)
    assert sorted(np.concatenate(found).tolist()) == list(range(64))
    assert all(len(one) == 1 or LENGTHS[one].sum() <= most for one in found)


def test_the_fullest_pack_comes_first():
    held = [int(LENGTHS[one].sum()) for one in packs(400)]
    assert held == sorted(held, reverse=True)


def test_rows_go_where_they_leave_least_room():
    found = packs(10, [7, 6, 4, 3])
    assert [one.tolist() for one in found] == [[0, 3], [1, 2]]


def test_as_many_packs_as_trls_own_packing_makes():
    from datasets import Dataset
    from trl import pack_dataset

    rows = Dataset.from_dict({"input_ids": [[1] * int(length) for length in LENGTHS]})
    assert len(packs(300)) == len(pack_dataset(rows, 300, strategy="bfd"))


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_have_about_as_much_to_do(processes):
    layout = Layout(rows=64, most_tokens=64 * 200, packed=True)
    cut = layout.cut(np.arange(64), LENGTHS, processes=processes)
    held = [sum(int(LENGTHS[one].sum()) for one in cut[rank::processes])
            for rank in range(processes)]  # fmt: skip
    assert max(held) - min(held) <= 200


def test_a_pack_holds_what_a_padded_micro_batch_may_or_one_row_with_a_mask():
    assert Layout.of(PACKED).most_tokens == 24
    varlen = replace(PACKED, attn_implementation="flash_attention_2")
    assert Layout.of(varlen).most_tokens == 4 * 24
    assert Layout.of(replace(varlen, max_tokens_per_micro_batch=50)).most_tokens == 50
    assert Layout.of(varlen, most_tokens=30).most_tokens == 30


def test_what_is_held_counts_padding_only_where_there_is_any():
    rows = np.array([0, 1])
    lengths = np.array([5, 9])
    assert [Layout(2, 0, packed).held(rows, lengths) for packed in (False, True)] == [18, 14]


def flat():
    one = np.array([5, 6, 7], dtype=np.int32), np.array([False, False, True])
    other = np.array([8, 9], dtype=np.int32), np.array([True, True])
    return packing.flat([one, other])


def test_positions_begin_anew_with_every_row():
    batch = flat()
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 9]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 0, 1]]
    assert batch["bounds"].tolist() == [0, 3, 5]


def test_no_row_is_asked_to_predict_the_next_ones_beginning():
    assert flat()["places"].tolist() == [1, 3] and flat()["targets"].tolist() == [7, 9]


def test_what_is_learnt_is_what_a_padded_batch_learns():
    rows, some = tiny.corpus(), np.array([3, 4, 5])
    both = [layout.collate(rows, some) for layout in (Layout.of(EIGHT), Layout.of(PACKED))]
    learnt = [sorted(one["targets"].tolist()) for one in both]
    assert learnt[0] == learnt[1] and len(learnt[0]) == rows.learnt[some].sum()


def gradients(session):
    """(Loss, gradients) of the first step, after which the session is not used."""
    seen = []
    session.optimizer.step = lambda: seen.extend(p.grad.clone() for p in session.parameters)
    loss = session.step(0.0).loss
    return loss, seen


@pytest.mark.tiny
@pytest.mark.parametrize("method", ["full", "lora"])
def test_packed_is_batched_is_one_by_one(base, method):
    """Loss and every gradient, fp32, within 1e-5 of the largest."""
    ways = (EIGHT, PACKED, ONE)
    runs = [gradients(tiny.session(base, replace(way, method=method))) for way in ways]
    (loss, whole), *others = runs
    largest = max(gradient.abs().max().item() for gradient in whole)
    for other_loss, other in others:
        assert other_loss == pytest.approx(loss, rel=1e-5)
        assert tiny.near(whole, other, within=1e-5 * largest)


@pytest.mark.tiny
def test_packed_steps_train_as_batched_ones_do(base):
    batched, packed = (tiny.session(base, way) for way in (EIGHT, PACKED))
    assert tiny.train(packed, 4) == pytest.approx(tiny.train(batched, 4), abs=1e-5)
    assert tiny.near(tiny.weights(packed), tiny.weights(batched), within=1e-3)
    assert packed.progress == batched.progress


@pytest.mark.tiny
def test_several_rows_share_a_pack_and_no_mask_is_given(base):
    session = tiny.session(base, PACKED)
    seen = []
    session.model.register_forward_pre_hook(
        lambda _model, _args, given: seen.append(given), with_kwargs=True
    )
    session.model.model.register_forward_pre_hook(
        lambda _model, _args, given: seen.append(given), with_kwargs=True
    )
    session.step(0.0)
    assert any((given["position_ids"] == 0).sum() > 1 for given in seen)
    assert all(given["attention_mask"] is None for given in seen)
    assert all(given["use_cache"] is False for given in seen)


@pytest.mark.tiny
def test_a_kernel_for_rows_end_to_end_is_told_where_they_begin(base):
    session = tiny.session(base, PACKED)
    head = replace(session.head, longest=24)
    given = head.inputs(flat())
    assert given["cu_seq_lens_q"].tolist() == given["cu_seq_lens_k"].tolist() == [0, 3, 5]
    assert given["max_length_q"] == given["max_length_k"] == 24
    assert "cu_seq_lens_q" not in session.head.inputs(flat())


@pytest.mark.tiny
def test_memory_that_ran_out_makes_packs_smaller(base):
    rows = tiny.corpus(40)
    varlen = replace(PACKED, max_tokens_per_micro_batch=12)
    session = tiny.session(base, varlen, rows=rows)
    widths = []
    session.model.model.register_forward_pre_hook(
        lambda _model, _args, given: widths.append(given["input_ids"].shape[1]), with_kwargs=True
    )
    session.step(0.0)
    assert all(width <= max(12, rows.lengths.max()) for width in widths)
    assert torch.isfinite(torch.tensor(session.step(0.0).loss))


SHAPED = replace(EIGHT, shaped_for="cpu", precision="bf16", max_length=190)


def test_on_a_processor_widths_are_rounded_up_but_never_past_the_cut():
    layout = Layout.of(SHAPED)
    lengths = np.array([1, 16, 17, 180, 190])
    assert layout.widths(lengths).tolist() == [16, 16, 32, 190, 190]


@pytest.mark.parametrize("most", [0, 512, 2000])
def test_on_a_processor_every_row_is_in_one_piece_and_no_piece_is_too_full(most):
    shaped = replace(SHAPED, per_device_train_batch_size=64, max_tokens_per_micro_batch=most)
    layout, lengths = Layout.of(shaped), np.minimum(LENGTHS, 190)
    cut = layout.cut(np.arange(64), lengths)
    assert sorted(np.concatenate(cut).tolist()) == list(range(64))
    assert all(layout.held(one, lengths) <= (most or 4096) for one in cut)
    held = [layout.held(one, lengths) for one in cut]
    assert max(held) > (most or 4096) / 3


def test_looks_are_padded_in_pieces_whatever_training_does():
    corpus = tiny.corpus()
    layout = Layout.looking(SHAPED, 3, corpus)
    cut = layout.cut(np.arange(7), corpus.lengths)
    assert [len(one) for one in cut] == [3, 3, 1]
    widths = [layout.collate(corpus, one)["input_ids"].shape[1] for one in cut]
    longest = [int(corpus.lengths[one].max()) for one in cut]
    assert widths == [min(-(-one // 16) * 16, corpus.max_length) for one in longest]
    exact = Layout.looking(replace(SHAPED, packing=True), 3, corpus)
    assert exact.collate(corpus, cut[2])["input_ids"].shape == (1, longest[2])

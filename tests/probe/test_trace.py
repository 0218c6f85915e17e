"""Storages that come and go, on real tensors and on ones without memory."""

from contextlib import nullcontext

import pytest
import torch

from overnight.probe.trace import (
    REST,
    Recorder,
    Trace,
    any_precision,
    as_on_cuda,
    filled,
    unmasked,
    weightless,
)

pytestmark = pytest.mark.tiny
KIB = 1024


def recorded(step, naming=lambda tensor: ""):
    recorder = Recorder(naming)
    with recorder.watching():
        step(recorder)
    return recorder.trace()


def test_a_tensor_that_goes_is_freed_and_one_that_stays_is_not():
    kept = []
    trace = recorded(lambda _: (torch.zeros(KIB), kept.append(torch.zeros(KIB))))
    sizes = [size for _, size in trace.events]
    assert sorted(sizes) == [0, 4 * KIB, 4 * KIB]


def test_views_and_changes_in_place_take_nothing():
    def step(_):
        whole = torch.zeros(2, KIB)
        whole.add_(1).view(-1)[:5].mul_(2)

    assert recorded(step).peak_bytes == 8 * KIB


def test_what_lives_together_makes_the_peak():
    def step(_):
        one = torch.zeros(KIB)
        two = one + 1
        del one, two
        torch.zeros(KIB)

    assert recorded(step).peak() == {REST: 8 * KIB}


def test_names_come_from_the_shape_from_the_caller_and_from_what_is_alive():
    held = []

    def step(recorder):
        held.append(torch.zeros(3, 1000))
        held.append(torch.zeros(2000))
        recorder.name("state", [held[1]])
        held.append(torch.zeros(3000))
        recorder.name_alive("kept")
        held.append(torch.zeros(4000))

    trace = recorded(step, lambda t: "wide" if t.shape[-1:] == (1000,) else "")
    assert {name: size // 4000 for name, size in trace.peak().items()} == {
        "wide": 3, "state": 2, "kept": 3, REST: 4,
    }  # fmt: skip


def test_what_was_there_before_counts_from_the_start():
    weight = torch.zeros(KIB)
    recorder = Recorder(lambda tensor: "")
    recorder.name("weights", [weight, weight.view(32, 32)])
    assert recorder.trace().peak() == {"weights": 4 * KIB}


def test_the_peak_is_found_among_events():
    events = ((1, 512), (2, 1024), (1, 0), (3, 512), (2, 0))
    assert Trace(events=events, names={2: "b"}).peak() == {REST: 512, "b": 1024}


def test_a_model_without_memory_keeps_its_ties():
    with torch.device("meta"):
        model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
        model[1].weight = model[0].weight
    with weightless():
        filled(model)
        assert model[0].weight is model[1].weight
        assert model(torch.zeros(2, 4)).shape == (2, 4)
    assert type(model[0].bias.data).__name__ == "FakeTensor"


def test_a_mask_is_left_out_only_while_it_is_asked_for():
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS as masks

    before = masks["sdpa"]
    with unmasked():
        assert masks["sdpa"](kv_length=8) is None
        size = {"batch_size": 1, "q_length": 8, "kv_length": 8}
        windowed = masks["sdpa"](**size, local_size=4, allow_is_causal_skip=False)
        assert windowed.shape[-2:] == (8, 8)
    assert masks["sdpa"] is before


def test_experts_in_fp32_are_traced_and_the_fast_product_comes_back():
    from transformers.integrations import moe

    fast = moe._can_use_grouped_mm
    with any_precision():
        assert not moe._can_use_grouped_mm(None, None, None)
    assert moe._can_use_grouped_mm is fast


def test_under_autocast_layernorm_and_softmax_are_in_fp32_as_on_a_card():
    norm, x = torch.nn.LayerNorm(8, dtype=torch.bfloat16), torch.ones(2, 8, dtype=torch.bfloat16)
    with as_on_cuda():
        assert norm(x).dtype is torch.bfloat16
        with torch.autocast("cpu", torch.bfloat16):
            assert norm(x).dtype is torch.float32
            assert torch.nn.functional.softmax(x, dim=-1).dtype is torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert norm(x).dtype is torch.bfloat16


def test_what_is_dropped_leaves_a_byte_an_element_as_on_a_card():
    x = torch.ones(1024, requires_grad=True)
    recorder = Recorder(lambda tensor: "")
    with as_on_cuda(), recorder.watching():
        kept = torch.nn.functional.dropout(x, 0.5)
    assert [size for _, size in recorder.trace().events if size] == [4096, 1024]
    assert 0 < int((kept == 0).sum()) < 1024
    assert torch.nn.functional.dropout(x, 0.5, training=False) is x


def test_scores_that_are_dropped_are_not_written_out_as_on_a_card():
    query = torch.ones(1, 2, 256, 8, requires_grad=True)
    sizes = []
    for like in (nullcontext(), as_on_cuda()):
        recorder = Recorder(lambda tensor: "")
        with like, recorder.watching():
            attend = torch.nn.functional.scaled_dot_product_attention
            attend(query, query, query, dropout_p=0.1, is_causal=True)
        sizes.append(max(size for _, size in recorder.trace().events))
    written, whole = sizes
    assert written >= 4 * 2 * 256 * 256 > 4 * whole

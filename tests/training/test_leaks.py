"""Leaks: found where rows of a pack see each other, and nowhere else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conftest import ROOT
from tests.training import tiny

from overnight.training import leaks, state
from overnight.training.losses import Head
from overnight.training.session import Material, Session

pytestmark = pytest.mark.tiny
PACKED = replace(tiny.CANDIDATE, packing=True)
REAL = ROOT.parent / "shared" / "data" / "stories260K" / "hf"
KINDS = ("Llama", "GPT2", "Qwen2", "Qwen3", "real")


def model_of(kind):
    import transformers

    if kind == "real":
        if not REAL.is_dir():
            pytest.skip(f"{REAL} is not here")
        return transformers.AutoModelForCausalLM.from_pretrained(REAL, use_safetensors=True)
    torch.manual_seed(1)
    sizes = {**tiny.SIZES, "head_dim": 16, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 1}
    config = getattr(transformers, f"{kind}Config")(**sizes)
    name = {"GPT2": "GPT2LMHeadModel"}.get(kind, f"{kind}ForCausalLM")
    return getattr(transformers, name)(config).eval()


@pytest.fixture(scope="module", params=KINDS)
def session(request):
    rows = tiny.corpus()
    return Session(model_of(request.param), PACKED, Material(rows, np.arange(12), pad_id=1))


def changed(monkeypatch, **given):
    """What the model is called with is other than it should be."""
    right = Head.inputs
    monkeypatch.setattr(Head, "inputs", lambda self, batch: right(self, batch) | given)


def test_rows_of_a_pack_stay_apart(session):
    assert leaks.found(session) == ""


def test_a_cache_left_on_is_found(session, monkeypatch):
    changed(monkeypatch, use_cache=True)
    assert "moves its neighbour's logits" in leaks.found(session)


def test_positions_that_are_missing_are_found(session, monkeypatch):
    changed(monkeypatch, position_ids=None)
    assert "moves its neighbour's logits" in leaks.found(session)


def test_a_mask_that_switches_the_boundaries_off_is_found(session, monkeypatch):
    right = Head.inputs
    monkeypatch.setattr(
        Head, "inputs",
        lambda self, batch: right(self, batch) | {"attention_mask": torch.ones_like(
            batch["input_ids"])},
    )  # fmt: skip
    assert "moves its neighbour's logits" in leaks.found(session)


def of_kind(kind, precision="fp32", **more):
    import transformers
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()
    torch.manual_seed(1)
    sizes = {**tiny.SIZES, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 1, **more}
    config = getattr(transformers, f"{kind}Config")(**sizes)
    model = getattr(transformers, f"{kind}ForCausalLM")(config).eval()
    asked = replace(PACKED, precision=precision)
    return Session(model, asked, Material(tiny.corpus(), np.arange(12), pad_id=1))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("kind", "more"),
    [("OPT", {"ffn_dim": 64, "word_embed_proj_dim": 32}), ("Bloom", {"n_layer": 2, "n_head": 2}),
     ("Mamba", {"state_size": 8})],
)  # fmt: skip
def test_models_that_find_no_boundaries_in_positions_are_found(kind, more, precision):
    assert "moves its neighbour's logits" in leaks.found(of_kind(kind, precision, **more))


def test_experts_that_get_other_company_are_no_leak():
    assert leaks.found(of_kind("Mixtral", num_local_experts=4)) == ""


def test_positions_that_do_not_begin_anew_are_found(monkeypatch):
    """With boundaries kept, only learnt positions show it: GPT-2's."""
    session = Session(model_of("GPT2"), PACKED, Material(tiny.corpus(), np.arange(12), pad_id=1))
    right = Head.inputs

    def shifted(self, batch):
        given = right(self, batch)
        places = given["position_ids"]
        begun = places.clone()
        begun[places.cumsum(1) == 0] = 0
        later = (places == 0).cumsum(1) > 1
        return given | {"position_ids": torch.where(later, places + 9, places)}

    monkeypatch.setattr(Head, "inputs", shifted)
    assert "beside another row" in leaks.found(session)


def test_a_model_that_takes_no_positions_is_said_to_take_no_packs(session, monkeypatch):
    inner = session.model.base_model
    monkeypatch.setattr(inner, "forward", lambda input_ids, attention_mask, use_cache: None)
    assert leaks.found(session).startswith("the model takes no packed rows: ")


def test_memory_that_runs_out_is_no_leak(session, monkeypatch):
    def exhausted(self, *_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(Head, "logits", exhausted)
    with pytest.raises(torch.OutOfMemoryError):
        leaks.found(session)


def test_looking_for_leaks_leaves_no_trace(session):
    session.model.train()
    before = state.random_state()["torch"]
    leaks.found(session)
    assert session.model.training
    assert torch.equal(state.random_state()["torch"], before)
    assert all(parameter.grad is None for parameter in session.parameters)


def test_a_leak_is_found_in_bf16_too(base: Path, monkeypatch):
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()
    rounded = tiny.session(base, replace(PACKED, precision="bf16"))
    assert leaks.found(rounded) == ""
    changed(monkeypatch, use_cache=True)
    assert leaks.found(rounded) != ""
    AcceleratorState._reset_state()

"""Liger's kernels: put in where they were asked for and can run, else refused in a line."""

import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import pytest
import torch
from tests.training import tiny

from overnight.training import kernels
from overnight.values.errors import InputError

FUSED = replace(tiny.CANDIDATE, use_liger_kernel=True)
LLAMA = SimpleNamespace(config=SimpleNamespace(model_type="llama"))


@pytest.fixture
def liger(monkeypatch):
    """A stand-in for the library and a card; what it was asked to do."""
    told = []
    package, transformers = ModuleType("liger_kernel"), ModuleType("liger_kernel.transformers")
    package.__spec__ = SimpleNamespace(name="liger_kernel")
    transformers.monkey_patch = SimpleNamespace(
        MODEL_TYPE_TO_APPLY_LIGER_FN={"llama": None},
        _apply_liger_kernel_to_instance=lambda **given: told.append(given),
    )
    monkeypatch.setitem(sys.modules, "liger_kernel", package)
    monkeypatch.setitem(sys.modules, "liger_kernel.transformers", transformers)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    return told


def test_nobodys_kernels_are_put_in_unasked(liger):
    kernels.fuse(LLAMA, tiny.CANDIDATE)
    assert liger == []


def test_liger_is_given_the_model_and_told_to_leave_the_loss_alone(liger):
    kernels.fuse(LLAMA, FUSED)
    assert liger == [{"model": LLAMA, "cross_entropy": False, "fused_linear_cross_entropy": False}]


@pytest.mark.usefixtures("liger")
def test_a_model_that_liger_does_not_know_is_named():
    other = SimpleNamespace(config=SimpleNamespace(model_type="gpt2"))
    with pytest.raises(InputError, match="no kernels for gpt2"):
        kernels.fuse(other, FUSED)


def test_without_a_card_it_is_refused():
    with pytest.raises(InputError, match="needs a CUDA card"):
        kernels.fuse(LLAMA, FUSED)


def test_without_the_library_its_name_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(InputError, match="pip install liger-kernel"):
        kernels.fuse(LLAMA, FUSED)

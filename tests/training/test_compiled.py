"""Compiled layers: only where asked for, each layer, and a sentence where it cannot be."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.training import tiny

from overnight.training import methods
from overnight.training.compiled import COMPILERS, compile_layers
from overnight.values.errors import InputError

pytestmark = pytest.mark.filterwarnings(
    "ignore:`torch.jit:DeprecationWarning"
)  # its own, at import

ASKED = replace(tiny.CANDIDATE, torch_compile=True)


def compiled(model: Any) -> list[str]:
    """Kinds of the modules that compile at their first call."""
    return [type(part).__name__ for part in model.modules() if part._compiled_call_impl]


@pytest.fixture(autouse=True)
def a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if name == COMPILERS[1] else None)


@pytest.mark.tiny
@pytest.mark.parametrize("method", ["full", "lora"])
def test_each_layer_is_compiled_and_nothing_else(method: Any):
    model = methods.prepare(tiny.llama(), replace(ASKED, method=method))
    assert compiled(model) == ["LlamaDecoderLayer"] * tiny.SIZES["num_hidden_layers"]


def test_nothing_is_compiled_that_nobody_asked_for():
    assert compiled(methods.prepare(tiny.llama(), tiny.CANDIDATE)) == []


def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(InputError, match="install g"):
        compile_layers(tiny.llama(), ASKED)


def test_a_model_without_layers_is_named():
    with pytest.raises(InputError, match="layers of Linear"):
        compile_layers(torch.nn.Linear(2, 2), ASKED)

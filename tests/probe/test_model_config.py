"""Numbers out of configurations, by whatever name."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import transformers
from transformers import dynamic_module_utils

from overnight.probe.model_config import load, number
from overnight.values.errors import ModelError, first_line


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"n_ctx": 7, "n_positions": 9}, 9),
        ({"n_ctx": 7, "n_positions": None}, 7),
        ({"n_positions": 0, "n_ctx": 7}, 7),
        ({"n_positions": "9"}, None),
        ({}, None),
    ],
)
def test_the_first_usable_name_counts(config: dict[str, Any], found: int | None) -> None:
    assert number(SimpleNamespace(**config), "n_positions", "n_ctx") == found


def test_where_layers_differ_the_largest_counts() -> None:
    class Config:
        per_layer_config = (SimpleNamespace(head_dim=256), SimpleNamespace(head_dim=512))

        @property
        def head_dim(self) -> int:
            raise RuntimeError("may vary across layers")

    assert number(Config(), "head_dim") == 512


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Too wide.\nSee the manual.", "Too wide"),
        ("Validation error:\n  Too wide", "Validation error: Too wide"),
        ("", "ValueError('')"),
    ],
)
def test_of_an_error_the_line_that_says_something_is_kept(said: str, kept: str) -> None:
    assert first_line(ValueError(said)) == kept


@pytest.mark.parametrize("width", ["n_embd", "d_model", "hidden_size"])
def test_any_family_s_word_for_the_width_will_do(tmp_path: Any, width: str) -> None:
    kind = {"n_embd": "gpt2", "d_model": "mpt", "hidden_size": "llama"}[width]
    (tmp_path / "config.json").write_text(f'{{"model_type": "{kind}", "{width}": 64}}')
    assert load(str(tmp_path)).hidden_size == 64


def test_a_width_inside_the_text_part_will_do(tmp_path: Any) -> None:
    text = transformers.Gemma3TextConfig(hidden_size=64)
    transformers.Gemma3Config(text_config=text).save_pretrained(tmp_path)
    assert load(str(tmp_path)).get_text_config().hidden_size == 64


def test_a_configuration_that_names_only_its_type_is_refused(tmp_path: Any) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama", "num_hidden_layers": 4}')
    with pytest.raises(ModelError, match="does not say hidden_size, so any other size would be"):
        load(str(tmp_path))


def test_own_code_may_have_its_own_words(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "config.json").write_text(
        '{"model_type": "own", "breadth": 64, "auto_map": {"AutoConfig": "own.Config"}}'
    )
    (tmp_path / "own.py").write_text(
        "from transformers import PretrainedConfig\n\n\n"
        "class Config(PretrainedConfig):\n"
        '    model_type = "own"\n'
    )
    assert load(str(tmp_path), trust_remote_code=True).breadth == 64


def test_remarks_of_transformers_are_not_passed_on(
    tmp_path: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    odd = '{"model_type": "gpt2", "n_embd": 64, "vocab_size": 100, "bos_token_id": 50256}'
    (tmp_path / "config.json").write_text(odd)
    before = transformers.logging.get_verbosity()
    load(str(tmp_path))
    assert capfd.readouterr() == ("", "")
    assert transformers.logging.get_verbosity() == before

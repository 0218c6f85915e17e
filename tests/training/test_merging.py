"""A merged adapter is a whole model that says the same, loaded by a user's own program."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from overnight.training import merging
from overnight.values.errors import InputError, ModelError

pytestmark = pytest.mark.tiny
TOKENS = [5, 60, 70, 80, 90, 33, 34, 35]


def logits(model) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.tensor([TOKENS])).logits[0].float()


def test_the_merged_model_says_what_base_and_adapter_say(adapted: Path, tmp_path: Path):
    from peft import AutoPeftModelForCausalLM

    done = merging.merge(adapted / "final", tmp_path / "merged", tokens=TOKENS)
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype="auto")
    apart = AutoPeftModelForCausalLM.from_pretrained(adapted / "final").float()
    assert merged.dtype == torch.bfloat16 and done.dtype == "bfloat16"
    assert float((logits(merged) - logits(apart)).abs().max()) == pytest.approx(done.largest)
    assert done.largest < 0.1 and 0 <= done.divergence < 0.001
    assert abs(done.loss_apart - done.loss_merged) < 0.01
    assert AutoTokenizer.from_pretrained(tmp_path / "merged")("a test")["input_ids"]
    assert not list((tmp_path / "merged").glob("adapter_*"))


def test_the_sum_is_rounded_once(adapted: Path, tmp_path: Path, small):
    merging.merge(adapted / "final", tmp_path / "merged", tokens=TOKENS)
    merged = load_file(tmp_path / "merged" / "model.safetensors")
    adapter = load_file(adapted / "final" / "adapter_model.safetensors")
    base = load_file(small.model / "model.safetensors")
    name = "model.layers.0.self_attn.q_proj"
    a, b = (adapter[f"base_model.model.{name}.lora_{part}.weight"].float() for part in "AB")
    config = json.loads((adapted / "final" / "adapter_config.json").read_text("utf-8"))
    scale = config["lora_alpha"] / config["r"]
    wanted = (base[f"{name}.weight"].float() + scale * (b @ a)).to(torch.bfloat16)
    assert torch.equal(merged[f"{name}.weight"], wanted)


def test_a_whole_model_is_not_merged(finished: Path, tmp_path: Path):
    with pytest.raises(InputError, match="no adapter"):
        merging.merge(finished / "final", tmp_path / "merged", tokens=TOKENS)
    assert not (tmp_path / "merged").exists()


def test_a_merge_that_would_say_something_else_is_not_written(
    adapted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(merging, "_add_updates", lambda model: None)  # as a bug would have it
    broken = tmp_path / "final"
    shutil.copytree(adapted / "final", broken)
    weights = load_file(broken / "adapter_model.safetensors")
    save_file({name: 30 * value for name, value in weights.items()},
              broken / "adapter_model.safetensors")  # fmt: skip
    with pytest.raises(ModelError, match="nothing is kept"):
        merging.merge(broken, tmp_path / "merged", tokens=TOKENS)
    assert not (tmp_path / "merged").exists()


def test_a_base_that_is_gone_is_told(adapted: Path, tmp_path: Path):
    moved = tmp_path / "final"
    shutil.copytree(adapted / "final", moved)
    config = json.loads((moved / "adapter_config.json").read_text("utf-8"))
    config["base_model_name_or_path"] = str(tmp_path / "gone")
    (moved / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(ModelError, match="its base cannot be loaded"):
        merging.merge(moved, tmp_path / "merged", tokens=TOKENS)

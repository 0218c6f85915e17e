"""Checkpoints as another trainer leaves them, made without torch: small, whole, to be spoilt."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

LAYER = "base_model.model.model.layers.0.self_attn.q_proj"
CONFIG: dict[str, Any] = {
    "auto_mapping": None, "base_model_name_or_path": "org/base", "bias": "none",
    "fan_in_fan_out": False, "inference_mode": True, "init_lora_weights": True,
    "lora_alpha": 32, "lora_dropout": 0.05, "megatron_core": "megatron.core",
    "modules_to_save": None, "peft_type": "LORA", "peft_version": "0.21.0", "qalora_group_size": 16,
    "r": 4, "rank_pattern": {}, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM",
    "use_dora": False, "use_rslora": False,
}  # fmt: skip


def state(folder: Path, steps: object) -> None:
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": steps, "epoch": 1.0}))


def adapter(folder: Path, *, steps: int = 500, **changes: Any) -> Path:
    """A checkpoint of an adapter; `changes` are of its adapter_config.json."""
    folder.mkdir(parents=True)
    tensors = {f"{LAYER}.lora_A.weight": np.ones((4, 8), dtype=np.float32),
               f"{LAYER}.lora_B.weight": np.zeros((8, 4), dtype=np.float32)}  # fmt: skip
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG | changes))
    state(folder, steps)
    return folder


def whole(folder: Path, *, steps: int = 500) -> Path:
    """A checkpoint of whole weights in two shards."""
    folder.mkdir(parents=True)
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    for name, file in names.items():
        save_file({name: np.ones((2, 3), dtype=np.float32)}, folder / file)
    index(folder, names)
    state(folder, steps)
    return folder


def index(folder: Path, names: dict[str, Any]) -> None:
    content = {"metadata": {}, "weight_map": names}
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))


def run(folder: Path, *steps: int) -> Path:
    """A trainer's folder with an adapter's checkpoint at each of these steps."""
    for step in steps:
        adapter(folder / f"checkpoint-{step}", steps=step)
    return folder


def cut(path: Path) -> None:
    """The file, as a save that broke off or a full disk leaves it."""
    path.write_bytes(path.read_bytes()[:-7])

"""Weight files: whole, torn, missing, pickled."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from overnight.probe.weights import stored_bytes, weight_files
from overnight.values.errors import ModelError


def tensors(path: Path) -> Path:
    save_file({"a": torch.zeros(3, 5), "b": torch.zeros(7, dtype=torch.bfloat16)}, path)
    return path


def test_bytes_are_those_of_the_tensors(tmp_path: Path) -> None:
    assert stored_bytes(tensors(tmp_path / "model.safetensors")) == 3 * 5 * 4 + 7 * 2


def test_a_file_cut_short_is_named_with_its_sizes(tmp_path: Path) -> None:
    path = tensors(tmp_path / "model.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"model\.safetensors is cut short: \d+ of \d+ bytes"):
        stored_bytes(path)


@pytest.mark.parametrize("content", [b"", b"\x08", b"version https://git-lfs", b"\2" + b"\0" * 9])
def test_what_is_no_safetensors_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is no safetensors file"):
        stored_bytes(path)


def test_a_single_file_is_found(tmp_path: Path) -> None:
    path = tensors(tmp_path / "model.safetensors")
    assert weight_files(tmp_path) == [path]


def index(folder: Path, names: dict[str, str]) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


def test_shards_are_those_of_the_index(tmp_path: Path) -> None:
    one, two = (tensors(tmp_path / name) for name in ("m-1.safetensors", "m-2.safetensors"))
    tensors(tmp_path / "stray.safetensors")
    index(tmp_path, {"b": two.name, "a": one.name, "c": one.name})
    assert weight_files(tmp_path) == [one, two]


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    tensors(tmp_path / "m-1.safetensors")
    index(tmp_path, {"a": "m-1.safetensors", "b": "m-2.safetensors"})
    with pytest.raises(ModelError, match=r"lacks 1 of 2 weight files, first m-2\.safetensors"):
        weight_files(tmp_path)


def test_an_empty_index_names_no_weights(tmp_path: Path) -> None:
    index(tmp_path, {})
    with pytest.raises(ModelError, match="names no weights"):
        weight_files(tmp_path)


def test_pickles_are_refused_with_the_command_that_converts(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"only as pickles \(pytorch_model\.bin\).*python -c"):
        weight_files(tmp_path)


def test_a_folder_without_weights_says_which_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no weights; model\.safetensors is missing"):
        weight_files(tmp_path)


@pytest.mark.parametrize("name", ["../m.safetensors", "/m.safetensors", "a/../m.safetensors"])
def test_an_index_that_leads_out_of_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    index(tmp_path, {"a": name})
    with pytest.raises(ModelError, match="leads out of its folder; nothing of it is read"):
        weight_files(tmp_path)

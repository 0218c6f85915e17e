"""Another trainer's checkpoint: found by number, refused in a sentence, never followed or run."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.training import foreign_folders as folders

from overnight.training import foreign
from overnight.training.foreign import Foreign
from overnight.values.errors import ModelError


def looked(path: Path) -> Foreign:
    """Without torch: names, settings, headers."""
    return foreign.find(str(path), thorough=False)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return folders.adapter(tmp_path / "checkpoint-500")


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return folders.whole(tmp_path / "checkpoint-500")


def test_an_adapter_is_told_by_its_settings_and_its_step(adapter: Path):
    found = looked(adapter)
    assert (found.name, found.steps, found.files) == (
        "checkpoint-500", 500, (adapter / "adapter_model.safetensors",))  # fmt: skip
    assert found.adapter is not None and found.adapter.r == 4


def test_whole_weights_are_told_by_their_shards(whole: Path):
    found = looked(whole)
    assert found.adapter is None and len(found.files) == 2
    assert foreign.shapes(found) == {"a": (2, 3), "b": (2, 3)}


def test_looking_loads_no_torch(adapter: Path):
    program = (
        "import sys; from overnight.training import foreign; foreign.shapes("
        f"foreign.find({str(adapter)!r}, thorough=False)); print('torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=True).stdout  # fmt: skip
    assert said.strip() == "False"


def test_of_several_the_newest_by_number_is_taken(tmp_path: Path):
    run = folders.run(tmp_path / "adapter_training", 500, 1500, 1000)
    os.utime(run / "checkpoint-500")
    assert looked(run).name == "checkpoint-1500"
    assert looked(run).passed_over == ()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda one: (one / "trainer_state.json").unlink(), "was not finished"),
        (lambda one: (one / "trainer_state.json").write_text(""), "damaged or cut short"),
        (lambda one: (one / "adapter_config.json").write_text("{"), "damaged or cut short"),
        (lambda one: (one / "adapter_config.json").write_text("[]"), "not what a trainer writes"),
        (lambda one: folders.cut(one / "adapter_model.safetensors"), "damaged or cut short"),
        (lambda one: (one / "adapter_model.safetensors").unlink(), "holds no weights"),
        (lambda one: (one / "adapter_config.json").unlink(), "holds no weights"),
        (lambda one: (one / "adapter_config.json").write_text("[" * 100_000), "damaged"),
    ],
)
def test_one_that_is_partial_is_passed_over_with_a_sentence(tmp_path: Path, spoil, says: str):
    run = folders.run(tmp_path / "run", 500, 1000)
    spoil(run / "checkpoint-1000")
    found = looked(run)
    assert found.name == "checkpoint-500"
    (sentence,) = found.passed_over
    assert sentence.startswith("checkpoint-1000 is passed over: ") and says in sentence


def test_where_none_is_usable_the_newest_says_why(tmp_path: Path):
    run = folders.run(tmp_path / "run", 500, 1000)
    for one in run.iterdir():
        folders.cut(one / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="none of its 2 checkpoints can be used; checkpoint-1000"):
        looked(run)


def test_one_that_is_named_itself_needs_no_step(adapter: Path):
    (adapter / "trainer_state.json").unlink()
    assert looked(adapter).steps is None


@pytest.mark.parametrize("written", [-1, True, "500", None, 1e3])
def test_a_step_that_is_none_is_not_told(adapter: Path, written: object):
    folders.state(adapter, written)
    assert looked(adapter).steps is None


@pytest.mark.parametrize("name", ["absent", "a\0b", "x" * 5000], ids=["absent", "zero", "long"])
def test_a_folder_that_is_not_there_is_said(tmp_path: Path, name: str):
    with pytest.raises(ModelError, match="there is no such folder"):
        foreign.find(f"{tmp_path}/{name}", thorough=False)


def test_a_folder_of_something_else_is_said(tmp_path: Path):
    with pytest.raises(ModelError, match="holds no weights that could be gone on from"):
        looked(tmp_path)


@pytest.mark.parametrize("name", ["../a.safetensors", "/etc/passwd", "..", "", "a/b", "a\\b", "\0"])
def test_an_index_that_leads_out_of_its_folder_is_refused(whole: Path, name: str):
    folders.index(whole, {"a": name})
    with pytest.raises(ModelError, match="leads out of its folder; nothing of it is read"):
        looked(whole)


@pytest.mark.parametrize("content", [{}, {"weight_map": []}, {"weight_map": {}}])
def test_an_index_without_names_is_refused(whole: Path, content: object):
    (whole / "model.safetensors.index.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="names no weights"):
        looked(whole)


def test_a_shard_that_is_not_there_is_named(whole: Path):
    (whole / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model-00002-of-00002\.safetensors cannot"):
        looked(whole)


@pytest.mark.skipif(os.name != "posix", reason="pipes with names are Unix's")
@pytest.mark.parametrize(
    "name", ["adapter_model.safetensors", "adapter_config.json", "trainer_state.json"]
)
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(adapter: Path, name: str):
    (adapter / name).unlink()
    os.mkfifo(adapter / name)
    with pytest.raises(ModelError, match=f"{name} is no plain file"):
        looked(adapter)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_a_device_behind_a_link_is_refused_and_not_read(adapter: Path):
    (adapter / "adapter_config.json").unlink()
    (adapter / "adapter_config.json").symlink_to("/dev/zero")
    with pytest.raises(ModelError, match="is no plain file"):
        looked(adapter)


def test_a_file_of_settings_without_end_is_not_read(adapter: Path):
    with open(adapter / "trainer_state.json", "r+b") as file:
        file.truncate(foreign.MOST_JSON + 1)
    with pytest.raises(ModelError, match="larger than any of its kind"):
        looked(adapter)


def test_links_to_plain_files_are_followed_as_a_hub_s_cache_has_them(adapter: Path):
    for path in list(adapter.iterdir()):
        shutil.move(path, adapter.parent / f"blob-{path.name}")
        path.symlink_to(adapter.parent / f"blob-{path.name}")
    assert looked(adapter).steps == 500


def test_the_template_beside_the_weights_is_told(adapter: Path):
    assert foreign.template(looked(adapter)) is None
    (adapter / "tokenizer_config.json").write_text('{"chat_template": "old"}')
    assert foreign.template(looked(adapter)) == "old"
    (adapter / "chat_template.jinja").write_text("new")
    assert foreign.template(looked(adapter)) == "new"


class Bomb:
    """What runs when a pickle of it is read."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> object:
        return (os.system, (f"touch {self.canary}",))


@pytest.fixture
def pickled(adapter: Path) -> Path:
    """The same adapter with its weights as torch once wrote them."""
    import torch
    from safetensors.torch import load_file

    weights = load_file(adapter / "adapter_model.safetensors")
    torch.save(weights, adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()
    return adapter


@pytest.mark.tiny
def test_weights_in_a_pickle_are_read_as_tensors_only(pickled: Path):
    found = foreign.find(str(pickled))
    assert foreign.shapes(found)[f"{folders.LAYER}.lora_A.weight"] == (4, 8)


@pytest.mark.tiny
@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_would_run_something_is_refused_and_runs_nothing(pickled: Path, legacy):
    import torch

    canary = pickled / "canary"
    torch.save({"a": Bomb(canary)}, pickled / "adapter_model.bin",
               _use_new_zipfile_serialization=not legacy)  # fmt: skip
    with pytest.raises(ModelError, match="not read"):
        foreign.shapes(foreign.find(str(pickled)))
    assert not canary.exists()


@pytest.mark.tiny
def test_a_packed_file_of_torch_is_refused_before_it_is_unpacked(pickled: Path):
    with zipfile.ZipFile(pickled / "adapter_model.bin", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("archive/data.pkl", b"\0" * 1_000_000)
    with pytest.raises(ModelError, match="compressed, as torch never writes it"):
        foreign.shapes(foreign.find(str(pickled)))


@pytest.mark.tiny
@pytest.mark.parametrize("wild", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_passed_over(tmp_path: Path, wild: float):
    import numpy as np
    from safetensors.numpy import load_file, save_file

    run = folders.run(tmp_path / "run", 500, 1000)
    file = run / "checkpoint-1000" / "adapter_model.safetensors"
    save_file({name: np.full_like(one, wild) for name, one in load_file(file).items()}, file)
    found = foreign.find(str(run))
    assert found.name == "checkpoint-500" and "not finite" in found.passed_over[0]


def test_a_checkpoint_of_overnight_itself_is_held_to_its_manifest(adapter: Path):
    (adapter / "COMPLETE").write_text("{}")
    with pytest.raises(ModelError, match=r"is damaged \(COMPLETE: not what was written"):
        looked(adapter)


def test_the_real_checkpoint_of_a_trainer_is_found(shared_data: Path):
    found = looked(shared_data / "tiny_gpt2_full_checkpoint")
    assert (found.adapter, found.steps) == (None, 250)
    assert foreign.shapes(found)["transformer.wte.weight"] == (50257, 2)

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.training.nights import Night

from overnight.training import manifest
from overnight.training.manifest import COMPLETE, foreign, problem, read_manifest, step_of

FILES = ("COMPLETE", "adapter_model.safetensors", "optimizer.pt", "trainer_state.json")


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path).begin().save(35, 40)


@pytest.fixture
def folder(night: Night) -> Path:
    return night.folder / "checkpoint-40"


def flip(offset: float, bit: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[int(offset * (len(content) - 1))] ^= 1 << bit
        path.write_bytes(content)

    return damage


def truncate(share: float) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, int(share * path.stat().st_size))


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def swap(path: Path) -> None:
    """The older checkpoint's file of the same name comes in its place."""
    shutil.copy(path.parent.parent / "checkpoint-35" / path.name, path)


def link(path: Path) -> None:
    """The same content, but elsewhere."""
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


DAMAGES = {
    **{f"bit {bit} flipped at {at}": flip(at, bit) for at in (0, 0.3, 0.5, 1) for bit in (0, 7)},
    **{f"cut to {share}": truncate(share) for share in (0, 0.5, 0.99)},
    "zeros": zero,
    "one byte more": grow,
    "deleted": Path.unlink,
    "of another checkpoint": swap,
    "a link": link,
    "a pipe": fifo,
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_every_damage_of_every_file_is_noticed(
    folder: Path, name: str, damage: Callable[[Path], None]
) -> None:
    assert problem(folder) is None
    damage(folder / name)
    assert str(problem(folder)).startswith(f"{name}: ")


def test_every_single_byte_of_complete_counts(folder: Path) -> None:
    raw = (folder / COMPLETE).read_bytes()
    unnoticed = []
    for at in range(len(raw)):
        (folder / COMPLETE).write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        unnoticed += [at] if problem(folder) is None else []
    assert unnoticed == []


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (flip(0.5, 0), "optimizer.pt: hash differs"),
        (truncate(0.5), "optimizer.pt: 5 bytes, not 10"),
        (Path.unlink, "optimizer.pt: missing"),
        (link, "optimizer.pt: not a plain file"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, damage: Callable[[Path], None], sentence: str) -> None:
    damage(folder / "optimizer.pt")
    assert problem(folder) == sentence


def test_a_file_too_many_is_noticed(folder: Path) -> None:
    (folder / "training_args.bin").write_bytes(b"")
    assert problem(folder) == "training_args.bin: not in COMPLETE"


def test_two_checkpoints_that_changed_names_are_noticed(folder: Path) -> None:
    folder.rename(folder.with_name("x"))
    folder.with_name("checkpoint-35").rename(folder)
    assert problem(folder) == "COMPLETE: of step 35"


def test_a_checkpoint_of_another_night_is_noticed(folder: Path) -> None:
    assert problem(folder, run="night-1") is None
    assert problem(folder, run="night-2") == "COMPLETE: of another night"


def test_a_link_to_a_whole_checkpoint_is_none(folder: Path) -> None:
    (folder.parent / "checkpoint-99").symlink_to(folder)
    assert problem(folder.parent / "checkpoint-99") == "not a folder"
    assert problem(folder.parent / "gone") == "not a folder"


@pytest.mark.parametrize("name", ["../stolen", "a/b", "a\\b", "..", ""])
def test_a_name_that_leaves_the_folder_is_never_opened(folder: Path, name: str) -> None:
    content = json.loads((folder / COMPLETE).read_text())
    del content["seal"]
    content["files"][name] = {"size": 1, "hash": "0"}
    (folder / COMPLETE).write_bytes(manifest._with_seal(content))
    assert problem(folder) == f"{name}: a name that leaves the folder"


@pytest.mark.parametrize("content", [b"", b"[]", b"[" * 100_000, b'{"seal": 1}', b"\xff", b"7"])
def test_a_complete_of_rubbish_is_refused(folder: Path, content: bytes) -> None:
    (folder / COMPLETE).write_bytes(content)
    with pytest.raises(ValueError, match="COMPLETE: not what was written"):
        read_manifest(folder)


def test_a_word_that_only_a_newer_version_writes_does_no_harm(folder: Path) -> None:
    content = json.loads((folder / COMPLETE).read_text())
    del content["seal"]
    (folder / COMPLETE).write_bytes(manifest._with_seal(content | {"later": 1}))
    assert problem(folder) is None


def test_a_stock_checkpoint_is_recognised(tmp_path: Path, folder: Path) -> None:
    stock = tmp_path / "checkpoint-500"
    stock.mkdir()
    assert not foreign(stock)
    (stock / "trainer_state.json").write_text("{}")
    assert foreign(stock)
    assert not foreign(folder)


def test_numbers_are_read_from_names_of_checkpoints_alone() -> None:
    names = ("checkpoint-40", "checkpoint-", "checkpoint-4-1", "checkpoint-٤", "final")
    assert [step_of(name) for name in names] == [40, -1, -1, -1, -1]


def test_a_look_into_the_folder_with_a_file_manager_is_no_damage(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / ".ipynb_checkpoints").mkdir()
    assert problem(folder) is None


def test_without_content_the_sizes_alone_are_looked_at(folder: Path) -> None:
    path = folder / "optimizer.pt"
    path.write_bytes(bytes(path.stat().st_size))
    assert problem(folder, content=False) is None
    path.write_bytes(b"")
    assert problem(folder, content=False) == "optimizer.pt: 0 bytes, not 10"

import errno
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.training.nights import Night, fill

from overnight.training.checkpoint import load_tensors, save_tensors, write
from overnight.training.disk import DiskFull, DiskTrouble
from overnight.training.manifest import problem, read_manifest
from overnight.values.errors import InputError


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path).begin()


def test_a_checkpoint_is_whole_and_says_where_it_comes_from(night: Night) -> None:
    night.save(5)
    written = write(
        night.folder, step=10, lineage=night.lineage(parent="checkpoint-5"), fill=fill("10")
    )
    told = read_manifest(written.path)
    assert problem(written.path, run="night-1") is None
    assert (told.step, told.parent, told.t) == (10, "checkpoint-5", night.entries[-1].t)
    assert (written.name, written.parent) == ("checkpoint-10", "checkpoint-5")
    assert written.bytes == told.size == sum(mark.size for mark in told.files.values()) > 100
    assert night.names() == ["checkpoint-10", "checkpoint-5"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/fd")
def test_all_is_flushed_before_the_name_and_the_name_after_it(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, os.rename

    def flushing(descriptor: int) -> None:
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name.partition("-")[0])
        fsync(descriptor)

    def renaming(old: Path, new: Path) -> None:
        done.append("renamed")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", flushing)
    monkeypatch.setattr(os, "rename", renaming)
    night.write(5)
    files = ["adapter_model.safetensors", "optimizer.pt", "trainer_state.json"]
    named = night.folder.name.partition("-")[0]
    assert done == [*files, ".staging", "COMPLETE", ".staging", "renamed", named]


def test_a_name_that_is_taken_is_set_aside_and_never_written_into(night: Night) -> None:
    night.save(5, text="first").save(5, text="second").save(5, text="third")
    assert night.set_aside() == ["checkpoint-5-1", "checkpoint-5-2"]
    aside = night.folder / "set-aside" / "checkpoint-5-1" / "optimizer.pt"
    assert aside.read_bytes() == b"moments first"
    assert problem(night.folder / "checkpoint-5") is None


def refuse(number: int) -> Callable[..., Any]:
    def act(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return act


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("call", ["mkdir", "fsync", "rename"])
def test_a_disk_that_refuses_costs_nothing_that_is_whole(
    night: Night, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    night.save(5)
    with monkeypatch.context() as disk:
        disk.setattr(os, call, refuse(number))
        with pytest.raises(DiskTrouble, match="checkpoint-10 could not be written") as told:
            night.write(10)
    full = number in (errno.ENOSPC, errno.EDQUOT)
    assert isinstance(told.value, DiskFull) == full
    assert night.names() == ["checkpoint-5"]
    assert problem(night.folder / "checkpoint-5") is None


def test_a_full_disk_while_filling_is_told_as_one(night: Night) -> None:
    with pytest.raises(DiskFull):
        write(night.folder, step=5, lineage=night.lineage(), fill=refuse(errno.ENOSPC))
    assert night.names() == []


def test_the_old_one_is_put_back_where_the_new_one_is_refused(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.save(5, text="old")
    real = os.rename

    def rename(source: Path, target: Path) -> None:
        if ".staging" in str(source):
            refuse(errno.EIO)()
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(DiskTrouble):
        night.write(5, "new")
    assert (night.folder / "checkpoint-5" / "optimizer.pt").read_bytes() == b"moments old"
    assert problem(night.folder / "checkpoint-5") is None


def test_a_fault_of_ours_comes_through_and_leaves_no_trace(night: Night) -> None:
    def faulty(folder: Path) -> None:
        fill("x")(folder)
        raise TypeError("ours")

    with pytest.raises(TypeError, match="ours"):
        write(night.folder, step=5, lineage=night.lineage(), fill=faulty)
    assert night.names() == []


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("/etc/hostname")])
def test_only_plain_files_make_a_checkpoint(night: Night, make: Callable[[Path], None]) -> None:
    def strange(folder: Path) -> None:
        make(folder / "inner")

    with pytest.raises(ValueError, match="inner: a checkpoint holds plain files only"):
        write(night.folder, step=5, lineage=night.lineage(), fill=strange)


def test_room_is_asked_for_before_anything_is_written(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.save(5)
    size = read_manifest(night.folder / "checkpoint-5").size
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(int(size * 1.1) - 1))
    with pytest.raises(DiskFull, match=r"checkpoint-10 needs 86 B and the disk has 85 B left"):
        night.write(10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(int(size * 1.1)))
    assert night.write(10).name == "checkpoint-10"


def test_tensors_and_plain_values_come_back(tmp_path: Path) -> None:
    import torch

    content = {"state": {0: {"step": torch.tensor(3.0)}}, "lr": 1e-4, "betas": (0.9, None, True)}
    save_tensors(tmp_path / "optimizer.pt", content)
    assert load_tensors(tmp_path / "optimizer.pt") == content


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    import numpy as np

    with pytest.raises(TypeError, match=r"rng\['numpy'\]\[1\] holds a float64"):
        save_tensors(tmp_path / "rng", {"numpy": [1, np.float64(1)]})
    assert not (tmp_path / "rng").exists()


class Evil:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, ("evil-was-here",)


def test_a_pickle_that_acts_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.chdir(tmp_path)
    torch.save({"state": Evil()}, "optimizer.pt")
    with pytest.raises(InputError, match=r"optimizer\.pt is damaged or holds more than tensors"):
        load_tensors(tmp_path / "optimizer.pt")
    assert not (tmp_path / "evil-was-here").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a file of torch"])
def test_a_torch_file_of_rubbish_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rng_state.pth").write_bytes(content)
    with pytest.raises(InputError, match=r"rng_state\.pth is damaged"):
        load_tensors(tmp_path / "rng_state.pth")


def test_torch_is_not_needed_to_save_and_choose() -> None:
    program = "import sys, overnight.training.lineage; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert told.stdout.strip() == b"False"


def test_what_is_set_aside_makes_room_and_is_named(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.save(5, text="old").save(5, text="older").save(5, text="oldest")
    usage, free = namedtuple("usage", "free"), iter([0, 10**6])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(next(free)))
    written = write(night.folder, step=10, lineage=night.lineage(), fill=fill("10"))
    assert written.gave_up == ("set-aside/checkpoint-5-1",)
    assert night.set_aside() == ["checkpoint-5-2"]


def test_a_disk_that_cannot_say_how_full_it_is_is_a_trouble(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.save(5)
    monkeypatch.setattr(shutil, "disk_usage", refuse(errno.EIO))
    with pytest.raises(DiskTrouble, match="checkpoint-10 could not be written"):
        night.write(10)

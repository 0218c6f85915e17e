import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from overnight.training import disk
from overnight.training.disk import (
    BALLAST,
    BALLAST_BYTES,
    DiskFull,
    DiskTrouble,
    exchange,
    fsync_file,
    fsync_folder,
    release_ballast,
    replace_text,
    set_ballast,
    trouble,
    with_ballast,
)


def failing(*numbers: int) -> Callable[[], str]:
    """An act that fails once for each number, then succeeds."""
    left = list(numbers)

    def act() -> str:
        if left:
            number = left.pop(0)
            raise OSError(number, os.strerror(number))
        return "done"

    return act


def test_the_ballast_takes_eight_mebibytes_of_the_disk(tmp_path: Path) -> None:
    set_ballast(tmp_path)
    assert (tmp_path / BALLAST).stat().st_blocks * 512 >= BALLAST_BYTES


def test_a_ballast_that_is_there_is_left_alone_and_a_torn_one_is_made_anew(tmp_path: Path) -> None:
    set_ballast(tmp_path)
    first = (tmp_path / BALLAST).read_bytes()
    set_ballast(tmp_path)
    assert (tmp_path / BALLAST).read_bytes() == first
    os.truncate(tmp_path / BALLAST, 5)
    set_ballast(tmp_path)
    assert (tmp_path / BALLAST).stat().st_size == BALLAST_BYTES


def test_a_ballast_that_finds_no_room_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "fsync_file", lambda _: failing(errno.ENOSPC)())
    with pytest.raises(DiskFull, match=r"\.ballast could not be written: the disk is full"):
        set_ballast(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_gets_the_ballast_and_the_act_is_done_again(tmp_path: Path) -> None:
    set_ballast(tmp_path)
    assert with_ballast(tmp_path, failing(errno.ENOSPC), what="status.json") == "done"
    assert not (tmp_path / BALLAST).exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_all_the_same_is_told(tmp_path: Path, number: int) -> None:
    set_ballast(tmp_path)
    with pytest.raises(DiskFull, match=r"status\.json could not be written: the disk is full"):
        with_ballast(tmp_path, failing(number, number), what="status.json")


def test_another_refusal_is_told_and_keeps_the_ballast(tmp_path: Path) -> None:
    set_ballast(tmp_path)
    with pytest.raises(DiskTrouble, match="Input/output error") as told:
        with_ballast(tmp_path, failing(errno.EIO), what="status.json")
    assert not isinstance(told.value, DiskFull)
    assert (tmp_path / BALLAST).exists()


def test_the_ballast_is_released_once(tmp_path: Path) -> None:
    set_ballast(tmp_path)
    assert [release_ballast(tmp_path), release_ballast(tmp_path)] == [True, False]


def test_a_text_is_replaced_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_text(tmp_path / "x", "old", fsync=True)
    monkeypatch.setattr(os, "replace", lambda *_: failing(errno.EIO)())
    with pytest.raises(OSError, match="Input/output"):
        replace_text(tmp_path / "x", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_what_torch_says_of_a_full_disk_is_understood() -> None:
    inner = OSError(errno.ENOSPC, "No space left on device")
    outer = RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 598")
    outer.__context__ = inner
    assert isinstance(trouble(outer, what="x"), DiskFull)


def test_what_safetensors_says_of_a_full_disk_is_understood() -> None:
    said = "Error while serializing: I/O error: No space left on device (os error 28)"
    assert isinstance(trouble(Exception(said), what="x"), DiskFull)


def test_a_fault_of_another_kind_is_no_trouble_of_the_disk() -> None:
    inside_a_handler = TypeError("ours")
    inside_a_handler.__context__ = OSError(errno.ENOSPC, "No space left on device")
    assert trouble(inside_a_handler, what="x") is None
    assert trouble(ConnectionError("no network"), what="x") is None


def test_what_is_not_there_cannot_be_flushed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fsync_folder(tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        fsync_file(tmp_path / "gone")


def two_folders(folder: Path) -> tuple[Path, Path]:
    one, other = folder / "one", folder / "other"
    for path in (one, other):
        path.mkdir()
        (path / path.name).touch()
    return one, other


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges two names at one blow")
def test_two_folders_change_places_at_one_blow(tmp_path: Path) -> None:
    one, other = two_folders(tmp_path)
    assert exchange(one, other)
    assert (one / "other").exists() and (other / "one").exists()
    with pytest.raises(OSError, match="No such file"):
        exchange(one, tmp_path / "gone")


def test_where_the_system_cannot_exchange_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two_folders(tmp_path)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not exchange(one, other)
    assert (one / "one").exists()

"""One checkpoint: whole or not at all.

In: a function that fills a folder with files named as Hugging Face names them. Out: the folder
`checkpoint-N`, with COMPLETE as its last word, or no trace and a typed exception. Never: writes
into a folder in place, deletes one, or reads a pickle. Which one is whole manifest.py tells, which
one to go on from lineage.py. Of several processes only the first writes.
"""

import os
import secrets
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overnight.training import shelf
from overnight.training.disk import DiskFull, fsync_file, fsync_folder, trouble
from overnight.training.manifest import (
    COMPLETE,
    Manifest,
    Mark,
    folders,
    hash_of,
    read_manifest,
    sealed,
)
from overnight.values.errors import InputError
from overnight.values.units import show_bytes

STAGING = ".staging-"
ROOM_FACTOR = 1.1
"""Free space asked for before a save, in sizes of the largest checkpoint of the same night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a checkpoint comes from."""

    run: str
    """The night's random name: `Started.run`."""
    parent: str
    """The checkpoint that training went on from last; empty from the beginning."""
    t: float
    """`Journal.now()` at saving: tells which rewinds came later."""
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A checkpoint that is in place; its fields are those that `Saved` wants."""

    step: int
    name: str
    parent: str
    bytes: int
    path: Path
    gave_up: tuple[str, ...] = ()
    """What was set aside before and had to make room."""


def write(run_folder: Path, *, step: int, lineage: Lineage,
          fill: Callable[[Path], None]) -> Written:  # fmt: skip
    """Put `checkpoint-{step}` into place; `fill` writes its files into the folder that it is given.

    Raises:
        DiskFull: there is no room; DiskTrouble: the disk refused otherwise. Either way nothing is
            lost and training can go on. What else `fill` raises comes through.
    """
    name = f"checkpoint-{step}"
    staging = run_folder / f"{STAGING}{name}-{secrets.token_hex(4)}"
    try:
        gave_up = _make_room(run_folder, name=name, run=lineage.run)
        staging.mkdir()
        fill(staging)
        manifest = _complete(staging, step=step, lineage=lineage)
        put_in_place(staging, run_folder / name)
    except BaseException as error:
        shutil.rmtree(staging, ignore_errors=True)
        refusal = trouble(error, what=str(run_folder / name))
        if refusal:
            raise refusal from error
        raise
    return Written(step=step, name=name, parent=lineage.parent, bytes=manifest.size,
                   path=run_folder / name, gave_up=gave_up)  # fmt: skip


def _make_room(run_folder: Path, *, name: str, run: str) -> tuple[str, ...]:
    """Where there is none, what was set aside goes, the oldest first, and is named."""
    sizes = [_size_of(path, run=run) for path in folders(run_folder)]
    needed = int(max(sizes, default=0) * ROOM_FACTOR)
    gone: list[str] = []
    while (free := shutil.disk_usage(run_folder).free) < needed:
        given = shelf.give_up_oldest(run_folder)
        if not given:
            raise DiskFull(f"{run_folder / name} needs {show_bytes(needed)} and the disk has "
                           f"{show_bytes(free)} left; free some space there")  # fmt: skip
        gone.append(given)
    return tuple(gone)


def _size_of(path: Path, *, run: str) -> int:
    try:
        manifest = read_manifest(path)
    except ValueError:
        return 0
    return manifest.size if manifest.run == run else 0


def _complete(staging: Path, *, step: int, lineage: Lineage) -> Manifest:
    """Flush and hash every file, then say so in COMPLETE, then flush the folder."""
    files = {name: _mark(staging / name) for name in sorted(os.listdir(staging))}
    manifest = Manifest(run=lineage.run, step=step, parent=lineage.parent, t=lineage.t,
                        files=files, versions=lineage.versions)  # fmt: skip
    fsync_folder(staging)
    (staging / COMPLETE).write_bytes(sealed(manifest))
    fsync_file(staging / COMPLETE)
    fsync_folder(staging)
    return manifest


def _mark(path: Path) -> Mark:
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise ValueError(f"{path.name}: a checkpoint holds plain files only")
    fsync_file(path)
    return Mark(size=path.stat().st_size, hash=hash_of(path))


def put_in_place(staging: Path, target: Path) -> None:
    """Rename a completed folder to its name; what has that name already is set aside first."""
    old = shelf.set_aside(target) if os.path.lexists(target) else None
    try:
        os.rename(staging, target)
    except OSError:
        if old:
            os.rename(old, target)
        raise
    fsync_folder(target.parent)


def save_tensors(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values (numbers, strings, lists, tuples, dictionaries) with torch.

    Raises:
        TypeError: something else is in it, so that `load_tensors` would refuse the file.
    """
    import torch

    _check_plain(content, where=path.name)
    with open(path, "wb") as file:
        torch.save(content, file)


def _check_plain(content: Any, *, where: str) -> None:
    import torch

    if isinstance(content, torch.Tensor) or type(content) in (int, float, bool, str, type(None)):
        return
    if type(content) not in (dict, list, tuple):
        raise TypeError(f"{where} holds a {type(content).__name__}; tensors and plain values only")
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, inner in pairs:
        _check_plain(inner, where=f"{where}[{key!r}]")


def load_tensors(path: Path) -> Any:
    """What `save_tensors` wrote, on the CPU.

    Raises:
        InputError: the file is damaged, or holds more than tensors and plain values.
    """
    import pickle

    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise InputError(f"{path} is damaged or holds more than tensors and plain values; "
                         "it is not read: go on from another checkpoint") from error  # fmt: skip

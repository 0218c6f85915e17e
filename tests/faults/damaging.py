"""Damage by the byte: what a bad disk, a half copy or a careless hand does to a file.

In: a file and a place in it. Out: a name for what was done, or nothing where the bytes are the same
as before. Never: a file of which the content is not put back by `as_before`.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = 4096


def flip(path: Path, at: int) -> None:
    """One bit is another."""
    with open(path, "rb+") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << at % 8)]))


def truncate(path: Path, at: int) -> None:
    """Only what is before stays."""
    os.truncate(path, at)


def zero(path: Path, at: int) -> None:
    """The page in which the byte lies is zeros."""
    start = at - at % PAGE
    length = min(PAGE, path.stat().st_size - start)
    with open(path, "rb+") as file:
        file.seek(start)
        file.write(bytes(length))


AT: dict[str, Callable[[Path, int], None]] = {"flip": flip, "truncate": truncate, "zero": zero}


def delete(path: Path, _: Path) -> None:
    """It is gone."""
    path.unlink()


def swap(path: Path, other: Path) -> None:
    """It is another checkpoint's file of the same name."""
    shutil.copyfile(other, path)


def link(path: Path, _: Path) -> None:
    """It is a link to the same content elsewhere."""
    path.symlink_to(path.rename(path.parent.parent / f"away-{path.name}"))


def extra(path: Path, _: Path) -> None:
    """A file lies beside it that nobody wrote."""
    shutil.copyfile(path, path.with_name(f"extra-{path.name}"))


def empty_folder(path: Path, _: Path) -> None:
    """A folder has its name."""
    path.unlink()
    path.mkdir()


WHOLE: dict[str, Callable[[Path, Path], None]] = {
    "delete": delete, "swap": swap, "link": link, "extra file": extra, "folder": empty_folder,
}  # fmt: skip


@contextmanager
def as_before(path: Path) -> Iterator[bytes]:
    """The file's bytes; after the block they are its content again."""
    content = path.read_bytes()
    try:
        yield content
    finally:
        for stray in (path.with_name(f"extra-{path.name}"),
                      path.parent.parent / f"away-{path.name}"):  # fmt: skip
            stray.unlink(missing_ok=True)
        if path.is_symlink():
            path.unlink()
        elif path.is_dir():
            path.rmdir()
        path.write_bytes(content)


def offsets(size: int, most: int) -> list[int]:
    """Every byte of a file of up to `most`; else so many, evenly spread, both ends with them."""
    if size <= most:
        return list(range(size))
    return sorted({round(step * (size - 1) / (most - 1)) for step in range(most)})


def damages(path: Path, *, twin: Path, most: int) -> Iterator[tuple[str, int]]:
    """The file damaged in every way, one after the other: the way's name and the place."""
    with as_before(path) as content:
        size = len(content)
    for name, act in AT.items():
        for at in offsets(size, most):
            with as_before(path):
                act(path, at)
                if path.read_bytes() != content:
                    yield name, at
    for name, change in WHOLE.items():
        if name == "swap" and (not twin.is_file() or twin.read_bytes() == content):
            continue
        with as_before(path):
            change(path, twin)
            yield name, 0

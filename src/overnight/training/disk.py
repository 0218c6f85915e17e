"""Writes that stay, and what is done when the disk refuses them.

In: paths, and acts that write. Out: files and folders that a power cut cannot take back, and one
typed exception where the disk refused. Never: decides what is written, or deletes anything but the
ballast. The one place that knows how each system flushes a folder.
"""

import errno
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from overnight.values.errors import OvernightError

T = TypeVar("T")

BALLAST = ".ballast"
BALLAST_BYTES = 8 * 2**20
"""Enough for a journal's last lines, a status and the final save of a small adapter (DESIGN 5)."""

_NO_EXCHANGE = frozenset((errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EXDEV))
"""What renameat2 says where a file system cannot let two names change places."""
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
_RUST_ERRNO = re.compile(r"\(os error (\d+)\)")


class DiskTrouble(OvernightError):
    """The disk refused a write; everything that was whole before is whole still."""


class DiskFull(DiskTrouble):
    """There is no room, or the quota is used up."""


def fsync_file(path: Path) -> None:
    """Flush a file's content to the disk."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def fsync_folder(path: Path) -> None:
    """Flush a folder's names to the disk: what was created in it or renamed stays so."""
    if sys.platform == "win32":  # folders cannot be opened there; NTFS journals its names itself
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_text(path: Path, text: str, *, fsync: bool = False) -> None:
    """Put `text` in the place of `path` as a whole: a reader sees the old file or the new one.

    Raises:
        OSError: the disk refused; the old file is untouched.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        if fsync:
            fsync_file(beside)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    if fsync:
        fsync_folder(path.parent)


def exchange(one: Path, other: Path) -> bool:
    """Let two names change places at one blow; False where the system cannot.

    Raises:
        OSError: it can, and the disk refused.
    """
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # glibc 2.28 or newer
    here, swap = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of linux/fcntl.h and linux/fs.h
    if call is None or call(here, os.fsencode(one), here, os.fsencode(other), swap) == 0:
        return call is not None
    number = ctypes.get_errno()
    if number in _NO_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number), str(one))


def set_ballast(run_folder: Path) -> None:
    """Set 8 MiB of the disk aside, to be released when it is full; does nothing where they are.

    Raises:
        DiskTrouble: not even that much can be written.
    """
    path = run_folder / BALLAST
    if path.is_file() and path.stat().st_size == BALLAST_BYTES:
        return
    try:
        path.write_bytes(
            os.urandom(BALLAST_BYTES)
        )  # a compressing disk would hold zeros in nothing
        fsync_file(path)
    except OSError as error:
        release_ballast(run_folder)
        raise _refusal(error, what=str(path)) from error


def release_ballast(run_folder: Path) -> bool:
    """Give the ballast back to a full disk; False where it was given back before."""
    try:
        (run_folder / BALLAST).unlink()
    except OSError:
        return False
    return True


def with_ballast(run_folder: Path, act: Callable[[], T], *, what: str) -> T:
    """What `act` returns; where the disk is full the ballast goes and `act` is done once more.

    Raises:
        DiskTrouble: the disk refused for good; `what` is named in the sentence.
    """
    try:
        try:
            return act()
        except OSError as error:
            if error.errno not in _FULL or not release_ballast(run_folder):
                raise
        return act()
    except OSError as error:
        raise _refusal(error, what=what) from error


def trouble(error: BaseException, *, what: str) -> DiskTrouble | None:
    """The disk's refusal behind an error of any library; None where it is another fault.

    torch says "unexpected pos" and keeps the OSError as context; safetensors has only its number.
    """
    for one in _chain(error):
        rust = _RUST_ERRNO.search(str(one))
        if isinstance(one, OSError) and one.errno is not None:  # without one it is a network's
            return _refusal(one, what=what)
        if rust:
            return _refusal(OSError(int(rust[1]), os.strerror(int(rust[1]))), what=what)
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and, for torch's RuntimeErrors, what they were raised on."""
    while error is not None:
        yield error
        inner = error.__cause__ or error.__context__
        error = inner if isinstance(error, RuntimeError) else None


def _refusal(error: OSError, *, what: str) -> DiskTrouble:
    if error.errno in _FULL:
        return DiskFull(f"{what} could not be written: the disk is full; free some space there")
    reason = error.strerror or str(error)
    return DiskTrouble(f"{what} could not be written: {reason}; the disk needs a look")

"""set-aside/: where what stands in the way is moved, so that nothing in place is written into.

In: a path in a run folder. Out: where it lies now, or what was given up for room. Never: deletes
what carries no COMPLETE: another tool's checkpoint, a file that somebody has put there.
"""

import os
import re
import secrets
import shutil
from pathlib import Path

from overnight.training.disk import fsync_folder
from overnight.training.manifest import COMPLETE

SET_ASIDE = "set-aside"
TRASH = ".trash-"
KEPT = 3
"""Of checkpoints and models set aside the newest so many stay: a night rewinds three times at most
(DESIGN 10), and what is older than that nobody has asked for since."""
_NUMBER = re.compile(r".+-([0-9]+)")


def set_aside(path: Path) -> Path:
    """Move something to `set-aside/NAME-K`, K one above all that are there; where it is now."""
    target = place_for(path)
    os.rename(path, target)
    fsync_folder(target.parent)
    return target


def place_for(path: Path) -> Path:
    """The next free place on the shelf for something of this name."""
    shelf = path.parent / SET_ASIDE
    shelf.mkdir(exist_ok=True)
    number = 1 + max(map(_number, shelf.iterdir()), default=0)
    return shelf / f"{path.name}-{number}"


def _number(path: Path) -> int:
    """The order in which things were set aside; no clock is asked."""
    found = _NUMBER.fullmatch(path.name)
    return int(found[1]) if found else 0


def give_up(run_folder: Path, *, keep: int = KEPT) -> tuple[str, ...]:
    """Delete the oldest beyond `keep`; their names, as seen from the run folder.

    Raises:
        OSError: the disk refused.
    """
    ours = sorted(_ours(run_folder / SET_ASIDE), key=_number)
    doomed = ours[: max(len(ours) - keep, 0)]
    for path in doomed:
        throw_away(path, run_folder)
    return tuple(f"{SET_ASIDE}/{path.name}" for path in doomed)


def give_up_oldest(run_folder: Path) -> str:
    """Delete the oldest of all; its name, or nothing where there is nothing to give up.

    Raises:
        OSError: the disk refused.
    """
    gone = give_up(run_folder, keep=max(len(_ours(run_folder / SET_ASIDE)) - 1, 0))
    return "".join(gone)


def _ours(shelf: Path) -> list[Path]:
    if not shelf.is_dir():
        return []
    return [path for path in shelf.iterdir() if (path / COMPLETE).is_file()]


def throw_away(path: Path, run_folder: Path) -> None:
    """Rename, flush, delete: a kill leaves a whole folder or rubbish, never half of one."""
    trash = run_folder / f"{TRASH}{path.name}-{secrets.token_hex(4)}"
    os.rename(path, trash)
    fsync_folder(path.parent)
    shutil.rmtree(trash, ignore_errors=True)

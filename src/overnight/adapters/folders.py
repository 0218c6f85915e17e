"""The Trainer's checkpoint folders: brought to the disk, thinned out, dated in their order.

In: an output folder and steps. Out: nothing but what is on the disk. Never: a checkpoint's content;
a folder that is deleted which the clock did not ask for.
"""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

KEEP = 2
"""Checkpoints that the clock asked for and that stay: the newest may have been cut off by a kill
(46 of 62 kill points of a stock save left one that cannot be resumed from)."""
APART = 2.0
"""Seconds between two dates: under one the Trainer takes them for a file system without dates."""


def path(folder: str | Path, step: int) -> Path:
    """Where the Trainer writes the checkpoint of a step."""
    return Path(folder) / f"checkpoint-{step}"


def flush(checkpoint: Path) -> None:
    """Has the disk keep every file of a checkpoint: the Trainer itself never asks it to."""
    for one in (*sorted(checkpoint.rglob("*")), checkpoint, checkpoint.parent):
        if one.is_symlink() or not (one.is_file() or one.is_dir()):
            continue
        if one.is_dir() and os.name == "nt":
            continue  # Windows opens no folders
        opened = os.open(one, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def thin(folder: str | Path, steps: Sequence[int], *, best: str | None) -> tuple[int, ...]:
    """Deletes all but the newest of the checkpoints of these steps; those that stay.

    The best one so far (`best`, the Trainer's name for it) stays as long as it is the best.
    """
    held = Path(best).name if best else ""
    over = [step for step in sorted(steps)[:-KEEP] if path(folder, step).name != held]
    for step in over:
        shutil.rmtree(path(folder, step), ignore_errors=True)
    return tuple(step for step in sorted(steps) if step not in over)


def set_aside(folder: str | Path) -> list[str]:
    """Renames checkpoints that were never finished to `unfinished-...`; their names.

    The Trainer writes `trainer_state.json` last. Without it `resume_from_checkpoint=True` takes the
    folder for the newest checkpoint all the same, and fails.
    """
    found = [one for one in sorted(Path(folder).glob("checkpoint-*"), key=_number)
             if one.is_dir() and _number(one) >= 0 and not _finished(one)]  # fmt: skip
    for one in found:
        there = one.with_name(f"unfinished-{one.name}")
        shutil.rmtree(there, ignore_errors=True)
        one.rename(there)
    return [one.name for one in found]


def _finished(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True


def date_in_order(folder: str | Path, *, now: float) -> list[str]:
    """Dates checkpoints back that bear a date to come; names of them.

    The Trainer deletes by date: where a clock was set back, older checkpoints look newer than any
    that is written now, and each new one is deleted at its birth.
    """
    found = sorted(Path(folder).glob("checkpoint-*"), key=_number)
    ahead = [one.name for one in found if one.is_dir() and one.stat().st_mtime > now]
    if ahead:
        for back, one in enumerate(reversed(found), start=1):
            os.utime(one, (now - back * APART, now - back * APART))
    return ahead


def _number(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1

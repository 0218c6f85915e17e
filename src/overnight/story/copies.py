"""Copies of a run kept elsewhere while it goes on: a mounted drive, a network folder.

In: a run folder, a folder elsewhere. Out: the run folder's files there, checkpoints only whole ones
and proved again where they came to lie; and back into an empty place. Never: the run touched, what
is there replaced before the new is whole, an error that the night would notice.
"""

import filecmp
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from overnight.training.manifest import folders, problem

EVERY = 20.0
"""Seconds between two looks."""
STAGED = ".part"
LEFT = ("set-aside",)
"""What nothing goes on from; neither do hidden files."""
Say = Callable[[str], object]


def restore(run: Path, elsewhere: Path) -> str:
    """Puts a run back where there is none (a disk that a disconnect has emptied); the name of its
    newest checkpoint, "" where there is nothing to put back or the run is there."""
    whole = _whole(elsewhere)
    if not whole or (run / "events.jsonl").exists():
        return ""
    run.mkdir(parents=True, exist_ok=True)
    for path in whole:
        shutil.copytree(path, run / path.name, dirs_exist_ok=True)
    for path in _others(elsewhere):
        _put(path, run / path.name)
    return whole[-1].name


def keep(run: Path, elsewhere: Path) -> list[str]:
    """Copies what is new; the names of the checkpoints that are there now and were not before.

    Raises:
        OSError: the other folder cannot be written, or is full.
    """
    elsewhere.mkdir(parents=True, exist_ok=True)
    here = [path for path in folders(run) if _there(path)]  # proved where it comes to lie
    came = [path.name for path in here if not _there(elsewhere / path.name)
            and _copied(path, elsewhere / path.name)]  # fmt: skip
    # The journal last: what it speaks of is there by then, or is passed over as if never written.
    for path in _others(run):
        with suppress(FileNotFoundError):  # the night has replaced it meanwhile
            _put(path, elsewhere / path.name)
    kept = {path.name for path in here}
    if any(_there(elsewhere / name) for name in kept):
        for path in folders(elsewhere):
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)
    return came


@contextmanager
def copies(run: str | Path, elsewhere: str | Path, *, every: float = EVERY,
           say: Say = print) -> Iterator[None]:  # fmt: skip
    """Restores the run first if it is not there, keeps copies meanwhile, and all of it at the end.

    A folder that cannot be written is told once; the night goes on without it.
    """
    here, there, over = Path(run), Path(elsewhere), Event()
    found = restore(here, there)
    if found:
        say(f"Restored {found} and what belongs to it from {there}")
    told = set[str]()
    thread = Thread(target=_follow, args=(here, there, every, over, say, told), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        _try(here, there, say, told)


def _follow(run: Path, elsewhere: Path, every: float, over: Event, say: Say,
            told: set[str]) -> None:  # fmt: skip
    while not over.wait(every):
        _try(run, elsewhere, say, told)


def _try(run: Path, elsewhere: Path, say: Say, told: set[str]) -> None:
    if not run.is_dir():
        return
    try:
        came = keep(run, elsewhere)
    except OSError as error:
        why = f"no copy in {elsewhere}: {error.strerror or error}"
        if why not in told:
            say(why)
        told.add(why)
        return
    if came:
        say(f"Copied {', '.join(came)} to {elsewhere}")


def _whole(folder: Path) -> list[Path]:
    """Its checkpoints that are what their manifests say, the oldest first."""
    if not folder.is_dir():
        return []
    return [path for path in folders(folder) if problem(path) is None]


def _there(path: Path) -> bool:
    return path.is_dir() and problem(path, content=False) is None


def _copied(path: Path, target: Path) -> bool:
    """Stages a checkpoint beside its place, proves it there, puts it in; False where the night has
    pruned it meanwhile."""
    staged = target.with_name(target.name + STAGED)
    for old in (staged, target):
        shutil.rmtree(old, ignore_errors=True)
    try:
        shutil.copytree(path, staged)
        staged.rename(target)
    except (FileNotFoundError, shutil.Error):
        shutil.rmtree(staged, ignore_errors=True)
        return False
    if problem(target) is None:
        return True
    shutil.rmtree(target, ignore_errors=True)
    return False


def _others(folder: Path) -> list[Path]:
    """What a run needs beside its checkpoints, the journal last."""
    left = {path.name for path in folders(folder)} | {*LEFT}
    found = [path for path in folder.iterdir()
             if path.name not in left and not path.name.startswith(".")
             and not path.name.endswith(STAGED)]  # fmt: skip
    return sorted(found, key=lambda path: (path.name == "events.jsonl", path.name))


def _put(path: Path, target: Path) -> None:
    """A file or a folder in its place at once; nothing where it is the same."""
    staged = target.with_name(target.name + STAGED)
    if path.is_dir():
        if target.is_dir() and not _differs(filecmp.dircmp(path, target)):
            return
        shutil.rmtree(staged, ignore_errors=True)
        shutil.copytree(path, staged)
        shutil.rmtree(target, ignore_errors=True)
    elif target.is_file() and filecmp.cmp(path, target):
        return
    else:
        shutil.copy2(path, staged)
    staged.replace(target)


def _differs(found: "filecmp.dircmp[str]") -> bool:
    return bool(found.left_only or found.right_only or found.diff_files or found.funny_files
                or any(_differs(one) for one in found.subdirs.values()))  # fmt: skip

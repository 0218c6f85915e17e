"""One night at a time in a folder.

In: a run folder, which need not be there. Out: while the block runs, no other night in it.
Never: a file or folder of ours left where no night came of it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from overnight.training import journal
from overnight.values.errors import InputError


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the lock of `folder`, a file beside it.

    Raises:
        InputError: another night is there, or nothing can be written.
    """
    whole = folder.resolve()
    lock = whole.parent / f".{whole.name}.lock"
    made = [place for place in lock.parents if not place.exists()]
    held = FileLock(lock, timeout=0)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        held.acquire()
    except OSError as error:
        _take_away(made)
        raise InputError(_shut(folder, lock, error)) from error
    try:
        yield
    finally:
        if not (whole / journal.EVENTS).is_file():
            with suppress(OSError):
                lock.unlink()  # before it is given free: whoever waits finds it gone
        held.release()
        _take_away(made)


def _take_away(folders: Sequence[Path]) -> None:
    """The innermost first, and only those that hold nothing."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _shut(folder: Path, lock: Path, error: OSError) -> str:
    """Why no night can begin in `folder`."""
    if isinstance(error, Timeout) and lock.exists():
        return f"another night is running in {folder}; wait for it, or name this one with --name"
    why = error.strerror or "the place takes no files"
    return f"nothing can be written to {lock.parent} ({why}); choose another --output-dir"

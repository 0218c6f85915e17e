"""Small JSON files that tell when they are damaged: plan.json, probe.json and others.

In: a path and a value. Out: the file, replaced as a whole; its content again, or one line that
says what is wrong with it. Never: takes for whole what is not exactly what was written.
"""

from functools import partial
from pathlib import Path
from typing import Any

from overnight.codec import sealed, unsealed
from overnight.training.disk import replace_text, trouble, with_ballast
from overnight.training.shelf import set_aside
from overnight.values.errors import InputError


def copy_of(path: Path) -> Path:
    """Where the second copy of a file lies that a night cannot do without."""
    return path.with_name(f".{path.name}.copy")


def write(path: Path, value: object, *, twice: bool = False) -> None:
    """Put a value into the place of `path` as a whole and flush it; `twice`: a copy beside it too.

    Raises:
        DiskTrouble: the disk refused; what is there is whole, old or new.
    """
    text = sealed(value)
    for place in (path, copy_of(path)) if twice else (path,):
        replace = partial(replace_text, place, text, fsync=True)
        with_ballast(path.parent, replace, what=str(place))


def read(path: Path) -> dict[str, Any]:
    """What was written there, from its copy where the file itself is damaged.

    Raises:
        InputError: neither of them is what was written.
    """
    for place in (path, copy_of(path)):
        try:
            return _whole(place)
        except ValueError:
            continue
    raise InputError(f"{path} is gone or damaged ({_wrong(path)}), so the night cannot go on; "
                     "--fresh starts over")  # fmt: skip


def mend(path: Path) -> str:
    """Put the copy into the place of a damaged file; one sentence, or nothing where all is well.

    A copy that a kill left behind is made like the file again.

    Raises:
        DiskTrouble: the disk refused.
    """
    copy, wrong = copy_of(path), _wrong(path)
    try:
        if not wrong:
            if copy.exists() and copy.read_bytes() != path.read_bytes():
                replace_text(copy, sealed(_whole(path)), fsync=True)
            return ""
        if _wrong(copy):
            return ""  # nothing to mend it with: `read` says so
        text = sealed(_whole(copy))
        kept = f"; the damaged one lies in {set_aside(path).parent.name}/" if path.exists() else ""
        replace_text(path, text, fsync=True)
    except OSError as error:
        raise trouble(error, what=str(path)) or error from error
    return f"{path.name} was {wrong}: its copy was put in its place{kept}"


def _wrong(path: Path) -> str:
    try:
        _whole(path)
    except ValueError as error:
        return str(error)
    return ""


def _whole(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes().decode("utf-8")
        return unsealed(raw)
    except FileNotFoundError:
        raise ValueError("gone") from None
    except OSError as error:
        raise ValueError(f"not readable ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ValueError("not what was written") from error

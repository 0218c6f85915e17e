"""Where settings come from: flags, `--set`, environment, configuration file, `.env`.

In: the command line's words, the environment, files. Out: each value with its name as written and
the place it came from. Never: what a name means (settings.py), which of two places wins.
"""

import json
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from overnight.cli.aliases import DOTENV, GUIDE_KEYS, SECTIONS
from overnight.cli.yaml12 import read_yaml
from overnight.planning import configurations
from overnight.values.errors import InputError

PREFIX = "overnight_"
NO_SETTINGS = frozenset(("overnight_history",))
"""Variables of ours that say nothing about a night: where history is kept (training/history.py)."""


MOST_BYTES = 2**20
"""Of a configuration file: the longest of other tools' examples has 20 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One value as somebody wrote it."""

    name: str
    """Lower case, underscores; with its headings: `train.max_time`."""
    value: Any
    where: str
    """For messages: `--set`, `OVERNIGHT_SEED`, `run.yaml`, `.env:3`."""
    spelled: str
    """The name exactly as written."""


def _given(spelled: str, value: Any, *, where: str) -> Given:
    name = spelled.strip().lower().replace("-", "_")
    return Given(name=name, value=value, where=where, spelled=spelled.strip())


def from_sets(pairs: Iterable[str]) -> list[Given]:
    """The `key=value` pairs of `--set`.

    Raises:
        InputError: a pair without `=`, or without anything on one side of it.
    """
    found = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise InputError(f"--set {pair}: write key=value, for example "
                             "--set weight_decay=0.01 (auto leaves a key open)")  # fmt: skip
        found.append(_given(name, value.strip(), where="--set"))
    return found


def from_environment(environ: Mapping[str, str]) -> list[Given]:
    """Every `OVERNIGHT_*` variable that is not empty."""
    ours = (name for name in environ if name.lower().startswith(PREFIX))
    names = sorted(name for name in ours if name.lower() not in NO_SETTINGS)
    return [_given(name[len(PREFIX) :], environ[name], where=name)
            for name in names if environ[name].strip()]  # fmt: skip


def from_config(name: str, *, settings: frozenset[str]) -> tuple[list[Given], list[str]]:
    """What a named configuration gives, else a file; and what must be said of either.

    Raises:
        InputError: there is neither, or the file cannot be used.
    """
    found = configurations.find(name)
    if found is not None:
        given = [_given(key, value, where=name) for key, value in found.settings.items()]
        silent = [f"{name}: the guide says nothing of {key}; taken is {what}"
                  for key, what in found.lacks.items()]  # fmt: skip
        return given, [f"{name}: {found.source}", *found.notes, *silent]
    path = Path(name)
    if not path.suffix and not path.exists():
        raise InputError(f"{name}: no such file, and no named configuration"
                         f"{configurations.near(name)}")  # fmt: skip
    return from_file(path, settings=settings)


def from_file(path: Path, *, settings: frozenset[str]) -> tuple[list[Given], list[str]]:
    """What a configuration file gives, and a line for each near miss of a `.env`.

    Raises:
        InputError: missing, unreadable, empty, or of no form that we read.
    """
    if path.name == ".env" or path.name.startswith(".env.") or path.suffix == ".env":
        return from_dotenv(_text(path), where=path.name, settings=settings)
    data = _parsed(path)
    if not isinstance(data, dict) or not data:
        raise InputError(f"{path}: expected keys and values such as learning_rate: 2e-4, "
                         f"found {'nothing' if not data else type(data).__name__}")  # fmt: skip
    return list(_flat(data, headings=(), where=path.name)), []


def _text(path: Path) -> str:
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
            raise InputError(f"{path}: no plain file; save what it gives as a file")
        if found.st_size > MOST_BYTES:
            raise InputError(f"{path}: larger than any configuration; give the right file")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _parsed(path: Path) -> Any:
    kind, text = path.suffix.lower(), _text(path)
    try:
        if kind in (".yaml", ".yml"):
            return read_yaml(text, where=str(path))
        if kind == ".toml":
            return tomllib.loads(text)
        if kind == ".json":
            return json.loads(text, object_pairs_hook=_once)
    except ValueError as error:
        raise InputError(f"{path}: not {kind[1:].upper()}: {error}") from error
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply; settings are keys and values") from error
    raise InputError(f"{path}: a configuration ends in .yaml, .toml, .json or .env")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} is written twice")
        found[name] = value
    return found


def _flat(data: Mapping[Any, Any], *, headings: tuple[str, ...], where: str) -> Iterator[Given]:
    """Every key with its headings before it; what nobody filled in is left out."""
    for key, value in data.items():
        spelled = ".".join((*headings, str(key)))
        name = str(key).lower().replace("-", "_")
        if isinstance(value, dict) and name in SECTIONS:
            yield from _flat(value, headings=(*headings, str(key)), where=where)
        elif value is not None:
            # TOML has instants of its own; we read them as they were written.
            timed = isinstance(value, date | datetime | time)
            yield _given(spelled, value.isoformat(" ") if isinstance(value, datetime)
                         else str(value) if timed else value, where=where)  # fmt: skip


_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*?)\s*")
_QUOTED = re.compile(r"""(["'])(.*?)\1\s*(?:#.*)?""")


def from_dotenv(
    text: str, *, where: str, settings: frozenset[str]
) -> tuple[list[Given], list[str]]:
    """What a `.env` gives us, and a line for each name that is nearly one of ours.

    Other programs keep their own words there, secrets among them: those are passed over.
    """
    found, near = [], []
    ours = settings | DOTENV
    for number, line in enumerate(text.splitlines(), start=1):
        match = _LINE.fullmatch(line)
        value = _dotenv_value(match[2]) if match else ""
        if not match or not value:
            continue
        name, place = match[1].lower().removeprefix(PREFIX), f"{where}:{number}"
        if match[1].lower().startswith(PREFIX) or name in ours or name in GUIDE_KEYS:
            found.append(Given(name=name, value=value, where=place, spelled=match[1]))
        elif close := _near(name, ours=ours):
            near.append(f"{place}: {match[1]} is not a key of ours and is left alone; "
                        f"{close.upper()} would be one")  # fmt: skip
    return found, near


def _dotenv_value(text: str) -> str:
    """Without its quotes, or without the comment behind it."""
    quoted = _QUOTED.fullmatch(text)
    return quoted[2] if quoted else re.split(r"\s#|^#", text)[0].strip()


def _near(name: str, *, ours: frozenset[str]) -> str:
    """A slip of one or two letters in a name of ours; "" where it is somebody else's word."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, ours, n=1, cutoff=0.9)), "")

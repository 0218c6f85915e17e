"""What COMPLETE says of a checkpoint, and whether its folder is what it says.

In: a folder. Out: its manifest, or one short sentence that names the file at fault. Never: writes,
loads what it checks, or follows a link or a name that leads out of the folder.
"""

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xxhash

from overnight.codec import from_json, to_json

COMPLETE = "COMPLETE"
_SEAL = "seal"
_NAME = re.compile(r"checkpoint-([0-9]+)")
_FOREIGN = (
    "trainer_state.json",
    "config.json",
    "adapter_config.json",
    "pytorch_model.bin",
    "model.safetensors",
    "adapter_model.safetensors",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a file must be to be the one that was written."""

    size: int
    hash: str
    """xxh3_128 in hexadecimal digits: against accidents, not against forgers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What COMPLETE says."""

    run: str
    step: int
    parent: str
    t: float
    files: dict[str, Mark]
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(mark.size for mark in self.files.values())


def hash_of(path: Path) -> str:
    """The xxh3_128 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()


def sealed(manifest: Manifest) -> bytes:
    """What COMPLETE holds: readable JSON with the hash of all its other words."""
    content: dict[str, Any] = to_json(manifest)
    return _with_seal(content)


def _with_seal(content: dict[str, Any]) -> bytes:
    seal = xxhash.xxh3_128(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return (json.dumps(content | {_SEAL: seal}, sort_keys=True, indent=1) + "\n").encode()


def folders(run_folder: Path) -> list[Path]:
    """Whatever is named checkpoint-N in the run folder, by number."""
    found = [path for path in run_folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: step_of(path.name))


def step_of(name: str) -> int:
    """The number in checkpoint-N; -1 for another name."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else -1


def read_manifest(path: Path) -> Manifest:
    """What the COMPLETE of the folder `path` says.

    Raises:
        ValueError: it is not what was written, or cannot be read; the sentence says how.
    """
    try:
        if not stat.S_ISREG(os.lstat(path / COMPLETE).st_mode):
            raise ValueError(f"{COMPLETE}: not a plain file")
        raw = (path / COMPLETE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f"{COMPLETE}: missing") from None
    except OSError as error:
        raise ValueError(f"{COMPLETE}: {error.strerror}") from error
    try:
        content = json.loads(raw)
        content.pop(_SEAL)
        if raw == _with_seal(content):
            return from_json(content, Manifest)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        pass
    raise ValueError(f"{COMPLETE}: not what was written")


def problem(path: Path, *, run: str | None = None, content: bool = True) -> str | None:
    """What is wrong with the checkpoint `path`, or with its being one of the night `run`.

    None where every file is there with its size and hash, and nothing else but hidden files:
    nothing reads those, and a look into the folder leaves some (.DS_Store, .ipynb_checkpoints).
    Without `content` no hash is compared.
    """
    if path.is_symlink() or not path.is_dir():
        return "not a folder"
    try:
        manifest = read_manifest(path)
        present = {name for name in os.listdir(path) if name[0] != "."} - {COMPLETE}
    except ValueError as error:
        return str(error)
    except OSError as error:
        return f"the folder: {error.strerror}"
    if run is not None and manifest.run != run:
        return f"{COMPLETE}: of another night"
    if step_of(path.name) not in (-1, manifest.step):
        return f"{COMPLETE}: of step {manifest.step}"
    extra = sorted(present - set(manifest.files))
    strange = f"{extra[0]}: not in {COMPLETE}" if extra else None
    return strange or changed(path, manifest, content=content)


def changed(path: Path, manifest: Manifest, *, content: bool = True) -> str | None:
    """Which of its files is not as the manifest says: all names and sizes first, then hashes."""
    files = manifest.files
    for check in (_wrong_shape, _wrong_content) if content else (_wrong_shape,):
        for name, mark in sorted(files.items()):
            wrong = check(path / name, mark) if plain(name) else "a name that leaves the folder"
            if wrong:
                return f"{name}: {wrong}"
    return None


def plain(name: str) -> bool:
    """Whether a name is one of a file in the folder itself."""
    return name not in ("", ".", "..") and not set(name) & set("/\\\0")


def _wrong_shape(path: Path, mark: Mark) -> str | None:
    try:
        found = os.lstat(path)
    except OSError:
        return "missing"
    if not stat.S_ISREG(found.st_mode):
        return "not a plain file"
    return None if found.st_size == mark.size else f"{found.st_size} bytes, not {mark.size}"


def _wrong_content(path: Path, mark: Mark) -> str | None:
    try:
        return None if hash_of(path) == mark.hash else "hash differs"
    except OSError as error:
        return error.strerror or "cannot be read"


def foreign(path: Path) -> bool:
    """Whether the folder looks like another tool's checkpoint: known names, but no COMPLETE."""
    if (path / COMPLETE).exists():
        return False
    return any((path / name).is_file() for name in _FOREIGN)

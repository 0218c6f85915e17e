"""The weight files of a model folder: which there are, and whether they are whole.

In: a folder. Out: its safetensors files and their sizes, from the headers. Never: a tensor read, a
pickle opened.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import xxhash

from overnight.values.errors import ModelError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
CONVERT = (
    'python -c "from transformers import AutoModelForCausalLM as M; '
    "M.from_pretrained('{folder}').save_pretrained('{folder}')\""
)
ENDS_BYTES = 2**20
PAGE = 4096
MAX_HEADER = 100_000_000
"""The safetensors format allows no longer header."""
DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
          "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "I8": "int8", "U8": "uint8",
          "I32": "int32"}  # fmt: skip
"""The format's words for what torch names otherwise."""


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold the model's weights, every shard of them.

    Raises:
        ModelError: weights are missing, or there are pickles only.
    """
    if (folder / INDEX).is_file():
        return _shards(folder)
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    pickled = sorted(path.name for name in PICKLES for path in folder.glob(name))
    if pickled:
        raise ModelError(
            f"{folder} holds its weights only as pickles ({pickled[0]}), which can run code when "
            f"read; if you trust them, convert them once: {CONVERT.format(folder=folder)}"
        )
    raise ModelError(f"{folder} has no weights; {SINGLE} is missing")


def fingerprint(folder: Path) -> str:
    """A name for these weights: hash of every header, of 1 MiB at both ends of a file, and of a
    page in the middle of every tensor.

    The rest is not read, so that even a large model costs nothing: another training changes every
    page of the tensors that it trains, be it a few of them (an adapter that was merged).
    """
    found = xxhash.xxh3_128()
    for file in weight_files(folder):
        found.update(str(file.stat().st_size).encode())
        begins, header = _header(file)
        with file.open("rb") as stream:
            found.update(stream.read(begins + ENDS_BYTES))
            for entry in header.values():
                stream.seek(begins + sum(entry["data_offsets"]) // 2)
                found.update(stream.read(PAGE))
            stream.seek(-min(ENDS_BYTES, file.stat().st_size), os.SEEK_END)
            found.update(stream.read())
    return found.hexdigest()


def stored_bytes(file: Path) -> int:
    """Bytes of the tensors that a safetensors file holds.

    Raises:
        ModelError: the file is no safetensors file, or is cut short.
    """
    size = file.stat().st_size
    begins, header = _header(file)
    ends = [entry["data_offsets"][1] for entry in header.values()]
    whole = begins + max(ends, default=0)
    if size < whole:
        raise ModelError(f"{file} is cut short: {size:,} of {whole:,} bytes; download it again")
    return int(max(ends, default=0))


def stored_dtype(files: Iterable[Path]) -> str:
    """The type in which most bytes of these safetensors files are stored, as torch names it.

    Raises:
        ModelError: one is no safetensors file.
    """
    counted: Counter[str] = Counter()
    for file in files:
        for entry in _header(file)[1].values():
            begin, end = entry["data_offsets"]
            counted[entry["dtype"]] += end - begin
    most = max(counted, key=counted.__getitem__, default="")
    return DTYPES.get(most, most.lower())


def _header(file: Path) -> tuple[int, dict[str, Any]]:
    """(where the tensors begin, name -> type and place of each)."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = _parsed(stream.read(length)) if 2 <= length <= min(size, MAX_HEADER) else None
    if header is None:
        raise ModelError(f"{file} is no safetensors file ({size} bytes); download it again")
    return 8 + length, {name: entry for name, entry in header.items() if name != "__metadata__"}


def _shards(folder: Path) -> list[Path]:
    """The files that the index names."""
    index = _parsed((folder / INDEX).read_bytes())
    places = (index or {}).get("weight_map")
    named = sorted(set(map(str, places.values()))) if isinstance(places, dict) else []
    if not named:
        raise ModelError(f"{folder / INDEX} names no weights; download it again")
    outside = next((name for name in named if os.path.basename(name) != name), None)
    if outside is not None:
        raise ModelError(f"{folder / INDEX} names {outside[:80]!r}, which leads out of its folder; "
                         "nothing of it is read")  # fmt: skip
    missing = [name for name in named if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"{folder} lacks {len(missing)} of {len(named)} weight files, first {missing[0]}; "
            "download the model again"
        )
    return [folder / name for name in named]


def _parsed(text: bytes) -> dict[str, Any] | None:
    """The JSON object; None where it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None

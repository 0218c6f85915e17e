"""A checkpoint of another trainer, found and checked before anything is built on it.

In: a folder as transformers' Trainer writes it, or one that holds several. Out: a `Foreign`: its
weight files, its adapter's settings, its step; or one sentence about what it lacks. Never: a pickle
run (`weights_only=True`, no fallback), training_args.bin opened, a name followed out of the folder.
"""

import json
import os
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overnight.training import adapter_settings, manifest
from overnight.training.adapter_settings import Adapter
from overnight.training.checkpoint import load_tensors
from overnight.values.errors import ModelError

if TYPE_CHECKING:
    import torch

MOST_JSON = 64 * 2**20
"""Bytes of a JSON file that is read: a log of 100,000 entries takes a quarter of it."""
STATE = "trainer_state.json"
ADAPTER = "adapter_config.json"
WHOLE = ("model.safetensors", "pytorch_model.bin")
LORA = ("adapter_model.safetensors", "adapter_model.bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A checkpoint whose needed files are there and what they should be."""

    path: Path
    files: tuple[Path, ...]
    """Of its weights, every shard."""
    adapter: Adapter | None
    """None where it holds whole weights."""
    steps: int | None
    """That its trainer had taken; None where it does not say."""
    passed_over: tuple[str, ...] = ()
    """A sentence for each newer one in the same folder that cannot be used."""

    @property
    def name(self) -> str:
        """`checkpoint-1500`."""
        return self.path.name


def find(path: str, *, thorough: bool = True) -> Foreign:
    """The checkpoint in folder `path`, or the newest usable one of those in it, by number.

    `thorough` reads the weights too: all of them must be finite. Without it no torch is loaded.

    Raises:
        ModelError: there is none; the sentence says what is wrong and what to give instead.
    """
    place = Path(path).expanduser().absolute()
    if not os.path.isdir(place):  # unlike the path's own method it takes any name
        raise ModelError(f"--resume-from-checkpoint {path}: there is no such folder; name a folder "
                         "checkpoint-N of a trainer, or the one that it lies in")  # fmt: skip
    try:
        numbered = manifest.folders(place)
    except OSError as error:
        raise ModelError(f"{place} cannot be looked into ({error.strerror})") from error
    if not numbered:
        return _inspected(place, thorough=thorough)
    return _newest(place, numbered, thorough=thorough)


def _newest(place: Path, numbered: list[Path], *, thorough: bool) -> Foreign:
    """Of several: one whose save was not finished is passed over, as is one that is damaged."""
    passed: list[str] = []
    for one in reversed(numbered):
        try:
            if not (one / STATE).is_file():  # a trainer writes it last
                raise ModelError(f"{one} was not finished: it has no {STATE}")
            found = _inspected(one, thorough=thorough)
        except ModelError as error:
            passed.append(f"{one.name} is passed over: {error}")
        else:
            return replace(found, passed_over=tuple(passed))
    raise ModelError(f"{place}: none of its {len(numbered)} checkpoints can be used; {passed[0]}")


def _inspected(place: Path, *, thorough: bool) -> Foreign:
    wrong = manifest.problem(place) if (place / manifest.COMPLETE).exists() else None
    if wrong:
        raise ModelError(f"{place} is damaged ({wrong}); take another checkpoint")
    lora = (place / ADAPTER).exists()
    files = _weights(place, LORA if lora else WHOLE)
    names = sorted(_names(files))
    adapter = (
        adapter_settings.read(_json(place / ADAPTER), names, place / ADAPTER) if lora else None
    )
    if thorough:
        _refuse_not_finite(files)
    return Foreign(path=place, files=files, adapter=adapter, steps=_steps(place))


def _regular(path: Path) -> int:
    """Bytes of a plain file; anything else could hang whoever opens it."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(found.st_mode):
        raise ModelError(f"{path} is no plain file; take another checkpoint")
    return found.st_size


def _json(path: Path) -> dict[str, Any]:
    if _regular(path) > MOST_JSON:
        raise ModelError(f"{path} is larger than any of its kind; take another checkpoint")
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged or cut short; take another checkpoint") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not what a trainer writes there; take another checkpoint")
    return content


def _steps(place: Path) -> int | None:
    if not (place / STATE).exists():
        return None
    found = _json(place / STATE).get("global_step")
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def _weights(place: Path, names: Iterable[str]) -> tuple[Path, ...]:
    """The files that hold the weights: safetensors before pickles, one file before shards."""
    for name in names:
        if (place / name).exists():
            _regular(place / name)
            return (place / name,)
        index = place / f"{name}.index.json"
        if index.exists():
            return _shards(index)
    raise ModelError(f"{place} holds no weights that could be gone on from; a trainer's checkpoint "
                     "has model.safetensors or adapter_model.safetensors in it")  # fmt: skip


def _shards(index: Path) -> tuple[Path, ...]:
    places = _json(index).get("weight_map")
    names = sorted({str(name) for name in places.values()}) if isinstance(places, dict) else []
    if not names:
        raise ModelError(f"{index} names no weights; take another checkpoint")
    for name in names:
        if not manifest.plain(name):
            raise ModelError(f"{index} names {name[:80]!r}, which leads out of its folder; nothing "
                             "of it is read")  # fmt: skip
        _regular(index.parent / name)
    return tuple(index.parent / name for name in names)


def _is_safe(file: Path) -> bool:
    return file.suffix == ".safetensors"


def _names(files: Iterable[Path]) -> Iterator[str]:
    """Names of the tensors in safetensors files, whose headers must fit their sizes."""
    from safetensors import SafetensorError, safe_open

    for file in filter(_is_safe, files):
        try:
            with safe_open(file, framework="numpy") as opened:
                yield from opened.keys()
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{file} is damaged or cut short; take another checkpoint") from error


def shapes(found: Foreign) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of the weights."""
    from safetensors import safe_open

    known: dict[str, tuple[int, ...]] = {}
    for file in found.files:
        if _is_safe(file):
            with safe_open(file, framework="numpy") as opened:
                names = opened.keys()
                known |= {name: tuple(opened.get_slice(name).get_shape()) for name in names}
        else:
            known |= {name: tuple(one.shape) for name, one in _from_pickle(file).items()}
    return known


def tensors(files: Iterable[Path]) -> Iterator[tuple[str, "torch.Tensor"]]:
    """The weights, one after the other, on the CPU.

    Raises:
        ModelError: a `.bin` file is damaged or holds more than tensors.
    """
    from safetensors import safe_open

    for file in files:
        if _is_safe(file):
            with safe_open(file, framework="pt") as opened:
                names = opened.keys()
                yield from ((name, opened.get_tensor(name)) for name in names)
        else:
            yield from _from_pickle(file).items()


def _from_pickle(file: Path) -> dict[str, "torch.Tensor"]:
    import torch

    content = unpickled(file)
    if not isinstance(content, dict):
        raise ModelError(f"{file} holds no weights by name; take another checkpoint")
    return {str(name): one for name, one in content.items() if isinstance(one, torch.Tensor)}


def unpickled(file: Path) -> Any:
    """What a file of torch holds, tensors and plain values only.

    Raises:
        ModelError: it holds more, is damaged, or is packed, as torch never writes it.
    """
    _regular(file)
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                if any(one.compress_type != zipfile.ZIP_STORED for one in packed.infolist()):
                    raise ModelError(f"{file} is compressed, as torch never writes it; it is not "
                                     "read")  # fmt: skip
        return load_tensors(file)
    except ModelError:
        raise
    except Exception as error:  # a file made to harm may raise anything on the way
        raise ModelError(f"{file} is damaged or holds more than tensors and plain values; it is "
                         "not read") from error  # fmt: skip


def _refuse_not_finite(files: Iterable[Path]) -> None:
    """A trainer goes on saving after its weights have become NaN."""
    import torch

    for name, tensor in tensors(filter(_is_safe, files)):
        wide = tensor.float() if tensor.itemsize == 1 else tensor
        if tensor.is_floating_point() and not bool(torch.isfinite(wide).all()):
            raise ModelError(f"its weights are not finite ({name[:120]}); take an earlier one")


def template(found: Foreign) -> str | None:
    """The chat template that lies beside the weights, if one does."""
    alone, config = found.path / "chat_template.jinja", found.path / "tokenizer_config.json"
    try:
        if alone.exists() and _regular(alone) <= MOST_JSON:
            return alone.read_text(encoding="utf-8")
        said = _json(config).get("chat_template") if config.exists() else None
    except (ModelError, OSError, UnicodeDecodeError):
        return None  # nothing is read by it; it would only be compared
    return said if isinstance(said, str) else None

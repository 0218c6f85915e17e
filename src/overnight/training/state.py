"""What a session must remember to go on bit for bit, and what the machine says of memory.

In: a live session and a folder. Out: files under Hugging Face names, random states, peak bytes.
Never: pickles (torch files are read with `weights_only=True`), decisions.
"""

import gc
import json
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overnight.codec import from_json, to_json
from overnight.training.checkpoint import load_tensors, save_tensors
from overnight.values.decisions import Progress
from overnight.values.errors import OvernightError

if TYPE_CHECKING:
    from overnight.training.session import Session

_MEMORY_WORDS = (
    "out of memory",
    "can't allocate memory",
    "bad_alloc",
    "CUBLAS_STATUS_ALLOC_FAILED",
)

RANDOM = "rng_state.pth"
RANDOM_OF = "rng_state_{rank}.pth"


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out; on a CPU it is a plain RuntimeError."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(words in str(error) for words in _MEMORY_WORDS)


@contextmanager
def loading(what: str) -> Iterator[None]:
    """Where memory runs out within it, one line says so.

    Raises:
        OvernightError: it did.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise OvernightError(
            f"memory ran out while {what}: free some, take --method lora or a smaller model"
        ) from error


def free_memory(device: str) -> None:
    """Gives back what the failed step held."""
    import torch

    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
    else:
        give_back()  # else what the C library keeps counts as taken, and no smaller step fits


def give_back() -> None:
    """Returns memory that is free to the system, where the C library keeps it (glibc).

    Tensors of ever other sizes leave holes: without this a night on a CPU grew from 1.2 to 2.7 GiB,
    by a tenth at every change between training and looking; with it not at all.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # musl has none, and needs none
        trim(0)


def peak_bytes(device: str) -> int:
    """Peak bytes of the device, or of this process's resident memory on a CPU."""
    if device == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated())
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def seed_everything(seed: int, rank: int) -> None:
    """Seeds every global random state; another one for each process."""
    import torch

    random.seed(seed + rank)
    np.random.seed(seed + rank)
    torch.manual_seed(seed + rank)


def random_state() -> dict[str, Any]:
    """Every global random state as tensors and plain values."""
    import torch

    numpy_state: Any = np.random.get_state(legacy=True)
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {
        "torch": torch.get_rng_state(),
        "cuda": cuda,
        "python": random.getstate(),
        "numpy": torch.from_numpy(np.asarray(numpy_state[1], dtype=np.int64)),
        "numpy_place": [numpy_state[2], numpy_state[3], numpy_state[4]],
    }


def set_random_state(saved: dict[str, Any]) -> None:
    """Puts every global random state back."""
    import torch

    torch.set_rng_state(saved["torch"])
    for device, cuda in zip(range(torch.cuda.device_count()), saved["cuda"], strict=False):
        torch.cuda.set_rng_state(cuda, device)  # a resumed night may find other devices
    version, internal, gauss = saved["python"]
    random.setstate((version, tuple(internal), gauss))
    keys = saved["numpy"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", keys, *saved["numpy_place"]))


@contextmanager
def undisturbed(model: Any) -> Iterator[None]:
    """Looks at a model in evaluation mode; mode and random states are afterwards as before."""
    was_training, before = model.training, random_state()
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
        set_random_state(before)


def save(session: "Session", folder: Path) -> None:
    """Weights, optimizer, random states and place, each under its Hugging Face name."""
    session.model.save_pretrained(folder, safe_serialization=True)
    (folder / "README.md").unlink(missing_ok=True)  # peft's model-card form, unfilled
    optimizer = {"optimizer": session.optimizer.state_dict(), "scaler": None}
    if session.accelerator.scaler is not None:
        optimizer["scaler"] = session.accelerator.scaler.state_dict()
    save_tensors(folder / "optimizer.pt", optimizer)
    _save_random_states(session, folder)
    progress = session.progress
    trainer_state = {
        "global_step": progress.step,
        "rows_per_step": session.orders[0].rows_per_step,
        "epoch": progress.epochs_done,
        "progress": to_json(progress),
        "candidate": to_json(session.candidate),
    }
    (folder / "trainer_state.json").write_text(json.dumps(trainer_state, indent=2), "utf-8")


def _save_random_states(session: "Session", folder: Path) -> None:
    """Of one process `rng_state.pth`; of several one file each, named as Hugging Face names it."""
    if session.accelerator.num_processes == 1:
        save_tensors(folder / RANDOM, random_state())
        return
    for rank, one in enumerate(session.random_states):
        save_tensors(folder / RANDOM_OF.format(rank=rank), one)


def _renamed(folder: Path) -> dict[str, Any]:
    """Some models (mixtures of experts) are written under other names than they live by."""
    import torch
    from transformers import AutoModelForCausalLM

    written: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return dict(written.state_dict())


def _load_weights(session: "Session", folder: Path) -> None:
    from safetensors.torch import load_file

    files = sorted(folder.glob("*.safetensors"))
    saved = {name: tensor for file in files for name, tensor in load_file(file).items()}
    if session.candidate.method != "full":
        from peft import set_peft_model_state_dict

        result = set_peft_model_state_dict(session.model, saved)
        unexpected = list(result.unexpected_keys)
    else:
        if not set(saved) <= set(session.model.state_dict()):
            saved = _renamed(folder)
        result = session.model.load_state_dict(saved, strict=False)
        tied = set(getattr(session.model, "_tied_weights_keys", None) or ())
        unexpected = [*result.unexpected_keys, *(set(result.missing_keys) - tied)]
    if unexpected:
        raise RuntimeError(f"{folder.name} does not belong to this model: {unexpected[0]}")


def restore(session: "Session", folder: Path) -> Progress:
    """Puts a checkpoint's content back into the live session; returns its place.

    Raises:
        RuntimeError: its weights are not this model's.
    """
    _load_weights(session, folder)
    saved = load_tensors(folder / "optimizer.pt")
    session.optimizer.load_state_dict(saved["optimizer"])
    if session.accelerator.scaler is not None and saved["scaler"] is not None:
        session.accelerator.scaler.load_state_dict(saved["scaler"])
    own = folder / RANDOM_OF.format(rank=session.accelerator.process_index)
    set_random_state(load_tensors(own if own.exists() else folder / RANDOM))
    written = json.loads((folder / "trainer_state.json").read_text("utf-8"))
    return from_json(written["progress"], Progress)

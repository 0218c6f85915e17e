"""A checkpoint -> `final/`: the model to use, tested in a fresh process before it is put in place.

In: a run folder and a checkpoint's name. Out: `final/` with weights, configuration and tokenizer.
Never: trains; a folder in place is moved aside, not written into. No torch until the load test.
"""

import os
import secrets
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from overnight.codec import from_json
from overnight.training import checkpoint, manifest, sealed, shelf
from overnight.training.disk import exchange, fsync_file, fsync_folder
from overnight.training.manifest import Manifest, Mark
from overnight.values.errors import InputError, NothingToPublish

FINAL = "final"
TOKENIZER = "tokenizer"
PROBE = "probe.json"
STAGING = ".staging-final-"
NOT_FOR_USE = ("optimizer.pt", "rng_state.pth", "trainer_state.json", manifest.COMPLETE)
NOT_FOR_USE_EITHER = "rng_state_"
"""How the names begin of the same for each of several processes."""
QUICK_BYTES = 256 * 2**20
"""What is hashed even in the last moment: at 1 GB/s, a slow disk, a quarter of a second."""
TOLERANCE = 0.05
"""Nats by which the loss of the published model may differ from the one in training: another
precision and another process, not another model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A few tokens and the loss that the chosen weights had on them."""

    name: str
    """The checkpoint that it belongs to."""
    tokens: list[int]
    loss: float
    compare: bool = True
    """False where training saw other weights than a user will: a base in 4 bits."""


def write_probe(run_folder: Path, probe: Probe) -> None:
    """Leaves the probe for the load test.

    Raises:
        DiskTrouble: the disk refused.
    """
    sealed.write(run_folder / PROBE, probe)


def stage(run_folder: Path, name: str, *, linked: bool = False) -> Path:
    """Copies what a user needs of a checkpoint, and the tokenizer, into a folder beside.

    `linked` is for the last moment: links in place of copies, and of a large checkpoint no second
    look at every byte.

    Raises:
        NothingToPublish: the checkpoint is not whole.
    """
    if manifest.step_of(name) < 0:
        raise NothingToPublish(f"{name[:80]!r} is no checkpoint's name; nothing is published of it")
    source = run_folder / name
    told = _told(source, linked=linked)
    staging = run_folder / f"{STAGING}{secrets.token_hex(4)}"
    staging.mkdir()
    put = _link if linked else _copy
    marks = {name: mark for name, mark in told.files.items()
             if name not in NOT_FOR_USE and not name.startswith(NOT_FOR_USE_EITHER)}  # fmt: skip
    for wanted in marks:
        put(source / wanted, staging / wanted)
    tokenizer = run_folder / TOKENIZER
    _refuse_links(tokenizer)
    for path in sorted(tokenizer.iterdir()) if tokenizer.is_dir() else ():
        put(path, staging / path.name)
        if path.is_file():
            marks[path.name] = Mark(size=path.stat().st_size, hash=manifest.hash_of(path))
    _seal(staging, replace(told, parent=name, files=marks))
    return staging


def _refuse_links(folder: Path) -> None:
    """What a link leads to is nobody's to publish; a night writes none."""
    found = next((path for path in (folder, *folder.rglob("*")) if path.is_symlink()), None)
    if found is not None:
        raise NothingToPublish(f"{found} is a link; put there what it leads to, or remove it")


def _told(source: Path, *, linked: bool) -> Manifest:
    """What the checkpoint's COMPLETE says, once it has been found to be so."""
    try:
        told = manifest.read_manifest(source)
    except ValueError as error:
        raise NothingToPublish(f"{source} cannot be published: {error}") from error
    wrong = manifest.problem(source, content=not linked or told.size <= QUICK_BYTES)
    if wrong:
        raise NothingToPublish(f"{source} cannot be published: {wrong}")
    return told


def _seal(staging: Path, told: Manifest) -> None:
    """`final/` says what it holds, as a checkpoint does: damage is noticed there too."""
    (staging / manifest.COMPLETE).write_bytes(manifest.sealed(told))
    fsync_file(staging / manifest.COMPLETE)
    fsync_folder(staging)


def _link(source: Path, target: Path) -> None:
    """The same file under a second name; nothing of ours writes into a file that is in place."""
    try:
        target.hardlink_to(source)
    except OSError:  # a folder, a name that is taken, or a file system without links
        target.unlink(missing_ok=True)  # copying over a link would write into the checkpoint
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    """A file, or a folder as a tokenizer has for further chat templates, flushed to the disk."""
    if not source.is_dir():
        shutil.copyfile(source, target)
        fsync_file(target)
        return
    target.mkdir()
    for path in sorted(source.iterdir()):
        _copy(path, target / path.name)
    fsync_folder(target)


def put_in_place(run_folder: Path, staging: Path) -> None:
    """Renames the staged folder to `final/`; what stood there is set aside.

    Where the system can, both change places at one blow: at no moment there is no model.
    """
    final = run_folder / FINAL
    if os.path.lexists(final):
        place = shelf.place_for(final)
        os.rename(staging, place)
        if exchange(place, final):
            fsync_folder(place.parent)
            fsync_folder(run_folder)
            return
        staging = place
    checkpoint.put_in_place(staging, final)


def damage(run_folder: Path) -> str:
    """What of `final/` is not as it was published; nothing where all is. Files may be added."""
    final = run_folder / FINAL
    try:
        return manifest.changed(final, manifest.read_manifest(final)) or ""
    except ValueError as error:
        return str(error)


def check(run_folder: Path) -> None:
    """Refuses a `final/` that is not what was published.

    Raises:
        InputError: names the file, and how to get the model again.
    """
    wrong = damage(run_folder)
    if wrong:
        raise InputError(f"{run_folder / FINAL} is not what was published ({wrong}); move it away "
                         "and give the same command: it is published again")  # fmt: skip


def clear(run_folder: Path) -> None:
    """Removes what an interrupted publication left."""
    for staging in run_folder.glob(f"{STAGING}*"):
        shutil.rmtree(staging, ignore_errors=True)


def load(folder: Path, *, trust_remote_code: bool = False) -> Any:
    """The model of a published folder, adapter or whole, for inference."""
    options = {"trust_remote_code": trust_remote_code}
    if (folder / "adapter_config.json").exists():
        from peft import AutoPeftModelForCausalLM

        return AutoPeftModelForCausalLM.from_pretrained(folder, **options).eval()
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, **options).eval()


def _probe(run_folder: Path) -> Probe | None:
    try:
        return from_json(sealed.read(run_folder / PROBE), Probe)
    except (InputError, ValueError):
        return None


def uncompared(run_folder: Path) -> str:
    """Why a load test could not compare losses, though a probe was left; else nothing."""
    if _probe(run_folder) is not None or not (run_folder / PROBE).exists():
        return ""
    return f"{PROBE} is damaged, so its loss was not compared with the one in training"


def load_test(run_folder: Path, folder: Path, name: str, *, trust_remote_code: bool = False) -> str:
    """What is wrong with a staged checkpoint; nothing when it loads, computes and remembers.

    It is loaded as a user would load it, in this process, and its loss on the probe is compared
    with the one that the chosen weights had in training.
    """
    import torch
    from transformers import AutoTokenizer

    probe = _probe(run_folder)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    if not tokenizer("a test")["input_ids"]:
        return "its tokenizer encodes to nothing"
    model = load(folder, trust_remote_code=trust_remote_code)
    tokens = torch.tensor([probe.tokens if probe else tokenizer("a test")["input_ids"]])
    with torch.no_grad():
        logits = model(tokens).logits.float()
    if not bool(torch.isfinite(logits).all()):
        return "its logits are not finite"
    if probe is None or not probe.compare or probe.name != name or len(probe.tokens) < 2:
        return ""
    loss = torch.nn.functional.cross_entropy(logits[0, :-1], tokens[0, 1:]).item()
    if not abs(loss - probe.loss) <= TOLERANCE * max(1.0, probe.loss):  # a NaN differs too
        return f"its loss on the probe is {loss:.3f}, in training it was {probe.loss:.3f}"
    return ""


def publish(run_folder: Path, name: str, *, trust_remote_code: bool = False) -> int:
    """Stages a checkpoint, tests it and puts it into place; 0 when `final/` is there.

    Whether the model may bring code the user says with the command, no file of the run folder.

    Raises:
        NothingToPublish: the checkpoint is not whole, or the test failed; the sentence says how.
    """
    clear(run_folder)
    staging = stage(run_folder, name)
    wrong = load_test(run_folder, staging, name, trust_remote_code=trust_remote_code)
    if wrong:
        shutil.rmtree(staging, ignore_errors=True)
        raise NothingToPublish(f"{run_folder / name} was not published: {wrong}")
    put_in_place(run_folder, staging)
    return 0

"""A checkpoint -> `final/`: the model to use, tested in a fresh process before it is put in place.

In: a run folder and a checkpoint's name. Out: `final/` with weights, configuration and tokenizer.
Never: trains; a folder in place is moved aside, not written into. No torch until the load test.
"""

import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overnight.codec import from_json, to_json
from overnight.training import checkpoint, manifest
from overnight.training.disk import fsync_file, fsync_folder
from overnight.values.errors import NothingToPublish

FINAL = "final"
TOKENIZER = "tokenizer"
PROBE = "probe.json"
STAGING = ".staging-final-"
NOT_FOR_USE = ("optimizer.pt", "rng_state.pth", "trainer_state.json", manifest.COMPLETE)
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
    trust_remote_code: bool = False


def write_probe(run_folder: Path, probe: Probe) -> None:
    """Leaves the probe for the load test."""
    text = json.dumps(to_json(probe), allow_nan=False)
    (run_folder / PROBE).write_text(text, encoding="utf-8")


def stage(run_folder: Path, name: str, *, linked: bool = False) -> Path:
    """Copies what a user needs of a checkpoint, and the tokenizer, into a folder beside.

    `linked` is for the last moment: links in place of copies, and no second look at every byte.

    Raises:
        NothingToPublish: the checkpoint is not whole.
    """
    source = run_folder / name
    wrong = None if linked and source.is_dir() else manifest.problem(source)
    if wrong:
        raise NothingToPublish(f"{source} cannot be published: {wrong}")
    staging = run_folder / f"{STAGING}{secrets.token_hex(4)}"
    staging.mkdir()
    for folder in (source, run_folder / TOKENIZER):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name not in NOT_FOR_USE:
                (_link if linked else _copy)(path, staging / path.name)
    fsync_folder(staging)
    return staging


def _link(source: Path, target: Path) -> None:
    """The same file under a second name; nothing of ours writes into a file that is in place."""
    try:
        target.hardlink_to(source)
    except OSError:  # a folder, or a file system without links
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
    """Renames the staged folder to `final/`; what stood there is set aside."""
    checkpoint.put_in_place(staging, run_folder / FINAL)


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
        return from_json(json.loads((run_folder / PROBE).read_text(encoding="utf-8")), Probe)
    except (OSError, ValueError):
        return None


def load_test(run_folder: Path, folder: Path, name: str) -> str:
    """What is wrong with a staged checkpoint; nothing when it loads, computes and remembers.

    It is loaded as a user would load it, in this process, and its loss on the probe is compared
    with the one that the chosen weights had in training.
    """
    import torch
    from transformers import AutoTokenizer

    probe = _probe(run_folder)
    trust = probe is not None and probe.trust_remote_code
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust)
    if not tokenizer("a test")["input_ids"]:
        return "its tokenizer encodes to nothing"
    model = load(folder, trust_remote_code=trust)
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


def publish(run_folder: Path, name: str) -> int:
    """Stages a checkpoint, tests it and puts it into place; 0 when `final/` is there.

    Raises:
        NothingToPublish: the checkpoint is not whole, or the test failed; the sentence says how.
    """
    clear(run_folder)
    staging = stage(run_folder, name)
    wrong = load_test(run_folder, staging, name)
    if wrong:
        shutil.rmtree(staging, ignore_errors=True)
        raise NothingToPublish(f"{run_folder / name} was not published: {wrong}")
    put_in_place(run_folder, staging)
    return 0

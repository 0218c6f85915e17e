"""Resumed anywhere a run takes its own path; whatever changed under a night is refused or said.

python bench/same_path.py            runs what is missing, about eight minutes; then the page
python bench/same_path.py --report   writes bench/results/same_path.md
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import nights

sys.path.insert(0, str(nights.ROOT))  # the cases are those of the tests

from tests import small_nights
from tests.small_nights import Small
from tests.training import same_path, small_tokenizer

from overnight.story.begin import VERSIONED
from overnight.values.ledger import Saved

RESUMES = {1: tuple(range(1, len(same_path.MOMENTS))), 2: (1, 3, 5, 7)}
"""Moments after which a run of one and of two processes is resumed."""
STEPS = ("--set", "max_steps=60", "--set", "save_steps=5", "--precision", "fp32",
         "--set", "per_device_train_batch_size=4", "--method", "lora")  # fmt: skip
HEAD = "| " + " | ".join(same_path.FACTORS) + " | resumed | left the path |"


Results = dict[str, Any]
"""By case or mutation: where the path was left; `refused`, `said` or `silent`."""


def alone(case: same_path.Case, bases: Path) -> list[str]:
    """A case of one process, in this one."""
    with tempfile.TemporaryDirectory() as folder:
        return same_path.mismatches(case, bases, Path(folder), RESUMES[1])


def together(cases: list[same_path.Case], bases: Path) -> dict[str, list[str]]:
    """The cases of two processes; either may find something."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cases.json"
        file.write_text(json.dumps({"bases": str(bases), "cases": cases,
                                    "resumes": RESUMES[2]}))  # fmt: skip
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone",
                  "--nproc-per-node=2", "-m", "tests.training.same_path", str(file)]  # fmt: skip
        subprocess.run(launch, cwd=nights.ROOT, check=True)
        said = [json.loads(Path(f"{file}.{rank}").read_text()) for rank in (0, 1)]
    return {name: said[0][name] + said[1][name] for name in said[0]}


def resume(keep: Callable[[str, Any], None], known: Results) -> None:
    """Every case that is missing, each resumed after every moment."""
    missing = [case for case in same_path.covering() if same_path.words(case) not in known]
    with tempfile.TemporaryDirectory() as folder:
        bases = Path(folder)
        same_path.write_bases(bases)
        for case in (case for case in missing if case["processes"] == 1):
            keep(same_path.words(case), alone(case, bases))
        two = [case for case in missing if case["processes"] == 2]
        for name, wrong in together(two, bases).items() if two else ():
            keep(name, wrong)


def matrix(found: Results) -> list[str]:
    """The table of all cases."""
    cases = same_path.covering()
    wrong = sum(len(found[same_path.words(case)]) for case in cases)
    after, resumed = len(same_path.MOMENTS), [RESUMES[case["processes"]] for case in cases]
    runs, hashes = sum(map(len, resumed)), sum(after - one for all_of in resumed for one in all_of)
    rows = [_row(case, found[same_path.words(case)]) for case in cases]
    return [
        "## Resumed anywhere", "",
        f"{len(cases)} cases in which every two of the {len(same_path.FACTORS)} settings' values "
        f"meet, {len(RESUMES[1])} resume points each of one process, {len(RESUMES[2])} of two: "
        f"**{runs} resumed runs, {wrong} that left the path**. After every later moment a hash of "
        f"weights, moments, scaler, random states and place is compared with the undisturbed "
        f"run's: {hashes} hashes (of two processes twice as many). `looks`: the resumed run "
        "evaluates and writes answers at random moments, the undisturbed one never does.", "",
        HEAD, "|" + "---|" * (len(same_path.FACTORS) + 2), *rows, "",
    ]  # fmt: skip


def _row(case: same_path.Case, wrong: list[str]) -> str:
    told = " | ".join(str(value) for value in case.values())
    return f"| {told} | {len(RESUMES[case['processes']])} | {'; '.join(wrong) or '0'} |"


@dataclass(frozen=True)
class Mutation:
    """One thing that is other when the same night is gone on with."""

    what: str
    expected: str
    """In what is printed."""
    change: Callable[[Small], None] = lambda small: None
    words: tuple[str, ...] = ()
    """Beside the command's own."""
    swap: tuple[str, str] = ("", "")
    """One of the command's words and what is given in its place."""
    refused: bool = True
    path: str = ""
    """Put before the other places where Python looks for libraries."""


def _text(name: str, old: str, new: str) -> Callable[[Small], None]:
    """A change within a file that keeps its size and time."""

    def change(small: Small) -> None:
        path = small.data if name == "data" else small.model / name
        before, text = path.stat(), path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


def _lines(change: Callable[[list[str]], list[str]]) -> Callable[[Small], None]:
    def changed(small: Small) -> None:
        lines = small.data.read_text().splitlines(keepends=True)
        small.data.write_text("".join(change(lines)))

    return changed


def _weights(part: str) -> Callable[[Small], None]:
    """Other weights in the layers whose names hold `part`."""

    def change(small: Small) -> None:
        from safetensors.torch import load_file, save_file

        path = small.model / "model.safetensors"
        tensors = {name: one.clone() for name, one in load_file(path).items()}
        for name in (name for name in tensors if part in name):
            tensors[name] *= 1.001
        save_file(tensors, path, metadata={"format": "pt"})

    return change


def _template(small: Small) -> None:
    template = small_tokenizer.CHATML.replace("You are kind.", "You are curt.")
    (small.model / "chat_template.jinja").write_text(template)


def _library(name: str, folder: Path) -> str:
    """A folder that makes a library look like another version of itself."""
    version = f"{metadata.version(name)}.post1"
    info = folder / name / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return str(folder / name)


def mutations(libraries: Path) -> Iterator[Mutation]:
    """Everything that may be other."""
    data, base, tokenizer = "the data changed", "weights changed", "the tokenizer or its chat"
    yield Mutation("a digit of the data, same size and time", data, _text("data", "is 1", "is 2"))
    yield Mutation("two rows changed places", data, _lines(lambda rows: [*rows[1::-1], *rows[2:]]))
    yield Mutation("a row more", data, _lines(lambda rows: [*rows, rows[0].replace("0", "9")]))
    yield Mutation("a row less", data, _lines(lambda rows: rows[:-1]))
    yield Mutation("all base weights", base, _weights(""))
    yield Mutation("base weights of one kind of layer", base, _weights("q_proj"))
    yield Mutation("the chat template", tokenizer, _template)
    yield Mutation("the word that ends a text", tokenizer,
                   _text("tokenizer_config.json", '"<|end|>"', '"<|eot|>"'))  # fmt: skip
    for name, value in (("lora_alpha", 64), ("lora_r", 8), ("learning_rate", 1e-3), ("seed", 7),
                        ("weight_decay", 0.1), ("max_length", 20), ("lora_dropout", 0.1),
                        ("gradient_accumulation_steps", 2)):  # fmt: skip
        yield Mutation(name, f"'{name}'", words=("--set", f"{name}={value}"))
    batch = "per_device_train_batch_size"
    yield Mutation(batch, f"'{batch}': 8", swap=(f"{batch}=4", f"{batch}=8"))
    yield Mutation("method", "method was lora, now full", words=("--method", "full"))
    yield Mutation("precision", "precision was fp32", words=("--precision", "bf16"))
    yield Mutation("processes", "processes was 1, now 2", words=("--processes", "2"))
    for name in VERSIONED:
        yield Mutation(f"version of {name}", f"{name} was {metadata.version(name)} and is",
                       refused=False, path=_library(name, libraries))  # fmt: skip


def interrupted(small: Small, run: Path) -> None:
    """A night that is killed after its third checkpoint."""
    process = small_nights.start(small, run, *STEPS)
    small_nights.wait_until(lambda: len(small_nights.told(run, Saved)) > 3, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def changed(small: Small, mutation: Mutation) -> Iterator[None]:
    """While it lasts the night's files are other."""
    with tempfile.TemporaryDirectory() as kept:
        shutil.copytree(small.model, Path(kept) / "model")
        shutil.copy2(small.data, Path(kept) / "data")
        try:
            mutation.change(small)
            yield
        finally:
            shutil.rmtree(small.model)
            shutil.copytree(Path(kept) / "model", small.model)
            shutil.copy2(Path(kept) / "data", small.data)


def gone_on(small: Small, run: Path, mutation: Mutation) -> str:
    """What the same command says and does now: `refused`, `said` or `silent`."""
    copy = run.with_name("again")
    shutil.copytree(run, copy)
    old, new = mutation.swap
    steps = [new if word == old else word for word in STEPS]
    words = small_nights.command(small, copy, *steps, *mutation.words)
    paths = [mutation.path] if mutation.path else []
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with changed(small, mutation):
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=environ,
                              stdin=subprocess.DEVNULL, cwd=run.parent)  # fmt: skip
    shutil.rmtree(copy, ignore_errors=True)
    told = " ".join((done.stdout + done.stderr).split())
    refused = done.returncode == 2
    if mutation.expected not in told or refused != mutation.refused:
        print(done.returncode, told[-2000:])
        return "silent"
    return "refused" if refused else "said"


def compare(keep: Callable[[str, Any], None], known: Results) -> None:
    """Every change that is missing, one at a time."""
    with tempfile.TemporaryDirectory() as folder:
        missing = [one for one in mutations(Path(folder) / "libraries") if one.what not in known]
        if not missing:
            return
        small = small_nights.make(Path(folder))
        run = Path(folder) / "run"
        interrupted(small, run)
        for mutation in missing:
            keep(mutation.what, gone_on(small, run, mutation))


def compared(found: Results) -> list[str]:
    """The table of what was changed under a night."""
    with tempfile.TemporaryDirectory() as folder:
        names = [one.what for one in mutations(Path(folder))]
    silent = sum(found[name] == "silent" for name in names)
    rows = [f"| {name} | {found[name]} |" for name in names]
    return [
        "## What was changed under a night", "",
        "A night of the real command, killed after its third checkpoint; then one thing is other "
        f"and the same command is given again: **{len(names)} changes, {silent} silent**. "
        "What makes another night of it is refused by name (exit 2); what does not is said.", "",
        "| changed | outcome |", "|---|---|", *rows, "",
    ]  # fmt: skip


def main() -> None:
    """Both tables."""
    import torch

    torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["OVERNIGHT_HISTORY"] = "off"
    small_nights.PATIENCE = 1800.0  # others may use the machine
    given = nights.arguments(__doc__ or "")
    given.work.mkdir(exist_ok=True)
    file = given.work / "same_path.jsonl"

    def known() -> Results:
        return {one["what"]: one["found"] for one in nights.remembered(file)}

    def keep(what: str, found: Any) -> None:
        nights.remember(file, {"what": what, "found": found})
        print(what, found, flush=True)

    if not given.report:
        compare(keep, known())
        resume(keep, known())
    page = ["# The same path", "", nights.machine(), "", *matrix(known()), *compared(known()),
            "One thread. Repeat: `python bench/same_path.py`", ""]  # fmt: skip
    nights.RESULTS.mkdir(exist_ok=True)
    (nights.RESULTS / "same_path.md").write_text("\n".join(page), "utf-8")
    print("\n".join(page))


if __name__ == "__main__":
    main()

"""The comparisons and nights that settle the guides' claims, and their results so far.

In: real data, a base model, a folder to work in. Out: one JSON line a run. Never: a run twice; a
result of a window other than the one that is asked for. Each is the installed command as a user
would type it; a run that was stopped goes on where it stood.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nights

SMALL = "60s"
"""The window of the smallest form: shows that everything runs, settles nothing."""
BASE = nights.ROOT / "src" / "overnight" / "assets" / "base"
"""3.26 M parameters that have read Python's library (src/overnight/assets/base/README.md)."""
ONE = "per_device_train_batch_size=1"
BOT = f"{ONE}+method=lora+num_train_epochs=1+gradient_checkpointing=true"
"""What guide 5's settings to copy have in common."""
COLAB = "method=lora+per_device_train_batch_size=8+gradient_checkpointing=false"
_SAID = re.compile(r"\[(\d\d):(\d\d)\] <([^>]+)> (.+)")
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)")
TALK = 6
"""Messages of a channel in one row: the last is learnt, as a bot that answers would have it."""


def bot(accumulation: int, rate: str, *more: str) -> str:
    """A setting of guide 2 in pairs."""
    pairs = (BOT, f"gradient_accumulation_steps={accumulation}", f"learning_rate={rate}", *more)
    return "+".join(pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One `overnight compare`."""

    name: str
    data: str
    settings: tuple[str, ...]
    within: str = "30m"
    more: tuple[str, ...] = field(default_factory=tuple)

    def words(self, work: Path, data: Path, *, small: bool) -> list[str]:
        """The command."""
        out = work / f"folklore-{self.name}{'-small' if small else ''}"
        seeds = "1" if small else "2"
        return [sys.executable, "-m", "overnight", "compare", str(data), "--model", str(BASE),
                "--settings", ",".join(self.settings), "--within", SMALL if small else self.within,
                "--seeds", seeds, "--output-dir", str(out), "--json", *self.more]  # fmt: skip


FP32 = "precision=fp32"
G16, G32, G64 = (bot(count, "2e-4", FP32) for count in (16, 32, 64))
RATES = {count: tuple(bot(count, rate, FP32) for rate in rates) for count, rates in {
    16: ("2e-4",), 32: ("2e-4", "2.5e-4", "2.83e-4", "4e-4"),
    64: ("2e-4", "3e-4", "4e-4", "8e-4")}.items()}  # fmt: skip
PLAIN = f"{COLAB}+learning_rate=3e-3+num_train_epochs=1"
CHECKED = PLAIN.replace("checkpointing=false", "checkpointing=true")
FOUR = PLAIN.replace("batch_size=8", "batch_size=4")
FOUR_TWICE = f"{FOUR}+gradient_accumulation_steps=2"
FOUR, EIGHT = (f"{one}+gradient_accumulation_steps=1" for one in (FOUR, PLAIN))
UNLOADED = f"{EIGHT}+dataloader_num_workers=0+dataloader_pin_memory=false"
LOADED = f"{EIGHT}+dataloader_num_workers=2+dataloader_pin_memory=true"
STRATEGIES = ("one-stage", "two-stage", "progressive", "progressive-guide")
RUNS = (
    Run(name="bot", data="irc", settings=("baseline", "optimized", "aggressive", "overnight")),
    Run(name="accumulation", data="irc", settings=(G16, G32, G64)),
    Run(name="precision", data="irc", settings=(G16, bot(16, "2e-4", "precision=bf16"))),
    Run(name="rates", data="irc", settings=(*RATES[16], *RATES[32], *RATES[64]), within="60m"),
    Run(name="large", data="irc", within="60m",
        settings=(G16, *(bot(count, "2e-4", FP32) for count in (128, 256)),
                  *(bot(16, rate, FP32) for rate in ("5e-4", "1e-3", "5e-3")))),
    Run(name="strategies", data="irc",
        settings=tuple(f"strategy={name}" for name in STRATEGIES)),
    Run(name="sampling", data="irc",
        settings=("overnight", "sample=0.5", "sample=0.5+prefer=recent")),
    Run(name="today", data="irc", settings=("baseline", "bot/today", "bot/prompt-work")),
    Run(name="batch", data="gsm8k", settings=(FOUR, EIGHT, FOUR_TWICE)),
    Run(name="checkpointing", data="gsm8k", settings=(CHECKED, PLAIN)),
    Run(name="loading", data="gsm8k", settings=(UNLOADED, LOADED)),
    Run(name="colab", data="gsm8k",
        settings=("colab/original", "colab/optimized", "colab/more-vram", "colab/low-memory",
                  "colab/maximum-speed", "colab/one-epoch", "overnight"), within="60m"),
)  # fmt: skip
NIGHTS = ("colab/original", "colab/optimized", "colab/maximum-speed", "colab/one-epoch")
"""Configurations that are trained for the epochs that they ask for, each a whole night."""
EPOCH_ROWS = 2000
"""Of GSM8K, so that five epochs of them take minutes."""


def rows(name: str, data: Path, work: Path) -> Path:
    """The rows of a run as a file."""
    work.mkdir(parents=True, exist_ok=True)
    path = work / f"folklore-{name}.jsonl"
    if not path.exists():
        made = {"irc": _irc, "gsm8k": _gsm8k, "few": _few}[name](data)
        new = path.with_suffix(".new")
        new.write_text("\n".join(made) + "\n", encoding="utf-8")
        new.rename(path)
    return path


def _gsm8k(data: Path) -> Iterator[str]:
    yield from (data / "gsm8k/train.jsonl").read_text("utf-8").splitlines()


def _few(data: Path) -> Iterator[str]:
    yield from list(_gsm8k(data))[:EPOCH_ROWS]


def _irc(data: Path) -> Iterator[str]:
    """Stretches of a channel, with the time of the message that is learnt."""
    for path in sorted((data / "ubuntu_irc/train").glob("*.txt")):
        day = _DAY.search(path.name)
        said = [found for line in path.read_text("utf-8", errors="replace").splitlines()
                if (found := _SAID.fullmatch(line.strip()))]  # fmt: skip
        for at in range(0, len(said) - TALK + 1, TALK):
            talk = said[at : at + TALK]
            heard = "\n".join(f"{one[3]}: {one[4]}" for one in talk[:-1])
            last = talk[-1]
            turns = [{"role": "user", "content": heard},
                     {"role": "assistant", "content": f"{last[3]}: {last[4]}"}]  # fmt: skip
            when = f"{day[1] if day else '2000-01-01'}T{last[1]}:{last[2]}:00"
            yield json.dumps({"messages": turns, "timestamp": when})


def results(work: Path, *, small: bool) -> dict[str, dict[str, Any]]:
    """By run: what came out of it."""
    return {one["run"]: one["result"] for one in nights.remembered(_file(work, small=small))}


def _file(work: Path, *, small: bool) -> Path:
    return work / ("folklore-small.jsonl" if small else "folklore.jsonl")


def compare(run: Run, data: Path, work: Path, *, small: bool) -> dict[str, Any]:
    """Runs it, or goes on with it.

    Raises:
        RuntimeError: it ended with a status that tells no verdict.
    """
    said = subprocess.run(run.words(work, rows(run.data, data, work), small=small),
                          stdout=subprocess.PIPE, text=True, check=False)  # fmt: skip
    if said.returncode != 0:
        raise RuntimeError(f"{run.name}: exit status {said.returncode}")
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def epochs(data: Path, work: Path, *, small: bool) -> dict[str, Any]:
    """Each configuration of guide 1 for the epochs that it asks for: its time and test loss."""
    found = {}
    for name in NIGHTS:
        out = work / f"folklore-{name.replace('/', '-')}{'-small' if small else ''}"
        cut = ("--set", "max_steps=20") if small else ()
        words = nights.command(rows("few", data, work), BASE, out, "--config", name, *cut)
        status, _ = nights.timed(words, work / "folklore.log")
        told = nights.told(out)
        if status != 0 or not told:
            raise RuntimeError(f"{name}: exit status {status}")
        seconds = sum(step["seconds"] for step in nights.events(out, "Stepped"))
        found[name] = {"seconds": seconds, **told}
    return found


def take(data: Path, work: Path, *, small: bool, only: str = "") -> None:
    """Everything that is missing, one run at a time."""
    for run in RUNS:
        if run.name not in results(work, small=small) and only in ("", run.name):
            _keep(work, run.name, compare(run, data, work, small=small), small=small)
    if "epochs" not in results(work, small=small) and only in ("", "epochs"):
        _keep(work, "epochs", epochs(data, work, small=small), small=small)


def _keep(work: Path, name: str, result: dict[str, Any], *, small: bool) -> None:
    nights.remember(_file(work, small=small), {"run": name, "result": result})

"""A command under way, what it is doing, and how it is killed: what the soaks share.

In: the words of a command, a run folder. Out: its phase, the age of its newest checkpoint. Never: a
look inside the processes: only at the process table, the clock on the wall and the run folder.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import nights

TICK = 0.01
"""Seconds between two looks at what a night is doing: a look takes a tenth of that."""
PATIENCE = 300.0
"""Seconds after which a command that should have ended is taken to hang."""
STATE = ("*.safetensors", "optimizer.pt", "rng_state*.pth", "trainer_state.json")
"""Of a checkpoint: COMPLETE tells its time, and peft lists its layers in any order."""
ROWS = 1200
"""Of GSM8K: enough to learn from, and read in a moment."""
BETWEEN = ("Started", "Crashed", "Stopped", "Chosen", "Evaluated", "Promoted")
"""The last words of a training process that is followed by one that publishes."""
OVER = {"Stopped": "ending", "Chosen": "ending", "Published": "over", "Ended": "over"}


@dataclass
class Command:
    """One command in a process group of its own."""

    words: list[str]
    run: Path
    environ: dict[str, str]
    process: "subprocess.Popen[bytes]" = field(init=False)
    since: float = field(init=False)
    """When its present training process was started, by the clock on the wall."""
    rehearsed: bool = False
    """Whether the night's rehearsal is known to be over."""

    def start(self) -> "Command":
        """What it says lies beside the run folder."""
        self.since = time.time()
        with open(f"{self.run}.log", "ab") as said:
            self.process = subprocess.Popen(
                self.words, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                process_group=0, env=self.environ,
            )  # fmt: skip
        return self

    def children(self) -> list[psutil.Process]:
        """The processes that it has started itself."""
        try:
            return psutil.Process(self.process.pid).children()
        except psutil.Error:
            return []

    def over(self) -> bool:
        """Whether it has ended by itself."""
        return self.process.poll() is not None

    def ended(self) -> int:
        """Its exit status when it has ended by itself.

        Raises:
            TimeoutExpired: it hangs.
        """
        return self.process.wait(PATIENCE)

    def wait_for(self, true: Callable[[], bool], *, until: float) -> bool:
        """Whether it came true before the command was over, or a clock on the wall showed that."""
        while time.time() < until and not self.over():
            if true():
                return True
            time.sleep(TICK)
        return False

    def kill_all(self) -> bool:
        """SIGKILL to the whole group."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        return True

    def kill_child(self) -> bool:
        """SIGKILL to what the command has started; whether there was anything."""
        children = self.children()
        for child in children:
            child.kill()
        self.since = time.time()
        return bool(children)


@dataclass
class Place:
    """Where the nights of a soak lie, and what they learn from."""

    data: Path
    model: Path
    work: Path

    @classmethod
    def at(cls, work: Path, data: Path) -> "Place":
        """The first rows of a real file, and a real small model."""
        work.mkdir(parents=True, exist_ok=True)
        lines = (data / "gsm8k/train.jsonl").read_text("utf-8").splitlines(keepends=True)
        rows = work.resolve() / "rows.jsonl"
        if not rows.exists():
            rows.write_text("".join(lines[:ROWS]), "utf-8")
        return cls(rows, (data / "stories260K/hf").resolve(), work.resolve())

    def command(self, run: Path, *words: str, recorded: bool = False) -> Command:
        """`overnight train` into a folder, not started yet."""
        whole = nights.command(self.data, self.model, run, *words)
        if recorded:
            program = Path(__file__).resolve().with_name("recorded.py")
            whole = [sys.executable, str(program), *whole[3:]]
        environ = os.environ | {"OVERNIGHT_HISTORY": "off", "OMP_NUM_THREADS": "1",
                                "RECORDED_CLOCK": f"{run}.clock"}  # fmt: skip
        return Command(whole, run, environ)

    def empty(self, name: str) -> Path:
        """A run folder of which nothing is left."""
        run = self.work / name
        shutil.rmtree(run, ignore_errors=True)
        for ending in (".log", ".clock", ".noted"):
            Path(f"{run}{ending}").unlink(missing_ok=True)
        return run

    def reference(self, name: str, *words: str, recorded: bool = False) -> Path:
        """The undisturbed night of a command, run once."""
        run = self.work / f"reference-{name}".replace(" ", "-").replace(",", "")
        if not (run / "final").is_dir():
            status = self.command(self.empty(run.name), *words, recorded=recorded).start().ended()
            if status:
                raise RuntimeError(f"the undisturbed night ended with {status}: see {run}.log")
        return run


def sums(run: Path, step: int) -> dict[str, str]:
    """Hashes of the last checkpoint's state and of the published weights."""
    files = [path for form in STATE for path in (run / f"checkpoint-{step}").glob(form)]
    files += (run / "final").glob("*.safetensors")
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(files)
    }


def newest_line(run: Path) -> dict[str, Any]:
    """The journal's last whole line; nothing where there is none."""
    try:
        with open(run / "events.jsonl", "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 16384))
            lines = file.read().splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            return dict(json.loads(line))
        except ValueError:
            continue
    return {}


def newest_checkpoint(run: Path) -> float:
    """When the newest checkpoint in place was sealed, by the clock on the wall; 0 without one."""
    return max((_changed(path) for path in run.glob("checkpoint-*/COMPLETE")), default=0.0)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def phase(command: Command) -> str:
    """What the night is doing."""
    staged = _staged(command.run, command.since)
    if staged:
        return "publishing" if staged.startswith(".staging-final") else "saving"
    kind = newest_line(command.run).get("kind", "")
    if kind in BETWEEN and _publishing(command):
        return "publishing"
    if _changed(command.run / "events.jsonl") < command.since or kind in ("", "Started", "Crashed"):
        return "starting"
    if kind == "Saved":
        return "looking"
    return OVER.get(kind) or ("training" if _rehearsed(command) else "rehearsing")


def _publishing(command: Command) -> bool:
    for child in command.children():
        try:
            if "_publish" in child.cmdline():
                return True
        except psutil.Error:
            continue
    return False


def _staged(run: Path, since: float) -> str:
    """What is being written: a checkpoint or the published model; not what a kill has left."""
    for path in run.glob(".staging-*"):
        if _changed(path) >= since:
            return path.name
    return ""


def _rehearsed(command: Command) -> bool:
    if not command.rehearsed:
        written = (command.run / "events.jsonl").read_bytes()
        command.rehearsed = b'"kind":"Rehearsed"' in written
    return command.rehearsed


def promoted(run: Path) -> bool:
    """Whether something could be published."""
    try:
        return b'"kind":"Promoted"' in (run / "events.jsonl").read_bytes()
    except OSError:
        return False


def events(run: Path) -> list[dict[str, Any]]:
    """Every whole line of the journal."""
    found = []
    try:
        lines = (run / "events.jsonl").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def loads(final: Path) -> str:
    """What is wrong with a published folder; nothing when it loads and computes finite logits."""
    if not final.is_dir():
        return "there is none"
    import torch

    from overnight.training import export

    try:
        model = export.load(final)
        with torch.no_grad():
            logits = model(torch.tensor([[1, 2, 3, 4]])).logits
    except (OSError, RuntimeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return "" if bool(torch.isfinite(logits).all()) else "its logits are not finite"

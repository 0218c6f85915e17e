"""The command in a process of its own: how it ended, what it said, how much memory it took."""

import os
import resource
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 600.0
"""Seconds after which a command hangs, on a machine that does other things besides."""


@dataclass(frozen=True)
class Outcome:
    """One command, over."""

    status: int
    """Negative: the signal that ended it; it hangs where that is -9."""
    said: str
    """On standard error."""
    shown: str
    peak: float
    """MiB of the process and those that it waited for, the largest."""


def run(words: list[str], folder: Path, *, patience: float = PATIENCE, **environ: str) -> Outcome:
    """`overnight WORDS` in `folder`, offline and without a history."""
    quiet = {"OVERNIGHT_HISTORY": "off", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with open(folder / ".said", "w+b") as said, open(folder / ".shown", "w+b") as shown:
        process = subprocess.Popen(
            [sys.executable, "-m", "overnight", *words], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=shown, stderr=said, env={**os.environ, **quiet, **environ},
        )  # fmt: skip
        late = threading.Timer(patience, process.kill)
        late.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        finally:
            late.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = [_read(file) for file in (said, shown)]
    return Outcome(process.returncode, *texts, peak=_mib(used))


def _read(file: "object") -> str:
    file.seek(0)  # type: ignore[attr-defined]
    return str(file.read().decode("utf-8", "replace"))  # type: ignore[attr-defined]


def _mib(used: "resource.struct_rusage") -> float:
    return used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)

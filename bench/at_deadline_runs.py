"""One run: an arm's process from its start to the deadline, then the judge.

In: a `Run` and its material. Out: its result as one JSON object. Never: a process ended that was
not started here; a look at the artefacts before the deadline.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import psutil

import at_deadline_judge
import at_deadline_night
import at_deadline_peer
import nights
from at_deadline_arms import ARMS, BASE, BUDGET, OURS, SAVE_SHARE, SAVING
from at_deadline_disk import artefacts
from at_deadline_plans import Run
from at_deadline_ready import Ready

TICK = 0.02
QUIET = {
    "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONUNBUFFERED": "1",
}  # fmt: skip
VERSIONED = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
MILLI = 1000.0
"""Row losses are kept in thousandths of a nat, as whole numbers."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process came to its end."""

    status: int | None
    """None: it was killed at the deadline."""
    took: float


def until(deadline: float, process: "subprocess.Popen[bytes]") -> int | None:
    """Waits for its end, or kills it and all that it has started when the deadline has come."""
    while (status := process.poll()) is None and time.monotonic() < deadline:
        time.sleep(min(TICK, max(deadline - time.monotonic(), 0.0)))
    if status is None:
        kill(process)
    return status


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Its session and its descendants, which may have made groups of their own."""
    children = psutil.Process(process.pid).children(recursive=True)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for one in children:
        with suppress(psutil.Error):
            one.kill()
    process.wait()
    psutil.wait_procs(children, timeout=10)


def timed(words: Sequence[str], *, window: float, log: IO[bytes], env: Mapping[str, str]) -> Ended:
    """A command from its start to its end or the deadline, whichever is first."""
    begun = time.monotonic()
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        env={**os.environ, **QUIET, **env},
    )  # fmt: skip
    try:
        status = until(begun + window, process)
    except BaseException:
        kill(process)
        raise
    return Ended(status, time.monotonic() - begun)


def peer_words(run: Run, on: Ready, folder: Path) -> list[str]:
    """The command line of a peer, its spec written beside."""
    arm = ARMS[run.arm]
    spec = {
        "trainer": arm.trainer, "settings": arm.given(run.cell.method), "rate": run.rate,
        "method": run.cell.method, "base": str(on.base), "tokens": str(on.tokens),
        "out": str(folder), "seed": run.seed, "lora": dict(BUDGET), "saving": dict(SAVING),
        "save_seconds": SAVE_SHARE * run.cell.window,
    }  # fmt: skip
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), "utf-8")
    return [sys.executable, str(Path(at_deadline_peer.__file__)), str(path)]


def our_words(run: Run, on: Ready, folder: Path, more: Sequence[str] = ()) -> list[str]:
    """`overnight train` as a user types it; the cell's method and adapter are given to all."""
    rate = () if run.rate is None else ("--learning-rate", f"{run.rate:g}")
    lora = ("--set", f"lora_r={BUDGET['r']}", "--set", f"lora_alpha={BUDGET['lora_alpha']}")
    return nights.command(
        on.train, on.base, folder / "night", "--eval", str(on.held),
        "--within", f"{run.cell.window:g}s", "--seed", str(run.seed), "--method", run.cell.method,
        *(lora if run.cell.method == "lora" else ()), *rate, *more,
    )  # fmt: skip


def judged(on: Ready, found: Sequence[Path], folder: Path) -> dict[str, Any]:
    """The judge's verdict on artefacts, in a process of its own."""
    spec, out = folder / "judge.json", folder / "verdict.json"
    spec.write_text(json.dumps({"base": str(on.base), "rows": str(on.judged),
                                "artefacts": [str(one) for one in found]}))  # fmt: skip
    words = [sys.executable, str(Path(at_deadline_judge.__file__)), str(spec), str(out)]
    with (folder / "judge.log").open("wb") as log:
        subprocess.run(words, check=True, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                       env={**os.environ, **QUIET})  # fmt: skip
    verdict: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return verdict


def result(run: Run, on: Ready, work: Path) -> dict[str, Any]:
    """Runs it, judges what it left, and forgets its weights."""
    if run.arm == BASE:
        return _base(run, on, work)
    return trial(run, on, work, words=None)


def trial(
    run: Run, on: Ready, work: Path, *, words: Sequence[str] | None, env: Mapping[str, str] = {}
) -> dict[str, Any]:
    """The same with other words of the command line, where they are given, and an environment."""
    folder = _emptied(work / "run")
    ours = run.arm.startswith(OURS)
    if words is None:
        words = our_words(run, on, folder) if ours else peer_words(run, on, folder)
    # A history would make later runs better than a first one.
    own = {"OVERNIGHT_HISTORY": str(folder / "history.sqlite3"), **env}
    with (work / "last.log").open("wb") as log:
        ended = timed(words, window=run.cell.window, log=log, env=own)
    out = folder / "night" if ours else folder
    found = artefacts(out)
    told = at_deadline_night.told(out, run.cell.window, ended.took) if ours else _progress(on, out)
    last = _last_words(work / "last.log") if ended.status not in (0, None) else ""
    verdict = judged(on, found, folder)
    shutil.rmtree(folder)
    return {**_head(run), "status": ended.status, "took": round(ended.took, 2), "said": last,
            **told, **_losses(verdict, on)}  # fmt: skip


def _base(run: Run, on: Ready, work: Path) -> dict[str, Any]:
    folder = _emptied(work / "run")
    verdict = judged(on, [on.base], folder)
    facts = {name: on.facts[name] for name in ("train_rows", "train_tokens", "max_length")}
    return {**_head(run), **facts, "counts": on.facts["counts"],
            "parameters": verdict["parameters"], **_losses(verdict, on)}  # fmt: skip


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _head(run: Run) -> dict[str, Any]:
    return {
        "key": run.key, "arm": run.arm, "rate": run.rate, "cell": run.cell.name, "seed": run.seed,
        "window": run.cell.window, "date": time.strftime("%Y-%m-%d %H:%M"), "machine": _machine(),
        "versions": _versions(), "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "load": round(os.getloadavg()[0], 2), "commit": _commit(),
    }  # fmt: skip


@cache
def _machine() -> str:
    return nights.machine().rsplit(", ", 1)[0]


@cache
def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in VERSIONED}


def _commit() -> str:
    """Of this checkout, so that a result tells which of our loops it is of."""
    words = ["git", "-C", str(nights.ROOT), "rev-parse", "--short", "HEAD"]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    return told.stdout.strip()


def _losses(verdict: Mapping[str, Any], on: Ready) -> dict[str, Any]:
    """Loss and row losses; no loss where nothing could be read or it is no number."""
    sums, counts = verdict["sums"], on.facts["counts"]
    finite = sums is not None and all(abs(one) < 1e9 for one in sums)  # NaN is not either
    artefact = verdict["artefact"]
    return {
        "loss": sum(sums) / sum(counts) if finite else None,
        "n": len(counts),
        "artefact": Path(artefact).name if artefact else None,
        "passed_over": verdict["passed_over"],
        "rows": [round(MILLI * one) for one in sums] if finite else None,
    }


def _progress(on: Ready, out: Path) -> dict[str, Any]:
    """Steps and tokens of a peer when it last told; tokens by its own count of epochs."""
    path = out / "progress.json"
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {"steps": 0, "tokens": 0}
    return {"steps": told["steps"], "tokens": round(told["epoch"] * on.facts["train_tokens"])}


def _last_words(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").strip().splitlines()
    return " / ".join(lines[-3:])[-400:]

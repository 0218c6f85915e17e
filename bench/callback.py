"""Real windows in somebody's own Trainer, SFTTrainer and Seq2SeqTrainer, with DeadlineCallback and
without: the same model, rows and arguments for the same seconds, then the plug is pulled.

python bench/callback.py              runs what is missing, about 5 minutes
python bench/callback.py --part own   one window of our own loop beside them
python bench/callback.py --report     writes bench/results/callback.md

The two of a pair run side by side, one thread each, so that what else the machine does meets both.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nights
import own_runs

SECONDS = 40.0
NAMES = ("Trainer", "SFTTrainer", "Seq2SeqTrainer")
HEAD = (
    "| trainer | run | steps of asked | ended by itself, s before the deadline | usable on disk | "
    "last rate, of the peak | held-out loss | loss before |\n|---|---|---|---|---|---|---|---|"
)


def child(name: str, what: str, folder: Path, data: Path) -> list[str]:
    """A process of its own for one thing."""
    return [sys.executable, str(Path(own_runs.__file__)), name, what, str(folder), str(data)]


def pair(name: str, data: Path, work: Path) -> list[dict[str, Any]]:
    """The run with the callback and the stock one, at the same time, for the same seconds."""
    folders = {kind: work / f"callback-{name}-{kind}" for kind in ("led", "stock")}
    begun = {}
    for kind, folder in folders.items():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        begun[kind] = _start(name, kind, folder, data)
    for kind, process in begun.items():
        _end(process, folders[kind], kill=kind == "stock")
    judges = {kind: _judge(name, folder, data) for kind, folder in folders.items()}
    return [_told(name, kind, folders[kind], judge) for kind, judge in judges.items()]


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1",
                         "HF_HUB_DISABLE_TELEMETRY": "1"}  # fmt: skip


def _start(name: str, kind: str, folder: Path, data: Path) -> "subprocess.Popen[bytes]":
    with (folder / "said.txt").open("wb") as said:
        return subprocess.Popen(
            [*child(name, kind, folder, data), str(SECONDS)],
            stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=_environment(),
        )  # fmt: skip


def _end(process: "subprocess.Popen[bytes]", folder: Path, *, kill: bool) -> None:
    """Waits for it; the stock one is cut off when its window is over, as a session would be."""
    while kill and process.poll() is None:
        window = folder / "window.json"
        if window.exists() and time.time() >= json.loads(window.read_text())["ends"]:
            process.kill()
        time.sleep(0.05)
    process.wait()


def _judge(name: str, folder: Path, data: Path) -> "subprocess.Popen[str]":
    """A fresh process that looks at what is on the disk now."""
    return subprocess.Popen(
        child(name, "score", folder, data), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        text=True, env=_environment(),
    )  # fmt: skip


def _told(name: str, kind: str, folder: Path, judge: "subprocess.Popen[str]") -> dict[str, Any]:
    told = json.loads(judge.communicate()[0].splitlines()[-1])
    over = folder / "over.json"
    ends = json.loads((folder / "window.json").read_text())["ends"]
    left = ends - json.loads(over.read_text())["at"] if over.exists() else None
    return {"name": name, "kind": kind, "left": left, "load": os.getloadavg()[0]} | told


def night(data: Path, work: Path) -> dict[str, Any]:
    """Our own loop in a window of the same length."""
    out = work / "callback-own"
    shutil.rmtree(out, ignore_errors=True)
    words = nights.command(data / "gsm8k/train.jsonl", data / "stories260K" / "hf", out,
                           "--within", f"{SECONDS:.0f}s", "--epochs", "3")  # fmt: skip
    status, took = nights.timed(words, work / "callback-own.log")
    return {"name": "overnight train", "kind": "own", "left": SECONDS - took, "status": status,
            **nights.told(out)}  # fmt: skip


def row(one: dict[str, Any]) -> str:
    """One line of the table."""
    if one["kind"] == "own":
        return (f"| overnight train | own loop, its start and publishing within the window | "
                f"{one['steps']} | {one['left']:.1f} | final/, load-tested: "
                f"{(one['published'] or {}).get('tested')} | | | |")  # fmt: skip
    left = "cut off" if one["left"] is None else f"{one['left']:.1f}"
    rate = "-" if one["rate"] is None else f"{one['rate']:.3f}"
    label = "DeadlineCallback" if one["kind"] == "led" else "stock, cut off at the deadline"
    loss = "-" if one["loss"] is None else f"{one['loss']:.3f}"
    return (f"| {one['name']} | {label} | {one['steps']} of {one['asked']} | {left} | "
            f"{one['usable']} | {rate} | {loss} | {one['before']:.3f} |")  # fmt: skip


def page(results: list[dict[str, Any]]) -> str:
    """The table with what it says."""
    led = [one for one in results if one["kind"] == "led"]
    over = [one for one in led if one["left"] is None or one["left"] < 0]
    return "\n".join((
        "# A deadline in other people's trainers", "", nights.machine(), "",
        f"Windows of {SECONDS:.0f} s that begin with the making of the callback; {own_runs.EPOCHS} "
        f"epochs were asked for, which take longer. With the callback: {len(led)} runs, overrun: "
        f"{len(over)}. "
        "The two of a pair ran side by side, one thread each; the stock one saves every "
        f"{own_runs.SAVE_STEPS} steps as its arguments say (both have them), and is killed when "
        "the window is over: what counts is the newest checkpoint that can be loaded. Loss: mean "
        f"over {own_runs.HELD_OUT} held-out rows, measured by a fresh process.", "", HEAD,
        *(row(one) for one in results), "", "Repeat: `python bench/callback.py`", "",
    ))  # fmt: skip


def main() -> None:
    """Runs what is missing, then writes the table."""
    given = nights.arguments(__doc__ or "", parts=("trainers", "own"))
    given.work.mkdir(exist_ok=True)
    file, data = given.work / "callback.jsonl", given.data.resolve()
    done = {one["name"] for one in nights.remembered(file)}
    todo = () if given.report else NAMES if given.part == "trainers" else ("overnight train",)
    for name in todo:
        if name not in done and given.part == "trainers":
            for one in pair(name, data, given.work.resolve()):
                nights.remember(file, one)
                print(row(one), flush=True)
        elif name not in done:
            nights.remember(file, night(data, given.work.resolve()))
    text = page(list(nights.remembered(file)))
    (nights.RESULTS / "callback.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()

"""The promise that nothing is lost, struck at every point: kills, tears, power cuts, damage.

python bench/faults.py            runs what is missing: about an hour on one core; needs strace
python bench/faults.py --report   writes bench/results/faults.md
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import faults_page
import nights

SCENES = (
    "append", "files", "history", "save", "stock", "last-moment", "last-moment-again", "tidy",
    "republish", "publish",
)  # fmt: skip
METHODS = ("full", "lora")
WITHOUT_WEIGHTS = ("append", "files", "history")
"""Scenes in which full and LoRA are the same."""
QUICK = {"TMPDIR": "/dev/shm"} if Path("/dev/shm").is_dir() else {}
"""A kill is the same on a file system in memory, and flushing costs nothing there."""
PLACES = 1024
"""Files of up to so many bytes are damaged at every byte, larger ones at so many, evenly spread."""


def cases() -> list[tuple[str, str]]:
    """Every (scene, method)."""
    return [(scene, method) for scene in SCENES for method in METHODS
            if method == "full" or scene not in WITHOUT_WEIGHTS]  # fmt: skip


def swept(scene: str, method: str, *, data: Path, work: Path) -> None:
    """Every kill of one scene that is still missing, over the real model and the real rows."""
    file = _file(work, scene, method)
    done = list(nights.remembered(file))
    begin_at = max((one.get("at", 0) for one in done), default=0)  # what it was in goes once more
    if done and begin_at >= done[0]["points"] - 1:
        return
    kept = [one for one in done if one.get("at", begin_at) < begin_at]
    file.write_text("".join(json.dumps(one) + "\n" for one in kept), "utf-8")
    words = ["--method", method, "--offset", str(begin_at), "--base", str(data / "stories260K/hf"),
             "--texts", str(data / "gsm8k/train.jsonl")]  # fmt: skip
    with file.open("ab") as told, (work / "sweep.log").open("ab") as log:
        subprocess.run(
            [sys.executable, "-m", "tests.faults.sweep", scene, *words], stdout=told, stderr=log,
            check=True, cwd=nights.ROOT, env=os.environ | QUICK
            | {"PYTHONPATH": str(nights.ROOT), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip


def _file(work: Path, scene: str, method: str) -> Path:
    return work / f"kills-{scene}-{method}.jsonl"


def damaged(method: str, *, data: Path, work: Path) -> list[dict[str, Any]]:
    """Every damage to the files of one finished night over the real model."""
    run = work / f"damaged-{method}"
    shutil.rmtree(run, ignore_errors=True)
    words = nights.command(data / "gsm8k/train.jsonl", data / "stories260K/hf", run, "--method",
                           method, "--set", "max_steps=12", "--set", "save_steps=4")  # fmt: skip
    status, _ = nights.timed(words, work / f"damaged-{method}.log")
    if status != 0:
        raise RuntimeError(f"the night to be damaged ended with {status}")
    return [{"method": method} | one for one in _tallies(run)]


def _tallies(run: Path) -> list[dict[str, Any]]:
    sys.path.insert(0, str(nights.ROOT))
    from tests.faults import noticing

    kinds = {
        "newest checkpoint": lambda: noticing.checkpoint(run, most=PLACES),
        "final/": lambda: noticing.published(run, most=PLACES),
        "plan.json": lambda: [noticing.plan(run, most=PLACES)],
        "journal": lambda: [noticing.events(run, most=PLACES)],
        "status.json": lambda: [noticing.status(run, most=PLACES)],
        "probe, base, beginning": lambda: [
            noticing.unmended(run / name, most=PLACES)
            for name in ("probe.json", "base.json", ".begun.json")
        ],
    }
    return [
        {"kind": kind, "file": one.file, "bytes": one.bytes, "tried": dict(one.tried),
         "unnoticed": one.unnoticed[:5], "missed": len(one.unnoticed)}
        for kind, tell in kinds.items() for one in tell()
    ]  # fmt: skip


def _sweep_all(data: Path, work: Path, share: str) -> None:
    every = cases()
    for number in nights.mine(len(every), share):
        swept(*every[number], data=data, work=work)


def _damage_all(data: Path, work: Path) -> None:
    file = work / "damage.jsonl"
    done = {one["method"] for one in nights.remembered(file)}
    for method in METHODS:
        if method not in done:
            found = damaged(method, data=data, work=work)
            nights.remember(file, {"method": method, "places": PLACES, "tallies": found})


def _kills(work: Path) -> list[dict[str, Any]]:
    """What there is of every scene, finished or not."""
    found = [(scene, method, list(nights.remembered(_file(work, scene, method))))
             for scene, method in cases()]  # fmt: skip
    return [{"scene": scene, "method": method, "points": results[0]["points"],
             "calls": results[0]["calls"], "results": [one for one in results if "how" in one]}
            for scene, method, results in found if results]  # fmt: skip


def main() -> None:
    """Runs what is missing, then writes the page."""
    given = nights.arguments(__doc__ or "")
    given.work.mkdir(parents=True, exist_ok=True)
    if not given.report:
        _sweep_all(given.data.resolve(), given.work.resolve(), given.share)
        if given.share.startswith("0/"):
            _damage_all(given.data.resolve(), given.work.resolve())
    damages = list(nights.remembered(given.work / "damage.jsonl"))
    page = faults_page.page(nights.machine(), _kills(given.work), damages)
    (nights.RESULTS / "faults.md").write_text(page, "utf-8")
    print(page)


if __name__ == "__main__":
    main()

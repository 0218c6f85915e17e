"""`kill -9` of the whole process group at a random moment, ten times: resumed, and over in time.

python bench/kills.py            runs what is missing, about 15 minutes
python bench/kills.py --report   writes bench/results/kills.md
"""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import nights

RUNS = 10
WINDOW = 60.0
SEED = 7


def killed_once(case: int, data: Path, work: Path) -> dict[str, Any]:
    """A night that is killed somewhere in its window, and the same command again."""
    moment = random.Random(SEED + case).uniform(0.03, 0.85) * WINDOW
    out, log = work / f"kill-{case}", work / f"kill-{case}.log"
    shutil.rmtree(out, ignore_errors=True)
    method = "lora" if case % 2 else "full"
    words = nights.command(data / "gsm8k/train.jsonl", data / "stories260K/hf", out,
                           "--within", f"{WINDOW:g}s", "--method", method)  # fmt: skip
    begun = time.monotonic()
    with log.open("ab") as file:
        night = subprocess.Popen(words, stdout=file, stderr=file, stdin=subprocess.DEVNULL,
                                 start_new_session=True)  # fmt: skip
        time.sleep(moment)
        os.killpg(night.pid, signal.SIGKILL)
        night.wait()
    left = _leftovers(out)
    status, _ = nights.timed(words, log)
    took = time.monotonic() - begun
    resumed = nights.events(out, "Resumed")
    return {"case": case, "method": method, "moment": moment, "took": took, "status": status,
            "leftovers": left, "went_on": resumed[-1]["name"] if resumed else "the beginning",
            "lost": resumed[-1]["steps_lost"] if resumed else 0} | nights.told(out)  # fmt: skip


def _leftovers(out: Path) -> int:
    """Processes of the killed night that are still alive after three seconds."""
    time.sleep(3.0)
    found = subprocess.run(["pgrep", "-f", str(out)], capture_output=True, text=True, check=False)
    return len(found.stdout.split())


def row(result: dict[str, Any]) -> str:
    """One line of the table."""
    losses = (result.get("base"), result.get("test"))
    return (
        f"| {result['case']} | {result['method']} | {result['moment']:.1f} | {result['went_on']} | "
        f"{result['lost']} | {result['took']:.1f} | {WINDOW - result['took']:.1f} | "
        f"{result['leftovers']} | {result['status']} | {result.get('steps', '-')} | "
        + " | ".join(f"{one['loss']:.3f}" if one else "-" for one in losses)
        + " |"
    )


def table(results: list[dict[str, Any]]) -> str:
    """The page."""
    late = [
        result for result in results
        if result["took"] > WINDOW or result["status"] != 0 or not result.get("test")
    ]  # fmt: skip
    head = (
        "| run | method | killed at, s | went on from | steps lost | took, s | spare, s | "
        "processes left | exit | steps | base loss | test loss |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    return "\n".join((
        "# Killed and resumed", "", nights.machine(), "",
        f"{len(results)} nights of {WINDOW:g} s (GSM8K, a real 260k-parameter Llama), each killed "
        "once by SIGKILL to its whole process group at a uniformly random moment between 3 % and "
        f"85 % of the window, then the same command again. Late or failed: {len(late)}. Seconds "
        "count from the first start.", "", head, *(row(result) for result in results), "",
        "Two nights at a time, one thread each. Repeat: `python bench/kills.py`", "",
    ))  # fmt: skip


def main() -> None:
    """Runs what is missing, then writes the table."""
    given = nights.arguments(__doc__ or "")
    given.work.mkdir(exist_ok=True)
    file = given.work / "kills.jsonl"
    done = {result["case"] for result in nights.remembered(file)}
    for case in nights.mine(RUNS, given.share) if not given.report else ():
        if case not in done:
            result = killed_once(case, given.data.resolve(), given.work.resolve())
            nights.remember(file, result)
            print(row(result), flush=True)
    page = table(sorted(nights.remembered(file), key=lambda result: int(result["case"])))
    nights.RESULTS.mkdir(exist_ok=True)
    (nights.RESULTS / "kills.md").write_text(page, "utf-8")
    print(page)


if __name__ == "__main__":
    main()

"""Hostile material, each in a process of its own: what ran, what hung, what answered, what it took.

python bench/safety.py            runs what is missing, writes the table (8 min)
python bench/safety.py --report   writes bench/results/safety.md again

The material is that of the tests (tests/safety): files, configurations, command lines, models,
others' checkpoints, run folders. What would run leaves a canary; no payload does harm.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nights

sys.path.insert(0, str(nights.ROOT))

from tests import small_nights
from tests.safety import corpus, models, processes
from tests.safety.corpus import Bench, Payload

GROUPS: Mapping[str, tuple[Payload, ...]] = {
    "data": corpus.DATA,
    "configurations": corpus.CONFIGURATION,
    "command lines": corpus.COMMAND,
    "models": models.MODELS,
    "another trainer's checkpoints": models.CHECKPOINTS,
    "run folders and history": models.RUNS,
}


def measure(work: Path) -> None:
    """Runs every payload that has no result yet."""
    small = small_nights.make(work / "small")
    done = {(one["group"], one["name"]) for one in results(work)}
    good = Payload("good data with a plan", lambda on: [
        "plan", str(on.good()), "--model", str(on.model), "--epochs", "1"], "", 0)  # fmt: skip
    for group, payloads in {"good": (good,), **GROUPS}.items():
        for number, payload in enumerate(payloads):
            if (group, payload.name) not in done:
                folder = work / f"{group.replace(' ', '-')}-{number}"
                told = one(payload, Bench(folder, small.model, work / "canary"))
                keep(work, {"group": group, "name": payload.name, "most": payload.most, **told})


def one(payload: Payload, on: Bench) -> dict[str, Any]:
    """One payload: how its command ended."""
    shutil.rmtree(on.folder, ignore_errors=True)
    on.folder.mkdir(parents=True)
    on.canary.unlink(missing_ok=True)
    history = str(on.folder / "history.sqlite3")
    with history_at(history):
        words = payload.lay(on)
    seen = processes.run(words, on.folder, OVERNIGHT_HISTORY=history)
    shutil.rmtree(on.folder, ignore_errors=True)
    lines = [line for line in seen.said.splitlines() if line.startswith("overnight: error: ")]
    wanted = (0, 2) if payload.status < 0 else (payload.status,)
    return {"status": seen.status, "peak": seen.peak, "ran": on.canary.exists(),
            "traceback": "Traceback" in seen.said, "as_wanted": seen.status in wanted,
            "one_line": len(lines) == (seen.status != 0), "said": seen.said[-500:]}  # fmt: skip


@contextmanager
def history_at(path: str) -> Iterator[None]:
    """The variable that a payload for the history reads, while it is laid out."""
    os.environ["OVERNIGHT_HISTORY"] = path
    yield
    os.environ["OVERNIGHT_HISTORY"] = "off"


def keep(work: Path, result: Mapping[str, Any]) -> None:
    """One line more."""
    with open(work / "safety.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")
    print(f"{result['group']}: {result['name']}: {result['status']}, {result['peak']:.0f} MiB")


def results(work: Path) -> list[dict[str, Any]]:
    """What has been measured so far."""
    path = work / "safety.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def report(found: list[dict[str, Any]]) -> Iterator[str]:
    """The table."""
    good = next(one["peak"] for one in found if one["group"] == "good")
    bad = [one for one in found if one["group"] != "good"]
    ran = sum(one["ran"] for one in bad)
    yield from ("# Hostile material", "", nights.machine(), "")
    yield (f"{len(bad)} payloads, executed: **{ran}**. Each in a process of its own; good data and "
           f"a plan takes {good:.0f} MiB there. *Answered* is the exit status that was wanted, and "
           "on an error just one line.")  # fmt: skip
    yield from ("", "| material | payloads | executed | hung or killed | tracebacks | answered | "
                "peak memory |", "|---|---|---|---|---|---|---|")  # fmt: skip
    for group in GROUPS:
        yield _line(group, [one for one in bad if one["group"] == group])
    yield from ("", "Where memory is the point:", "", "| payload | peak beyond good data |",
                "|---|---|")  # fmt: skip
    for one in bad:
        if one["most"]:
            yield f"| {one['name']} | {max(one['peak'] - good, 0):.0f} MiB |"


def _line(group: str, some: list[dict[str, Any]]) -> str:
    answered = sum(one["as_wanted"] and one["one_line"] for one in some)
    killed = sum(one["status"] < 0 for one in some)
    cells = (group, len(some), sum(one["ran"] for one in some), killed,
             sum(one["traceback"] for one in some), f"{answered} of {len(some)}",
             f"{max((one['peak'] for one in some), default=0):.0f} MiB")  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Measures what is missing, then writes the table."""
    asked = nights.arguments(str(__doc__))
    work = (asked.work / "safety").absolute()
    if not asked.report:
        work.mkdir(parents=True, exist_ok=True)
        measure(work)
    table = "\n".join(report(results(work))) + "\n"
    (nights.RESULTS / "safety.md").write_text(table, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()

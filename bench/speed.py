"""Tokens a second on the same work: our step, TRL's trainer, plain transformers; of the peak.

python bench/speed.py               every cell three times, about three hours on two quiet cores
python bench/speed.py --small       one cell, less than three minutes
python bench/speed.py --report      writes results/speed.md from what was measured so far

Each arm is a process of its own with the same threads, rows and adapter; the arms of a cell stand
in turn, beside a product of square matrices in the precision used. What was measured stays in
speed/runs.jsonl and is not measured again. Seconds are counted from the end of the first steps on,
and those of the whole process stand beside them.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nights
import speed_page
import speed_work as work

HERE = Path(__file__).resolve().parent
ROUNDS = 3
LIMIT = 1200.0
"""Seconds after which a process is ended: nothing here takes a third of that."""
ROWS = {"5m": 480, "15m": 240, "60m": 96}
"""Rows of a run in bf16: ten to thirty seconds of training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One piece of work that every arm does."""

    shape: str
    method: str
    precision: str
    data: str
    rows: int

    @property
    def arms(self) -> tuple[str, ...]:
        """Packing has nothing to do where rows are full already."""
        packed = () if self.data == "blocks" else ("trl packed",)
        return ("peak", "overnight", "trl", *packed, "plain")


def cells() -> Iterator[Cell]:
    """Every cell, the quickest first."""
    for shape, rows in ROWS.items():
        for data in ("gsm8k", "blocks", "self_dialogue"):
            for precision in ("bf16", "fp32") if data != "self_dialogue" else ("bf16",):
                count = rows // (1 if precision == "bf16" else 2) // (3 if data == "blocks" else 1)
                for method in ("full", "lora"):
                    yield Cell(shape=shape, method=method, precision=precision, data=data,
                               rows=count)  # fmt: skip


SMALL = (Cell(shape="5m", method="lora", precision="bf16", data="gsm8k", rows=96),)


def one(cell: Cell, arm: str, given: argparse.Namespace) -> dict[str, Any]:
    """Runs one arm; what it tells, with the seconds of the whole process."""
    folder = given.work
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    spec = asdict(cell) | {
        "arm": arm, "threads": given.threads, "model": str(folder / cell.shape),
        "tokenizer": str(folder / "tokenizer"), "source": str(given.data),
        "out": str(folder / "out"), "result": str(result)}  # fmt: skip
    words = [sys.executable, str(HERE / "speed_arms.py"), json.dumps(spec)]
    begun = time.perf_counter()
    with (folder / "arms.log").open("ab") as log:
        status = subprocess.run(words, stdout=log, stderr=log, check=False, timeout=LIMIT,
                                env=os.environ | {"OMP_NUM_THREADS": str(given.threads)}
                                ).returncode  # fmt: skip
    if status or not result.exists():
        raise SystemExit(f"{arm} failed in {cell}: see {folder / 'arms.log'}")
    return {**json.loads(result.read_text("utf-8")), "whole": time.perf_counter() - begun}


def prepared(given: argparse.Namespace, wanted: list[Cell]) -> None:
    """Tokenizer and models on the disk, in a process that ends before anything is timed."""
    pieces = work.tokenizer(given.work / "tokenizer", given.data)
    for shape in {cell.shape for cell in wanted}:
        work.model(given.work / shape, shape, pieces)


def measure(given: argparse.Namespace, wanted: list[Cell], rounds: int) -> None:
    """Whatever is missing of so many rounds."""
    file = given.work / "runs.jsonl"
    done = {(tuple(run["cell"].values()), run["arm"], run["round"], run["threads"])
            for run in nights.remembered(file)}  # fmt: skip
    prepared(given, wanted)
    for number in range(rounds):
        for cell in wanted:
            for arm in cell.arms:
                key = (tuple(asdict(cell).values()), arm, number, given.threads)
                if key in done:
                    continue
                found = one(cell, arm, given)
                nights.remember(file, {"cell": asdict(cell), "arm": arm, "round": number,
                                       "threads": given.threads, **found})  # fmt: skip
                print(f"round {number + 1} {arm:10} {found['whole']:6.1f} s  {cell}", flush=True)


def main() -> None:
    """Measures what is asked for and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=nights.ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("bench-work"))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--report", action="store_true", help="only write the table")
    parser.add_argument("--only", default="", help="cells in whose description this stands")
    given = parser.parse_args()
    given.data, given.work = given.data.resolve(), given.work.resolve() / "speed"
    given.work.mkdir(parents=True, exist_ok=True)
    wanted = list(SMALL) if given.small else [one for one in cells() if given.only in str(one)]
    if not given.report:
        measure(given, wanted, 1 if given.small else given.rounds)
    runs = [run for run in nights.remembered(given.work / "runs.jsonl")
            if any(run["cell"] == asdict(cell) for cell in wanted)]  # fmt: skip
    page = speed_page.page(runs, given.work)
    print(page)
    if not given.small:
        (nights.RESULTS / "speed.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()

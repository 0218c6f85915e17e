"""Results of runs as at_deadline.py keeps them, made up."""

from at_deadline_night import PHASES
from at_deadline_plans import Cell, Run, base_cell

CELL = Cell("fresh", "gsm8k", "full", 60.0)
COUNTS = [10, 30, 60]
HEAD = {"date": "2026-11-21 18:00", "machine": "a machine", "versions": {"torch": "2.13"},
        "threads": "2"}  # fmt: skip


def rows(loss: float) -> list[int]:
    """Thousandths of a nat: every token of every row has this loss."""
    return [round(1000 * loss * count) for count in COUNTS]


def base(loss: float = 8.0) -> dict:
    run = Run("base", base_cell(CELL), 0)
    return HEAD | {"key": run.key, "arm": "base", "cell": run.cell.name, "seed": 0, "rate": None,
                   "window": 0.0, "loss": loss, "rows": rows(loss), "counts": COUNTS, "n": 3,
                   "parameters": 5_900_000, "train_rows": 7, "train_tokens": 900}  # fmt: skip


def of(arm: str, loss: float | None, *, seed: int = 1, rate: float | None = None,
       cell: Cell = CELL) -> dict:  # fmt: skip
    run = Run(arm, cell, seed, rate)
    told = HEAD | {
        "key": run.key, "arm": arm, "cell": cell.name, "seed": seed, "rate": rate,
        "window": cell.window, "loss": loss, "rows": None if loss is None else rows(loss), "n": 3,
        "steps": 100, "tokens": 60_000, "took": cell.window, "passed_over": [],
    }  # fmt: skip
    if arm == "overnight":
        told |= {"curve": [(15.0, 6.0), (30.0, 5.0), (55.0, 4.0)], "candidate": None,
                 "phases": dict.fromkeys(PHASES, 1.0)}  # fmt: skip
    return told


def by_key(*some: dict) -> dict[str, dict]:
    return {one["key"]: one for one in some}

"""How wide the interval of a night must be: the nights of plans.py with other doubts of their pace.

python bench/drift.py --work FOLDER     seconds; FOLDER is that of plans.py, once or several times

An interval of a night is the arithmetic of control/forecast.py over its phases. Here that of
training and of the looks is undone with the `DRIFT` that the nights were run with and drawn again
with others; everything else stands as it was promised. The line of the `DRIFT` that they had must
give back what plans.md says.
"""

import argparse
import json
import math
from pathlib import Path
from statistics import median
from typing import Any

import nights

TRIED = (0.03, 0.05, 0.06, 0.07, 0.08, 0.09, 0.10, 0.12, 0.15)
DRAWN = ("training", "evaluations")


def redrawn(result: dict[str, Any], phases: dict[str, Any], was: float, now: float) -> list[float]:
    """The promise (low, middle, high; seconds) with another doubt of the pace."""
    from overnight.control.forecast import SEEN_WEIGHT

    low, mid, high = result["promised"]
    seconds, seen = phases["training"]["mid"], result["rehearsed_seconds"]
    share = math.sqrt(seconds / (seconds + SEEN_WEIGHT * seen))
    for name in DRAWN:
        middle = phases[name]["mid"]
        wide = phases[name]["high"] / middle - 1.0 if middle else 0.0
        chance = math.sqrt(max(wide**2 - (was * share) ** 2, 0.0))
        wider = math.hypot(chance, now * share)
        low += middle / (1.0 + wider) - phases[name]["low"]
        high += middle * (1.0 + wider) - phases[name]["high"]
    return [low, mid, high]


def line(found: list[tuple[dict[str, Any], dict[str, Any]]], was: float, now: float) -> str:
    """One line: how often the intervals hold, how wide they are."""
    drawn = [(redrawn(result, phases, was, now), result["total"]) for result, phases in found]
    held = sum(low <= total <= high for (low, _, high), total in drawn)
    wide = median((high - low) / mid for (low, mid, high), _ in drawn)
    return f"| {now:.2f} | {held} of {len(drawn)} | {100 * wide:.1f} % |"


def nights_of(work: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every case's first night with its promised phases."""
    kept = [one for one in nights.remembered(work / "plans.jsonl") if not one["again"]]
    return [(one, _phases(work / f"night-{one['case']:02d}-0")) for one in kept if "total" in one]


def _phases(out: Path) -> dict[str, Any]:
    plan = json.loads((out / "plan.json").read_text("utf-8"))["plan"]
    return dict(plan["time"]["phases"])


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, nargs="+", default=[Path("bench-work/plans")])
    parser.add_argument("--was", type=float, required=True, help="DRIFT as those nights had it")
    given = parser.parse_args()
    pages = ["# The doubt of a night's pace", "", nights.machine()]
    for work in given.work:
        found = nights_of(work)
        commit = (work / "commit").read_text().strip()
        load = median(result["busy"] for result, _ in found)
        lines = [line(found, given.was, now) for now in TRIED]
        about = (f"{len(found)} nights, commit {commit}, DRIFT {given.was:g} as they ran; load "
                 f"average {load:.1f} in the median")  # fmt: skip
        head = ("| DRIFT | held | wide, median |", "|---|---|---|")
        pages += ["", about, "", *head, *lines]
    page = "\n".join([*pages, ""])
    print(page)
    (nights.RESULTS / "drift.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()

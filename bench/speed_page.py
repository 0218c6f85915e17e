"""The table of bench/speed.py.

In: runs as they were remembered. Out: a page: tokens a second with their spread, ratios of arms
that stood side by side, shares of the measured peak. Never: a run.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import nights
import speed_work as work

Runs = dict[str, dict[int, dict[str, Any]]]
"""Of one cell: by arm and round."""
FIRST = {"trl packed": 1, "60m": 2}
"""Steps that are not counted, where there are few; else ..."""
SETTLING = 5
"""... so many."""


def counted(run: dict[str, Any]) -> tuple[float, int, int, list[int]]:
    """Seconds, tokens, learnt tokens and row lengths after the first steps."""
    first = min(FIRST.get(run["arm"], SETTLING), FIRST.get(run["cell"]["shape"], SETTLING))
    steps = run["steps"]
    first = max(min(first, len(steps) - 1), 1)
    rest = steps[first:]
    seconds = steps[-1][0] - steps[first - 1][0]
    return (seconds, sum(step[1] for step in rest), sum(step[2] for step in rest),
            [length for step in rest for length in step[3]])  # fmt: skip


def pace(run: dict[str, Any]) -> float:
    """Tokens a second, padding left out."""
    seconds, tokens, *_ = counted(run)
    return tokens / seconds


def share(run: dict[str, Any], peak: float) -> float:
    """Operations that the counted steps needed, of what the machine could have done meanwhile."""
    cell = run["cell"]
    seconds, _, learnt, lengths = counted(run)
    return work.operations(cell["shape"], cell["method"], lengths, learnt) / seconds / peak


def spread(values: Sequence[float], form: str) -> str:
    """The middle one, and the ends where there are several."""
    if not values:
        return "-"
    middle = format(median(values), form)
    if len(values) == 1:
        return middle
    return f"{middle} ({format(min(values), form)}-{format(max(values), form)})"


def ratios(runs: Runs, arm: str) -> list[float]:
    """Our pace over another's, round by round."""
    both = runs["overnight"].keys() & runs[arm].keys()
    return [pace(runs["overnight"][k]) / pace(runs[arm][k]) for k in sorted(both)]


def shares(runs: Runs, arm: str) -> list[float]:
    """Shares of the peak that was measured in the same round."""
    both = runs[arm].keys() & runs["peak"].keys()
    return [100.0 * share(runs[arm][k], runs["peak"][k]["peak"]) for k in sorted(both)]


def line(cell: dict[str, Any], runs: Runs) -> str:
    """One row of the table."""
    paces = {arm: spread([pace(run) for run in by.values()], ",.0f")
             for arm, by in runs.items() if arm != "peak"}  # fmt: skip
    arms = [paces.get(arm, "-") for arm in ("overnight", "trl", "trl packed", "plain")]
    against = [spread(ratios(runs, arm), ".2f") for arm in ("trl", "trl packed", "plain")]
    of_peak = [spread(shares(runs, arm), ".1f") for arm in ("overnight", "plain")]
    words = [cell["data"], cell["shape"].upper(), cell["method"], cell["precision"]]
    return "| " + " | ".join([*words, *arms, *against, *of_peak]) + " |"


def whole(cell: dict[str, Any], runs: Runs) -> str:
    """Seconds and memory of whole processes."""
    words = [cell["data"], cell["shape"].upper(), cell["method"], cell["precision"]]
    arms = ("overnight", "trl", "trl packed", "plain")
    took = [spread([run["whole"] for run in runs[arm].values()], ".0f") for arm in arms]
    held = [spread([run["peak_mib"] for run in runs[arm].values()], ",.0f") for arm in arms]
    return "| " + " | ".join([*words, *took, *held]) + " |"


def by_cell(found: list[dict[str, Any]]) -> dict[str, Runs]:
    """The runs in order of their cells."""
    cells: dict[str, Runs] = {}
    for run in found:
        cell = cells.setdefault(json.dumps(run["cell"]), defaultdict(dict))
        cell[run["arm"]][run["round"]] = run
    return cells


HEAD = ["| data | model | method | precision | overnight, tokens/s | TRL defaults | TRL packed | "
        "plain transformers | times TRL | times packed | times plain | our share of the peak, % | "
        "plain's |", "|" + "---|" * 13]  # fmt: skip
WHOLE = ["| data | model | method | precision | overnight, s | TRL | TRL packed | plain | "
         "overnight, MiB | TRL | TRL packed | plain |", "|" + "---|" * 12]  # fmt: skip


def peaks(found: list[dict[str, Any]]) -> str:
    """What the machine can, in both precisions."""
    said = []
    for precision in ("bf16", "fp32"):
        rates = [run["peak"] / 1e9 for run in found
                 if run["arm"] == "peak" and run["cell"]["precision"] == precision]  # fmt: skip
        said += [f"{precision} {spread(rates, ',.0f')}"] if rates else []
    return "Square products of side 2,048, GFLOP/s: " + ", ".join(said) + "."


def page(found: list[dict[str, Any]], folder: Path) -> str:
    """The whole page."""
    cells = by_cell(found)
    rows = [line(json.loads(cell), runs) for cell, runs in cells.items()]
    took = [whole(json.loads(cell), runs) for cell, runs in cells.items()]
    threads = ", ".join(sorted({str(run["threads"]) for run in found}))
    about = (
        f"Fresh Llamas, {threads} threads each; the same rows once through, {len(found)} processes "
        "in turn, medians with their spread. Tokens are the rows' own: padding counts for nobody. "
        "TRL defaults: bf16 (or as named), gradient checkpointing, 8 rows a step, all as it comes; "
        "packed: `packing=True` with as many tokens a step. Plain: a loop by hand with padded "
        "batches, autocast, clipping, AdamW. Shares count what the rows need, the head at learnt "
        "tokens alone; `blocks` are rows of 512 tokens, all of them learnt."
    )
    profile = folder / "profile.md"
    more = ["", profile.read_text("utf-8").rstrip()] if profile.exists() else []
    return "\n".join(["# Tokens a second", "", nights.machine(), "", about, "", peaks(found), "",
                      *HEAD, *rows, "", "Whole processes, imports and loading counted in:", "",
                      *WHOLE, *took, *more, "", "Repeat: `python bench/speed.py`", ""])  # fmt: skip

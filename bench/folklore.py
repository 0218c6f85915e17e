"""The guides' claims beside what was measured here: docs/folklore.md, generated.

python bench/folklore.py            takes what is missing, about eight hours in all
python bench/folklore.py --run bot  only this one; goes on where it stood
python bench/folklore.py --small    every run in a minute: shows that it runs, settles nothing
python bench/folklore.py --report   only writes the page

A claim whose run is missing says so on the page; no figure stands there that no run gave.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import folklore_guide1
import folklore_guide2
import folklore_guide4
import folklore_runs
import nights
from folklore_claims import OPEN, UNMEASURED, Claim, Found, machine_of

PAGE = nights.ROOT / "docs" / "folklore.md"
CLAIMS = (*folklore_guide1.CLAIMS, *folklore_guide2.CLAIMS, *folklore_guide4.CLAIMS)
TITLES = {1: "Guide 1: an adapter on Colab", 2: "Guide 2: a message bot on an RTX 2080 Ti",
          4: "Guide 4: a twelve-hour window on an H100"}  # fmt: skip
PAGES = {"accumulation-page": ("accumulation.md", "python bench/accumulation.py"),
         "plans-page": ("plans.md", "python bench/plans.py")}  # fmt: skip
HEAD = "| claim | where | measured here | on what | verdict | repeat |\n|---|---|---|---|---|---|"
Results = Mapping[str, Mapping[str, Any]]


def arguments() -> argparse.Namespace:
    """The words of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=nights.ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("bench-work"))
    parser.add_argument("--run", default="", help="only this run")
    parser.add_argument("--small", action="store_true", help="windows of a minute")
    parser.add_argument("--report", action="store_true", help="only write the page")
    return parser.parse_args()


def row(claim: Claim, results: Results) -> str:
    """One line of the page."""
    found, on, repeat = settled(claim, results)
    known = f"; known: {claim.known}" if claim.known else ""
    cells = (claim.says, claim.where, found.measured, on, f"{found.verdict}{known}", repeat)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def settled(claim: Claim, results: Results) -> tuple[Found, str, str]:
    """What was found, on what, and the command that repeats it."""
    nothing = Found(UNMEASURED, OPEN)
    if claim.judge is None:
        return nothing, "", ""
    if claim.run == "arithmetic":
        return claim.judge({}), "arithmetic", ""
    if claim.run in PAGES:
        page, command = PAGES[claim.run]
        link = f"[{page}](../bench/results/{page}): {machine_of(page)}"
        return claim.judge({}), link, f"`{command}`"
    command = f"`python bench/folklore.py --run {claim.run}`"
    result = results.get(claim.run)
    if result is None:
        return nothing, "", command
    try:
        return claim.judge(result), conditions(claim.run, result), command
    except KeyError:  # a setting was left out of its run: it does not fit here
        return nothing, "", command


def conditions(run: str, result: Mapping[str, Any]) -> str:
    """On what a run was measured."""
    if run == "epochs":
        return f"{folklore_runs.EPOCH_ROWS:,} rows of GSM8K, the demo's base model"
    return (f"{result['model']}, {result['data']}, {result['machine']}; {result['seeds']} seeds of "
            f"{result['seconds']:.0f} s, {result['rows']} held-out rows")  # fmt: skip


def summary(results: Results) -> str:
    """How many claims there are and how many are settled."""
    verdicts = [settled(claim, results)[0] for claim in CLAIMS]
    unmeasured = sum(one.measured == UNMEASURED for one in verdicts)
    kinds = Counter("arithmetic" if claim.run == "arithmetic" else "measured"
                    for claim, one in zip(CLAIMS, verdicts, strict=True)
                    if one.measured != UNMEASURED)  # fmt: skip
    return (f"{len(CLAIMS)} claims: {kinds['arithmetic']} settled by the guides' own figures, "
            f"{kinds['measured']} measured here, {unmeasured} {UNMEASURED}.")  # fmt: skip


def page(results: Results) -> str:
    """The whole page."""
    parts = [
        "# Folklore: what the guides claim, and what was measured",
        "Every quantitative claim of guides 1, 2 and 4, written by `python bench/folklore.py`. "
        "Quality is the share of the first setting's gain over the base model, on held-out rows; "
        "figures in brackets are 95 % intervals. A claim of a card that was not here stays open. "
        "Small models on two cores say nothing of a card's hours; that accumulation, padding or a "
        "rate does to a loss what it does here is a hint for larger ones and no proof.",
        summary(results),
    ]
    for guide, title in TITLES.items():
        rows = [row(claim, results) for claim in CLAIMS if claim.guide == guide]
        parts.append("\n".join((f"## {title}\n", HEAD, *rows)))
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Takes what is missing and writes the page."""
    given = arguments()
    given.work.mkdir(parents=True, exist_ok=True)
    if not given.report:
        folklore_runs.take(given.data, given.work, small=given.small, only=given.run)
    written = page(folklore_runs.results(given.work, small=given.small))
    if given.small:
        sys.stdout.write(written)
    else:
        PAGE.write_text(written, "utf-8")


if __name__ == "__main__":
    main()

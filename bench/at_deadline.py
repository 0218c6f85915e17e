"""The measurement that decides: held-out loss of what is on the disk at the deadline, ours and
everybody else's.

python bench/at_deadline.py --plan small     one cell, about 4 minutes, results only in --work
python bench/at_deadline.py --plan hour      two cells of 60 s with tuned rates
python bench/at_deadline.py --plan full      all of it, hours; goes on where it stopped
python bench/at_deadline.py --list           what is still to come, and its price
python bench/at_deadline.py --report         writes bench/results/at_deadline.md

Nothing else may run meanwhile: every arm has the machine to itself, one after another.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import at_deadline_page
import at_deadline_plans
import at_deadline_runs
import nights
from at_deadline_arms import ARMS, BASE
from at_deadline_plans import Plan
from at_deadline_ready import ready
from at_deadline_standings import Table

FILE = nights.RESULTS / "at_deadline.jsonl"


def arguments() -> argparse.Namespace:
    """What was asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plan", choices=("full", "hour", "small"), default="full")
    parser.add_argument("--data", type=Path, default=nights.ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("bench-work") / "at_deadline")
    parser.add_argument("--results", type=Path, help="else bench/results, or --work for `small`")
    parser.add_argument("--only", nargs="*", default=[], help="arms to run, of those to come")
    parser.add_argument("--list", action="store_true", help="only say what is to come")
    parser.add_argument("--report", action="store_true", help="only write the page")
    return parser.parse_args()


def results(file: Path) -> dict[str, Mapping[str, Any]]:
    """The newest result of every run."""
    return {one["key"]: one for one in nights.remembered(file)}


def run(given: argparse.Namespace, plan: Plan, file: Path) -> None:
    """All that is to come, one after another; every result is kept at once."""
    given.work.mkdir(parents=True, exist_ok=True)
    while True:
        known = results(file)
        wanted = {*given.only, BASE} if given.only else set(ARMS)
        coming = (one for one in at_deadline_plans.coming(plan, known) if one.arm in wanted)
        following = next(coming, None)
        if following is None:
            return
        on = ready(following.cell.base, following.cell.data, given.data.resolve(), given.work)
        one = at_deadline_runs.result(following, on, given.work.resolve())
        nights.remember(file, one)
        print(at_deadline_page.brief(one, Table(results(file).values())), flush=True)


def say(plan: Plan, known: Mapping[str, Mapping[str, Any]]) -> None:
    """What is to come as far as it is known; a tuning adds rates as it goes."""
    coming = list(at_deadline_plans.coming(plan, known))
    print(*(one.key for one in coming), sep="\n")
    seconds = sum(one.cell.window + at_deadline_plans.JUDGED_SECONDS for one in coming)
    print(f"{len(coming)} runs, {seconds / 60:.0f} min and the tuning; "
          f"the whole plan is about {at_deadline_plans.price(plan) / 60:.0f} min")  # fmt: skip


def main() -> None:
    """Runs what is missing, then writes the page."""
    given = arguments()
    plan = at_deadline_plans.plan(given.plan)
    small = given.plan == "small"
    file = given.results or (given.work / "at_deadline.jsonl" if small else FILE)
    if given.list:
        say(plan, results(file))
        return
    if not given.report:
        run(given, plan, file)
    text = at_deadline_page.page(results(file).values())
    file.with_suffix(".md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()

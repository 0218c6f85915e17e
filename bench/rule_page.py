"""The page of rule.py: what its runs say of rates, batches, averages and pilots.

In: results of runs. Out: lines of Markdown. Never: a run.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

import nights
from overnight.planning import pilots, rules
from overnight.planning.pilots import Tried

Result = Mapping[str, Any]
WIDTHS = {"stories": 64, "fresh-tiny": 64, "demo": 256, "fresh-5m": 256, "fresh-15m": 512,
          "fresh-60m": 768}  # fmt: skip
"""Hidden sizes, so that the page shows the rule as it is now."""
Group = tuple[str, str, float, int]
"""Base, method, counted seconds, rows a step."""


def grouped(results: Sequence[Result]) -> dict[Group, list[Result]]:
    """Runs that differ in their rate alone, the lowest first."""
    found: dict[Group, list[Result]] = {}
    for one in sorted(results, key=lambda one: float(one["rate"])):
        key = (one["base"], one["method"], one["seconds"], one["rows"])
        found.setdefault(key, []).append(one)
    return dict(sorted(found.items()))


def last(one: Result) -> float:
    """Its loss at the end."""
    return float(one["losses"]["last"])


def at_rate(runs: Sequence[Result], rate: float) -> float:
    """The loss at a rate, between those that were run: straight in the logarithm of the rate."""
    known = [(math.log(one["rate"]), last(one)) for one in runs]
    here = min(max(math.log(rate), known[0][0]), known[-1][0])
    for (low, left), (high, right) in pairwise(known):
        if low <= here <= high:
            return left + (right - left) * (here - low) / (high - low)
    return known[0][1]


def ruled(one: Result) -> float:
    """The rate that our rule takes for this run."""
    fresh = one["base"].startswith("fresh")
    rate = rules.learning_rate(one["method"], WIDTHS[one["base"]], one["steps"])
    return rules.from_scratch(rate, one["method"]) if fresh else rate


def best(runs: Sequence[Result]) -> float | None:
    """The best rate by a parabola; none where the lowest loss is at an edge."""
    place = min(range(len(runs)), key=lambda at: last(runs[at]))
    tried = [Tried(learning_rate=one["rate"], loss=last(one)) for one in runs]
    return pilots.concluded(tried) if 0 < place < len(runs) - 1 else None


def rates(groups: Mapping[Group, Sequence[Result]]) -> Iterator[str]:
    """Rates and losses of every group, and what the rule's own rate costs."""
    yield "| base | method | rows | steps | loss by rate | best rate | the rule's | costs |"
    yield "|---|---|---|---|---|---|---|---|"
    for (base, method, _, rows), runs in groups.items():
        told = ", ".join(f"{one['rate']:g}: {last(one):.3f}" for one in runs)
        top, mine = best(runs), ruled(runs[0])
        lowest = min(last(one) for one in runs)
        inside = runs[0]["rate"] <= mine <= runs[-1]["rate"] and len(runs) > 2
        costs = f"{at_rate(runs, mine) - lowest:+.3f}" if inside else "-"
        yield (f"| {base} | {method} | {rows} | {runs[0]['steps']} | {told} | "
               f"{f'{top:.2g}' if top else '-'} | {mine:.2g} | {costs} |")  # fmt: skip


def averages(results: Sequence[Result]) -> Iterator[str]:
    """What the mean of the last weights was worth beside the last ones."""
    for name in ("average-0.1", "average-0.2"):
        off = [one["losses"][name] - last(one) for one in results if one["steps"] >= 40]
        if off:
            better = sum(one < 0 for one in off)
            yield (f"- Mean of the weights of the last {float(name[8:]):.0%} of the steps: better "
                   f"in {better} of {len(off)} runs; median {median(off):+.4f} nats, best "
                   f"{min(off):+.4f}, worst {max(off):+.4f}.")  # fmt: skip


def flown(groups: Mapping[Group, Sequence[Result]]) -> Iterator[str]:
    """What pilots of some length would have cost or brought a longer run."""
    yield "| base | steps | pilot's steps | says, corrected | loss there | the rule's loss |"
    yield "|---|---|---|---|---|---|"
    for (base, method, seconds, rows), runs in groups.items():
        if rows != 4 or method != "full" or len(runs) < 3:
            continue
        for (other, how, short, size), tried in groups.items():
            said = best(tried) if (other, how, size) == (base, method, rows) else None
            if said is None or short >= seconds / 2:
                continue
            steps, few = runs[0]["steps"], tried[0]["steps"]
            rate = pilots.for_horizon(said, pilot_steps=few, steps=steps)
            yield (f"| {base} | {steps} | {few} | {rate:.2g} | {at_rate(runs, rate):.3f} | "
                   f"{at_rate(runs, ruled(runs[0])):.3f} |")  # fmt: skip


def page(results: Sequence[Result]) -> Iterator[str]:
    """All of it."""
    groups = grouped(results)
    yield from ("# The rule that picks", "", nights.machine() + ", one thread", "")
    yield ("Time is counted (so much a step, so much a token, measured once), so groups of one "
           "base and method with the same seconds are equal in time; GSM8K, held-out loss of the "
           "answers in nats a token, 120 rows, one seed. What the rule's rate costs is read off "
           "straight lines between runs, too much where the curve bends. The factor for bases that "
           "have learnt nothing, LoRA's fall on narrow layers and the noise of sizing were set "
           "with these runs in view.")  # fmt: skip
    yield from ("", "## Rates and batches", "", *rates(groups), "")
    yield from ("## Averages", "", *averages(results), "")
    yield from ("## Pilots", "", "Their own time is not counted here.", "", *flown(groups), "")
    yield from ("Repeat: `python bench/rule.py --part ...` for each part, then `--report`", "")

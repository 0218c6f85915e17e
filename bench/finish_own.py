"""Finishing times of our own nights, by the forecasts that they journalled.

In: the folder of plans.py. Out: lines of a table for finish.py. Never: a forecast made afterwards.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

SCORED = (0.1, 0.5, 0.9)
"""Shares of the steps that are done when a forecast is scored."""
MISSES = 0.1
"""Of the ends that an interval may miss: ours is to hold nine times in ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A forecast as a night of ours journalled it, and what came."""

    low: float
    high: float
    naive: float
    left: float
    """All in seconds from the forecast on."""

    @property
    def score(self) -> float:
        """As `Guess.score`."""
        outside = max(self.low - self.left, self.left - self.high, 0.0)
        return (self.high - self.low + 2 / MISSES * outside) / self.left

    @property
    def naive_score(self) -> float:
        """As `Guess.naive_score`."""
        return 2 / MISSES * abs(self.naive - self.left) / self.left


def own(run: Path, share: float) -> Own | None:
    """The first forecast of a whole night with so much of its steps behind it."""
    told = [json.loads(line) for line in (run / "events.jsonl").read_text("utf-8").splitlines()]
    steps = [event for event in told if event["kind"] == "Stepped"]
    if told[-1]["kind"] != "Ended" or any(event["kind"] == "Crashed" for event in told):
        return None
    last, begun = steps[-1]["step"], steps[0]["utc"] - steps[0]["seconds"]
    for event in told:
        if event["kind"] == "Forecast" and event["step"] >= share * last:
            now, done = event["utc"], event["step"]
            return Own(low=event["low_utc"] - now, high=event["high_utc"] - now,
                       naive=(now - begun) / done * (last - done),
                       left=told[-1]["utc"] - now)  # fmt: skip
    return None


def owns(work: Path) -> Iterator[str]:
    """The nights of plans.py, where their folders lie; medians at three places."""
    runs = sorted(work.glob("night-*-0"))
    for share in SCORED:
        made = [one for run in runs if (one := own(run, share)) is not None]
        if made:
            held = sum(one.low <= one.left <= one.high for one in made)
            nearer = sum(one.score < one.naive_score for one in made)
            yield (f"| {share:.0%} | {len(made)} | {median(o.score for o in made):.1%} | "
                   f"{median(o.naive_score for o in made):.1%} | {nearer} | {held} |")  # fmt: skip


def table(work: Path) -> list[str]:
    """The same of our own nights of fixed steps, by the forecasts that they journalled."""
    rows = list(owns(work))
    if not rows:
        return []
    commit = (work / "commit").read_text("utf-8").strip()
    return [f"Nights of fixed steps (plans.py, commit {commit}), medians; what is naive knows "
            "neither looks nor the ending:", "",
            "| done | nights | ours | naive | ours less | interval held |",
            "|---|---|---|---|---|---|", *rows, ""]  # fmt: skip

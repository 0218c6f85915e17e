"""What a night of ours tells of itself: where its window went, and its select loss by the clock.

In: the journal's lines. Out: seconds by phase, a curve. Never: a loss for the tables (the judge's).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PHASES = ("start", "imports", "look", "load", "base", "sizes", "pilots", "training", "looks",
          "saves", "publishing", "rest", "unused")  # fmt: skip

Line = Mapping[str, Any]


def lines(folder: Path) -> list[Line]:
    """The journal, as far as it was written."""
    path = folder / "events.jsonl"
    found = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:  # the last one of a night that was killed
            break
    return found


def _sum(journal: Sequence[Line], kind: str, field: str = "seconds") -> float:
    return float(sum(one[field] for one in journal if one["kind"] == kind))


def phases(journal: Sequence[Line], window: float, took: float) -> dict[str, float]:
    """Seconds of the window by what they went to; they add up to it.

    `start` is the supervisor's before its child begins, `base` the looks at the base, `training`
    all steps of the path; `rest` whatever has no event of its own.
    """
    begun = [one for one in journal if one["kind"] == "Prepared"]
    known = {
        "imports": _sum(begun, "Prepared", "import_seconds"),
        "look": _sum(begun, "Prepared", "data_seconds"),
        "load": _sum(begun, "Prepared", "load_seconds"),
        "training": _sum(journal, "Stepped"),
        "base": sum(one["seconds"] for one in journal
                    if one["kind"] == "Evaluated" and one.get("base")),
        "looks": sum(one["seconds"] for one in journal
                     if one["kind"] == "Evaluated" and not one.get("base")),
        "sizes": _sum(journal, "Sized"),
        "pilots": _sum(journal, "Rated"),
        "saves": _sum(journal, "Saved"),
        "publishing": _sum(journal, "Published"),
    }  # fmt: skip
    first = begun[0]["t"] - sum(known[name] for name in ("imports", "look", "load")) if begun else 0
    known["start"] = max(first, 0.0)
    known["unused"] = max(window - took, 0.0)
    known["rest"] = window - sum(known.values())
    return {name: round(known[name], 2) for name in PHASES}


def curve(journal: Sequence[Line]) -> list[tuple[float, float]]:
    """Seconds since the start and the *select* loss of every look that was not at the base."""
    return [(round(one["t"], 2), one["loss"]["loss"]) for one in journal
            if one["kind"] == "Evaluated" and one["part"] == "select"
            and not one.get("base")]  # fmt: skip


def told(folder: Path, window: float, took: float) -> dict[str, Any]:
    """Steps, tokens, what was chosen, phases and curve."""
    journal = lines(folder)
    steps = [one for one in journal if one["kind"] == "Stepped"]
    plan = folder / "plan.json"
    written = json.loads(plan.read_text("utf-8")) if plan.exists() else {}
    published = [one for one in journal if one["kind"] == "Published"]
    return {
        "steps": len(steps),
        "tokens": sum(one["tokens"] for one in steps),
        "phases": phases(journal, window, took),
        "curve": curve(journal),
        "chosen": [one["name"] for one in journal if one["kind"] == "Chosen"][-1:],
        "published_at": published[-1]["t"] if published else None,
        "candidate": written.get("candidate"),
        "pilots": sum(one["kind"] == "Piloted" for one in journal),
        "sizing": sum(one["kind"] == "Sized" for one in journal),
    }

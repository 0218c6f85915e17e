"""What a guide claims, and how what was measured here is set beside it.

In: a comparison's JSON, a page of results, or arithmetic alone. Out: `Found`: the figure as it was
measured, and the verdict that follows from its interval. Never: a figure of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import nights

UNMEASURED = "not measured yet"
HOLDS, FALSE, OPEN = "holds here", "false here", "open"
Result = Mapping[str, Any]
"""`comparison.json`, or what a run of nights left."""


@dataclass(frozen=True, slots=True)
class Found:
    """What settles a claim."""

    measured: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One quantitative claim of a guide."""

    guide: int
    where: str
    says: str
    run: str = ""
    """Of folklore_runs.py, whose result settles it; or `accumulation`, `guide4`: pages that are
    there; or `arithmetic`."""
    judge: Callable[[Result], Found] | None = None
    known: str = ""
    """What others published or arithmetic says; no measurement of ours."""


def arithmetic(**claim: Any) -> Claim:
    """A claim that the guide's own figures settle: `measured` is what they give."""
    measured, verdict = claim.pop("gives"), claim.pop("verdict")
    return Claim(run="arithmetic", judge=lambda _: Found(measured, verdict), **claim)


def setting(result: Result, name: str) -> dict[str, Any]:
    """One setting of a comparison.

    Raises:
        KeyError: it is not there.
    """
    for one in result["settings"]:
        if one["name"] == name:
            return dict(one)
    raise KeyError(name)


def within(spread: Mapping[str, float], low: float, high: float | None = None) -> str:
    """Whether an interval reaches what is claimed: one figure, or anything between two."""
    top = low if high is None else high
    if spread["high"] < low:
        return f"{FALSE}: less"
    return f"{FALSE}: more" if spread["low"] > top else HOLDS


def words(spread: Mapping[str, float], unit: str = "") -> str:
    """A figure with what it varied between."""
    mid, low, high = (f"{spread[name]:.3g}" for name in ("mid", "low", "high"))
    return f"{mid}{unit} ({low} to {high})" if spread["n"] > 1 else f"{mid}{unit} (one look)"


def faster(name: str, times: float, most: float | None = None) -> Callable[[Result], Found]:
    """Supervised tokens a second over the first setting's."""

    def judge(result: Result) -> Found:
        speed = setting(result, name)["speed"]
        return Found(f"{words(speed, 'x')} as fast", within(speed, times, most))

    return judge


def job(name: str, share: float, most: float | None = None) -> Callable[[Result], Found]:
    """Time for the whole job over the first setting's; the pace's extremes against its middle."""

    def judge(result: Result) -> Found:
        mine, theirs = (one["job_seconds"] for one in
                        (setting(result, name), result["settings"][0]))  # fmt: skip
        ratio = {key: mine[key] / theirs["mid"] for key in ("low", "mid", "high")}
        spread = {**ratio, "n": mine["n"]}
        return Found(f"{words(spread)} of its time", within(spread, share, most))

    return judge


def keeps(name: str, low: float, high: float = 1e9, *, at: str = "at_work"
          ) -> Callable[[Result], Found]:  # fmt: skip
    """Per cent of the first setting's gain, after the same work or the same time."""

    def judge(result: Result) -> Found:
        outcome = setting(result, name)[at]
        quality = outcome and outcome["quality"]
        if not quality:
            return Found(UNMEASURED, OPEN)
        after = {"at_work": "the same work", "at_time": "the same time"}[at]
        return Found(f"{words(quality, ' %')} of its gain after {after}",
                     within(quality, low, high))  # fmt: skip

    return judge


def memory(name: str, share: float, most: float) -> Callable[[Result], Found]:
    """Peak memory over the first setting's."""

    def judge(result: Result) -> Found:
        mine, theirs = (one["peak_bytes"] for one in
                        (setting(result, name), result["settings"][0]))  # fmt: skip
        ratio = mine / theirs
        spread = {"low": ratio, "mid": ratio, "high": ratio, "n": 1}
        return Found(f"{ratio:.2f} of its peak ({mine / 2**20:,.0f} MiB)",
                     within(spread, share, most))  # fmt: skip

    return judge


def steady(name: str) -> Callable[[Result], Found]:
    """Whether anything went wrong with a setting that is said to be safe, or unstable."""

    def judge(result: Result) -> Found:
        troubles = {key: count for key, count in setting(result, name)["troubles"].items()
                    if key != "clipped"}  # fmt: skip
        said = ", ".join(f"{count} {key}" for key, count in troubles.items())
        return Found(said or "no step dropped, nothing gone back to", OPEN if troubles else HOLDS)

    return judge


def cell(page: str, *starts: str, column: int) -> str:
    """One cell of a table in bench/results: of the row that begins with these cells.

    Raises:
        KeyError: there is no such row.
    """
    for line in (nights.RESULTS / page).read_text("utf-8").splitlines():
        cells = [part.strip() for part in line.strip("|").split("|")]
        if line.startswith("|") and tuple(cells[: len(starts)]) == starts:
            return cells[column]
    raise KeyError(f"{page}: {starts}")


def machine_of(page: str) -> str:
    """The line of a page of results that says on what it was measured."""
    lines = (nights.RESULTS / page).read_text("utf-8").splitlines()
    return next(line for line in lines if " cores" in line or "torch" in line)

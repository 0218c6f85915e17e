"""Results of runs -> who stands where: losses by cell and arm, paired with ours.

In: results as at_deadline.py keeps them. Out: `Standing` values and what they come to. Never: text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

import numpy as np

from at_deadline_arms import BASE, OURS
from at_deadline_paired import Interval, Sums, paired, reached, together, token_mean
from at_deadline_plans import best_rate, tried_rates

Result = Mapping[str, Any]
WORSE = 0.01
"""The share of a loss that counts as worse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One arm in one cell."""

    cell: str
    arm: str
    rate: float | None
    losses: tuple[float, ...]
    """By seed; of a run that left nothing, the base's."""
    loss: float
    behind: Interval
    """Its loss minus ours, paired, nats a token."""
    steps: float
    pace: float
    """Tokens a second of the whole window."""
    nothing: int
    """Runs that left nothing that could be read."""
    passed_over: int

    @property
    def share(self) -> float:
        """By how much of its loss ours is lower."""
        return self.behind.mid / self.loss

    @property
    def surely_not_worse(self) -> bool:
        """Whether the interval excludes that ours is worse by `WORSE`."""
        return self.behind.low > -WORSE * self.loss


def material(cell: str) -> str:
    """Base and data of a cell's name."""
    return "/".join(cell.split("/")[:2])


def method(cell: str) -> str:
    """`full` or `lora`."""
    return cell.split("/")[2]


class Table:
    """All results, found by what they are."""

    def __init__(self, results: Iterable[Result]) -> None:
        self.results = list(results)
        bases = [one for one in self.results if one["arm"] == BASE]
        self.bases = {material(one["cell"]): one for one in bases}

    @property
    def cells(self) -> list[str]:
        """Cells in which ours and somebody else ran, in order of their first result."""
        names = dict.fromkeys(one["cell"] for one in self.results if one["arm"] == OURS)
        others = {one["cell"] for one in self.results if one["arm"] not in (OURS, BASE)}
        return [name for name in names if name in others]

    def of(self, cell: str, arm: str, rate: float | None = None) -> dict[int, Result]:
        """The runs of an arm in a cell, by seed."""
        return {one["seed"]: one for one in self.results
                if (one["cell"], one["arm"], one.get("rate")) == (cell, arm, rate)}  # fmt: skip

    def sums(self, runs: Sequence[Result]) -> Sums:
        """Row losses in nats, by seed; the base's where nothing was left."""
        nothing = self.bases[material(runs[0]["cell"])]["rows"]
        return together([one["rows"] or nothing for one in runs]) / 1000.0

    def counts(self, cell: str) -> Sums:
        """Learnt tokens of the judge's rows."""
        return np.asarray(self.bases[material(cell)]["counts"], dtype=np.float64)

    def standing(self, cell: str, arm: str, rate: float | None = None) -> Standing | None:
        """An arm against ours, over the seeds that both have; None where there is none."""
        mine, theirs = self.of(cell, OURS), self.of(cell, arm, rate)
        seeds = sorted(mine.keys() & theirs.keys())
        if not seeds:
            return None
        runs, counts = [theirs[seed] for seed in seeds], self.counts(cell)
        sums = self.sums(runs)
        return Standing(
            cell=cell, arm=arm, rate=rate,
            losses=tuple(token_mean(one[None], counts) for one in sums),
            loss=token_mean(sums, counts),
            behind=paired(self.sums([mine[seed] for seed in seeds]), sums, counts),
            steps=mean(one["steps"] for one in runs),
            pace=mean(one["tokens"] / one["window"] for one in runs),
            nothing=sum(one["rows"] is None for one in runs),
            passed_over=sum(len(one["passed_over"]) for one in runs),
        )  # fmt: skip

    def shipped(self, cell: str) -> list[Standing]:
        """Every arm as shipped, ours first, the others from the best down."""
        arms = dict.fromkeys(one["arm"] for one in self.results
                             if one["cell"] == cell and one.get("rate") is None)  # fmt: skip
        return self._ranked(cell, [(arm, None) for arm in arms])

    def tuned(self, cell: str) -> list[Standing]:
        """The same for the arms whose rate was tuned."""
        return self._ranked(cell, [(OURS, None), *self.rates(method(cell)).items()])

    def _ranked(self, cell: str, arms: Sequence[tuple[str, float | None]]) -> list[Standing]:
        found = [one for arm, rate in arms if (one := self.standing(cell, arm, rate)) is not None]
        return sorted(found, key=lambda one: (one.arm != OURS, one.loss))

    def tunings(self) -> dict[tuple[str, str], dict[float, float]]:
        """By method and arm: the losses of every rate that was tried, in the cell with most."""
        found: dict[tuple[str, str], dict[float, float]] = {}
        pairs = dict.fromkeys((one["cell"], one["arm"]) for one in self.results if one.get("rate"))
        for cell, arm in pairs:
            known = tried_rates(arm, cell, self.results)
            if len(known) > max(1, len(found.get((method(cell), arm), ()))):
                found[method(cell), arm] = known
        return found

    def rates(self, kind: str) -> dict[str, float]:
        """The tuned rate of each arm for a method."""
        return {arm: best_rate(tried) for (of, arm), tried in self.tunings().items() if of == kind}

    def third(self, cell: str) -> "Third | None":
        """When ours has what the best peer has at the deadline."""
        peers = [one for one in (*self.shipped(cell), *self.tuned(cell)) if one.arm != OURS]
        if not peers:
            return None
        best = min(peers, key=lambda one: one.loss)
        return Third(cell, best, *self._when(cell, best.loss))

    def _when(self, cell: str, wanted: float) -> tuple[float | None, float | None]:
        """Share of the window by the curve, and the loss of a night of about a third of it."""
        runs, counts = list(self.of(cell, OURS).values()), self.counts(cell)
        shares = []
        for run in runs:
            curve, loss = run["curve"], token_mean(self.sums([run]), counts)
            if not curve:
                continue
            # Select rows are others than the judge's: the last look says by how much they differ.
            at = reached(curve, wanted, loss - curve[-1][1])
            shares.append(1.0 if at is None else at / run["window"])
        shorter = [one for one in self.results if one["arm"] == OURS and one["rows"]
                   and self._shorter(one["cell"], cell)]  # fmt: skip
        losses = [token_mean(self.sums([one]), counts) for one in shorter]
        return median(shares) if shares else None, mean(losses) if losses else None

    def _shorter(self, other: str, cell: str) -> bool:
        """Whether another cell is the same in 30 to 34 % of the time."""
        *mine, window = cell.split("/")
        *theirs, less = other.split("/")
        share = float(less.rstrip("s")) / float(window.rstrip("s"))
        return mine == theirs and 0.3 <= share <= 0.34


@dataclass(frozen=True, slots=True)
class Third:
    """How soon ours has the best peer's final loss."""

    cell: str
    best: Standing
    share: float | None
    """Of the window, by the looks during the night, at a rate that has not fallen yet; 1 where
    only the end has it."""
    shorter: float | None
    """The loss of a whole night in a third of the window."""


def by_run(table: Table, standings: Iterable[Standing]) -> tuple[int, int]:
    """Runs that ours won, of all: seed by seed."""
    won = runs = 0
    for one in standings:
        mine = table.of(one.cell, OURS)
        theirs = table.of(one.cell, one.arm, one.rate)
        counts = table.counts(one.cell)
        for seed in mine.keys() & theirs.keys():
            ours, other = (token_mean(table.sums([of[seed]]), counts) for of in (mine, theirs))
            won, runs = won + (ours < other), runs + 1
    return won, runs

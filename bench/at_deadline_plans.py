"""What is run at the deadline, in which order, and what is still to come.

In: the results so far. Out: the next `Run`, a pure function of them. Never: runs anything.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from at_deadline_arms import BASE, OURS, PEERS, TUNED

GRID = {"full": (3e-4, 1e-3, 3e-3), "lora": (1e-3, 3e-3, 1e-2)}
"""Rates that are tried first; beyond an edge that is best further ones, `SPACING` apart."""
SPACING = 10**0.5
MOST_RATES = 7
TUNING_SEED = 1
JUDGED_SECONDS = 14.0
"""What a run takes besides its window, about: the judge's imports and its look."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One comparison: everything here is the same for all of its arms."""

    base: str
    data: str
    method: str
    window: float

    @property
    def name(self) -> str:
        """`fresh/gsm8k/full/60s`."""
        return f"{self.base}/{self.data}/{self.method}/{self.window:g}s"

    @property
    def material(self) -> str:
        """Base and data."""
        return f"{self.base}/{self.data}"


@dataclass(frozen=True, slots=True)
class Run:
    """One arm in one cell."""

    arm: str
    cell: Cell
    seed: int
    rate: float | None = None
    """A tuned rate; None: as shipped."""

    @property
    def key(self) -> str:
        """By which its result is found again."""
        rate = "" if self.rate is None else f"@{self.rate:.3g}"
        return f"{self.arm}{rate} {self.cell.name} seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Part:
    """A cell with its seeds; the arms whose rate is to be tuned besides."""

    cell: Cell
    seeds: tuple[int, ...]
    arms: tuple[str, ...]
    tuned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is run."""

    parts: tuple[Part, ...]
    tuning: Mapping[str, Cell]
    """By method: the cell in which rates are tuned."""


Results = Mapping[str, Mapping[str, Any]]
"""By key."""
_PEERS = tuple(arm.name for arm in PEERS)
_TUNED = tuple(arm.name for arm in TUNED)
_CORE = ("trl", "trl/recommended", "bot/baseline", "cosine, killed", OURS)


def _cells(window: float) -> dict[str, Cell]:
    return {
        "gsm8k": Cell("fresh", "gsm8k", "full", window),
        "self_dialogue": Cell("fresh", "self_dialogue", "full", window),
        "irc": Cell("fresh", "irc", "full", window),
        "docstrings": Cell("demo", "docstrings", "lora", window),
    }


def _alone(cell: Cell, window: float) -> Part:
    """Ours in a shorter window: what it has reached by then."""
    return Part(Cell(cell.base, cell.data, cell.method, window), (1,), (OURS,))


def _full() -> Plan:
    short, long, longest = _cells(60.0), _cells(180.0), _cells(600.0)
    both = (long["gsm8k"], long["docstrings"])
    return Plan(
        (
            *(Part(cell, (1, 2), (*_PEERS, OURS), _TUNED) for cell in short.values()),
            *(Part(cell, (1,), _CORE, _TUNED) for cell in both),
            _alone(longest["gsm8k"], 200.0),
            Part(longest["gsm8k"], (1,), ("trl", OURS), ("trl", "cosine, killed")),
            *(_alone(cell, 20.0) for cell in short.values()),
        ),
        {"full": short["gsm8k"], "lora": short["docstrings"]},
    )  # fmt: skip


def _hour() -> Plan:
    short = _cells(60.0)
    few = ("trl", "cosine, killed")
    return Plan(
        (
            Part(short["gsm8k"], (1,), (*_PEERS, OURS), few),
            Part(short["docstrings"], (1,), (*_PEERS, OURS), few),
        ),
        {"full": short["gsm8k"], "lora": short["docstrings"]},
    )


def _small() -> Plan:
    cell = Cell("stories", "gsm8k", "lora", 45.0)
    return Plan((Part(cell, (1,), ("trl", "bot/baseline", OURS)),), {})


def plan(name: str) -> Plan:
    """`full`, `hour` or `small`."""
    return {"full": _full, "hour": _hour, "small": _small}[name]()


def next_rate(tried: Mapping[float, float], grid: Sequence[float]) -> float | None:
    """The next rate of a tuning; None once the best of those tried has worse ones on both sides.

    `tried` gives the loss of each rate, infinite where a run was lost.
    """
    missing = [rate for rate in grid if rate not in tried]
    if missing:
        return missing[0]
    rates = sorted(tried)
    best = best_rate(tried)
    if len(rates) >= MOST_RATES:
        return None
    if best == rates[0]:
        return _rounded(rates[0] / SPACING)
    return _rounded(rates[-1] * SPACING) if best == rates[-1] else None


def best_rate(tried: Mapping[float, float]) -> float:
    """The rate with the least loss; of equals the lower."""
    return min(sorted(tried), key=lambda rate: tried[rate])


def _rounded(rate: float) -> float:
    return float(f"{rate:.1g}")


def tried_rates(arm: str, cell: str, results: Iterable[Mapping[str, Any]]) -> dict[float, float]:
    """Rate and loss of every run of an arm's tuning; infinite where a run was lost."""
    found = {}
    for one in results:
        if (one["arm"], one["cell"], one["seed"]) == (arm, cell, TUNING_SEED):
            loss = one.get("loss")
            if one.get("rate") is not None:
                found[float(one["rate"])] = math.inf if loss is None else float(loss)
    return found


def _tried(pair: tuple[str, str], plan: Plan, results: Results) -> dict[float, float]:
    """The same of a method and an arm, in the method's tuning cell."""
    return tried_rates(pair[1], plan.tuning[pair[0]].name, results.values())


def tuned_rate(arm: str, method: str, plan: Plan, results: Results) -> float | None:
    """The rate that an arm's tuning has found; None while it is under way."""
    known = _tried((method, arm), plan, results)
    return best_rate(known) if known and next_rate(known, GRID[method]) is None else None


def coming(plan: Plan, results: Results) -> Iterator[Run]:
    """What is to be run, as far as it is known: rates are tuned first, one rate at a time."""
    for run in (*_bases(plan), *_tuning(plan, results)):
        if run.key not in results:
            yield run
    for part in plan.parts:
        for place, seed in enumerate(part.seeds):
            runs = _runs(part, seed, plan, results)
            turn = place * len(runs) // len(part.seeds)
            yield from (r for r in (*runs[turn:], *runs[:turn]) if r.key not in results)


def _bases(plan: Plan) -> tuple[Run, ...]:
    """Each base once, whatever the window."""
    cells = {part.cell.material: part.cell for part in plan.parts}
    return tuple(Run(BASE, base_cell(cell), 0) for cell in cells.values())


def base_cell(cell: Cell) -> Cell:
    """The cell of the base model itself."""
    return Cell(cell.base, cell.data, "none", 0.0)


def _tuning(plan: Plan, results: Results) -> Iterator[Run]:
    """The arms take turns, so that what else the machine does meets all."""
    wanted = dict.fromkeys((part.cell.method, arm) for part in plan.parts for arm in part.tuned)
    known = {pair: len(_tried(pair, plan, results)) for pair in wanted}
    for method, arm in sorted(wanted, key=lambda pair: known[pair]):
        rate = next_rate(_tried((method, arm), plan, results), GRID[method])
        if rate is not None:
            yield Run(arm, plan.tuning[method], TUNING_SEED, rate)


def _runs(part: Part, seed: int, plan: Plan, results: Results) -> tuple[Run, ...]:
    rates = {arm: tuned_rate(arm, part.cell.method, plan, results) for arm in part.tuned}
    return (
        *(Run(arm, part.cell, seed) for arm in part.arms),
        *(Run(arm, part.cell, seed, rate) for arm, rate in rates.items() if rate is not None),
    )


def price(plan: Plan) -> float:
    """Seconds that the whole of it takes, about: four rates a tuning, nothing ending early."""
    tunings = {(part.cell.method, arm) for part in plan.parts for arm in part.tuned}
    seconds = sum(4 * (plan.tuning[method].window + JUDGED_SECONDS) for method, _ in tunings)
    for part in plan.parts:
        runs = len(part.seeds) * (len(part.arms) + len(part.tuned))
        seconds += runs * (part.cell.window + JUDGED_SECONDS)
    return seconds

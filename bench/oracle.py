"""Regret of the automatic choice: against the best of 24 fixed settings in hindsight, by the judge.

python bench/oracle.py                       every cell, about half an hour each; goes on where it
                                             stopped
python bench/oracle.py --cells fresh/gsm8k   only these
python bench/oracle.py --report              writes bench/results/oracle.md

A fixed setting is `overnight train` with batch, rate, method, precision and warm-up given, its rate
linear to zero, in the same window. What ours spends on finding its own is spent in its window.
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import at_deadline_runs
import nights
from at_deadline_arms import BUDGET, OURS
from at_deadline_plans import Cell, Run
from at_deadline_ready import Ready, ready

FILE = nights.RESULTS / "oracle.jsonl"
WINDOW = 60.0
CELLS = ("fresh/gsm8k", "demo/docstrings")
SEEDS = (1, 2)
AGAIN = 3
"""So many of the best settings are run with the second seed too: the best of many was lucky."""
Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """One fixed setting."""

    rows: int
    rate: float
    method: str = "full"
    warmup: float = 0.03
    other_precision: bool = False
    """Not the one that ours has found."""

    @property
    def name(self) -> str:
        """`full 16 rows 0.001`."""
        more = " other precision" if self.other_precision else ""
        warm = f" warm-up {self.warmup:g}" if self.warmup != 0.03 else ""
        return f"{self.method} {self.rows} rows {self.rate:g}{warm}{more}"

    def words(self, precision: str) -> tuple[str, ...]:
        """Of the command line; `precision` is what ours has found."""
        other = "bf16" if precision == "fp32" else "fp32"
        given = {"per_device_train_batch_size": self.rows, "gradient_accumulation_steps": 1,
                 "warmup_ratio": self.warmup, "lr_scheduler_type": "linear",
                 "lora_r": BUDGET["r"], "lora_alpha": BUDGET["lora_alpha"]}  # fmt: skip
        sets = (word for key, value in given.items() for word in ("--set", f"{key}={value}"))
        return ("--method", self.method, "--learning-rate", f"{self.rate:g}",
                "--precision", other if self.other_precision else precision, *sets)  # fmt: skip


SETTINGS = (
    *(Setting(rows, rate) for rows in (4, 8, 16, 32) for rate in (5e-4, 1e-3, 2e-3, 4e-3)),
    *(Setting(rows, rate, "lora") for rows in (4, 16) for rate in (3e-3, 1e-2)),
    *(Setting(8, rate, other_precision=True) for rate in (1e-3, 2e-3)),
    *(Setting(8, rate, warmup=0.15) for rate in (1e-3, 2e-3)),
)


def cell_of(name: str) -> Cell:
    """The cell of `base/data`, its method left open."""
    base, data = name.split("/")
    return Cell(base, data, "auto", WINDOW)


def arm_of(setting: Setting | None) -> str:
    """How its runs are called; None: ours."""
    return OURS if setting is None else f"{OURS}: {setting.name}"


def coming(
    cells: Sequence[str], known: Mapping[str, Result]
) -> Iterator[tuple[Run, Setting | None]]:
    """Runs that are missing, ours first; of the second seed ours and the best."""
    for name in cells:
        cell = cell_of(name)
        first: list[Setting | None] = [None, *SETTINGS]
        wanted = [(Run(arm_of(one), cell, SEEDS[0]), one) for one in first]
        missing = [pair for pair in wanted if pair[0].key not in known]
        yield from missing
        if not missing:
            second: list[Setting | None] = [None, *best(cell, known)]
            again = ((Run(arm_of(one), cell, SEEDS[1]), one) for one in second)
            yield from (pair for pair in again if pair[0].key not in known)


def best(cell: Cell, known: Mapping[str, Result], most: int = AGAIN) -> list[Setting]:
    """The settings with the least loss under the first seed."""
    losses = ((_known(cell, one, SEEDS[0], known), one) for one in SETTINGS)
    there = [(loss, one) for loss, one in losses if loss is not None]
    return [one for _, one in sorted(there, key=lambda pair: pair[0])[:most]]


def one_run(run: Run, setting: Setting | None, on: Ready, work: Path,
            known: Mapping[str, Result]) -> dict[str, Any]:  # fmt: skip
    """One night, judged."""
    more: tuple[str, ...] = ()
    if setting is not None:
        ours = known[Run(OURS, run.cell, SEEDS[0]).key]
        more = setting.words(ours["candidate"]["precision"])
    words = nights.command(
        on.train, on.base, work / "run" / "night", "--eval", str(on.held),
        "--within", f"{run.cell.window:g}s", "--seed", str(run.seed), *more,
    )  # fmt: skip
    return at_deadline_runs.trial(run, on, work, words=words)


def regrets(cell: Cell, known: Mapping[str, Result]) -> list[float]:
    """By seed: by what share of the best fixed setting's loss ours is above it; negative: under."""
    found = []
    for seed in SEEDS:
        ours = _known(cell, None, seed, known)
        losses = (_known(cell, one, seed, known) for one in SETTINGS)
        fixed = [loss for loss in losses if loss is not None]
        if ours is not None and fixed:
            found.append(ours / min(fixed) - 1.0)
    return found


def _known(
    cell: Cell, setting: Setting | None, seed: int, known: Mapping[str, Result]
) -> float | None:
    found: float | None = known.get(Run(arm_of(setting), cell, seed).key, {}).get("loss")
    return found


def page(known: Mapping[str, Result]) -> str:
    """The tables."""
    cells = dict.fromkeys("/".join(one["cell"].split("/")[:2]) for one in known.values())
    every = [one for name in cells for one in regrets(cell_of(name), known)]
    said = (f"Regret: median {median(every):+.2%}, worst {max(every):+.2%}, over {len(every)} "
            "pairs of a cell and a seed." if every else "")  # fmt: skip
    versions = next(iter(known.values()), {}).get("versions", {})
    return "\n".join((
        "# The automatic choice against 24 fixed settings in hindsight", "",
        f"{nights.machine()}; {', '.join(f'{k} {v}' for k, v in versions.items())}", "", said,
        f"Windows of {WINDOW:.0f} s. The best of so many is best by luck too: the three best are "
        "run with a second seed, and ours is held against the best of them there.", "",
        *(line for name in cells for line in _table(cell_of(name), known)),
        "Repeat: `python bench/oracle.py`", "",
    ))  # fmt: skip


def _table(cell: Cell, known: Mapping[str, Result]) -> Iterator[str]:
    yield from (f"## {cell.base}/{cell.data}", "", f"| setting | loss, seed {SEEDS[0]} | steps | "
                f"tokens/s | loss, seed {SEEDS[1]} |", "|---|---|---|---|---|")  # fmt: skip
    settings: list[Setting | None] = [None, *SETTINGS]
    found = [(one, known.get(Run(arm_of(one), cell, SEEDS[0]).key)) for one in settings]
    there = [(one, first) for one, first in found if first is not None]
    for setting, first in sorted(there, key=lambda pair: _rank(pair[1])):
        name = "**ours**" if setting is None else setting.name
        second = known.get(Run(arm_of(setting), cell, SEEDS[1]).key)
        yield (f"| {name} | {_loss(first)} | {first['steps']:,} | "
               f"{first['tokens'] / first['window']:,.0f} | {_loss(second)} |")  # fmt: skip
    yield ""


def _rank(one: Result) -> float:
    return float("inf") if one["loss"] is None else float(one["loss"])


def _loss(one: Result | None) -> str:
    return "-" if one is None or one["loss"] is None else f"{one['loss']:.4f}"


def results(lines: Iterable[Result]) -> dict[str, Result]:
    """By key, the newest."""
    return {one["key"]: one for one in lines}


def main() -> None:
    """Runs what is missing, then writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=nights.ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("bench-work") / "at_deadline")
    parser.add_argument("--cells", nargs="*", default=list(CELLS))
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    while not given.report:
        known = results(nights.remembered(FILE))
        following = next(coming(given.cells, known), None)
        if following is None:
            break
        run, setting = following
        on = ready(run.cell.base, run.cell.data, given.data.resolve(), given.work)
        one = one_run(run, setting, on, given.work.resolve(), known)
        nights.remember(FILE, one)
        print(f"{one['key']}: {_loss(one)}, {one['steps']} steps", flush=True)
    text = page(results(nights.remembered(FILE)))
    (nights.RESULTS / "oracle.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()

"""Real histories of training runs, and what each of them is known to be.

In: the folders trainer_states, loss_series and log_excerpts. Out: figures with a label. Never: a
judgement.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overnight.control.figures import Figure, Sign
from overnight.story import diagnosis
from overnight.training import journal
from overnight.values.ledger import Rehearsed, Replanned

LEAST_STEPS = 10
"""Of a night that is read."""

NAMES = ("loss", "grad_norm", "learning_rate", "epoch")
EXPECTED = {
    "diverged": {"divergence"},
    "no-learning": {"plateau"},
    "plateau": {"plateau", "levelled-off"},
    "overfit": {"overfitting"},
    "repeating": {"repeating"},
    "spike": {"spike"},
}
"""By the first label that is known: the signs of which one is to be given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One real run: what it is known to be, and its figures."""

    number: str
    labels: str
    figures: tuple[Figure, ...]
    given: tuple[Sign, ...] = field(default=())

    @property
    def kind(self) -> str:
        """The label that the signs are held to."""
        if "healthy" in self.labels:
            return "healthy"
        return next((one for one in EXPECTED if one in self.labels.split()), "neither")

    @property
    def alarms(self) -> list[Sign]:
        """Signs that call for somebody."""
        return [sign for sign in self.given if not sign.good]

    @property
    def found(self) -> list[Sign]:
        """Signs that the label asks for."""
        return [sign for sign in self.given if sign.name in EXPECTED.get(self.kind, ())]

    @property
    def looks(self) -> list[float]:
        """Held-out losses."""
        return [one.held_out for one in self.figures if one.held_out is not None]


def number(text: Any) -> float | None:
    """A cell as a figure."""
    return None if text in (None, "") else float(text)


def logged(rows: Iterable[dict[str, Any]], horizon: int) -> Iterator[Figure]:
    """Figures of a trainer's log."""
    for row in rows:
        known = {name: number(row.get(name)) for name in NAMES}
        yield Figure(step=int(float(row["step"])), horizon=horizon, **known,
                     held_out=number(row.get("eval_loss")))  # fmt: skip


def states(data: Path) -> Iterator[History]:
    """What lies in trainer_states and loss_series, as the manifest names it."""
    with (data / "trainer_states" / "manifest_keep.csv").open(encoding="utf-8") as file:
        manifest = list(csv.DictReader(file))
    for row in manifest:
        name = row["file"].removesuffix(".json")
        state = data / "trainer_states" / row["file"]
        if state.is_file():
            rows = json.loads(state.read_text(encoding="utf-8"))["log_history"]
        else:
            series = data / "loss_series" / f"{name}.csv"
            rows = list(csv.DictReader(series.read_text(encoding="utf-8").splitlines()))
        figures = tuple(logged(rows, int(row["max_steps"])))
        yield History(number=name, labels=row["labels"], figures=figures)


def excerpts(data: Path) -> Iterator[History]:
    """The two excerpts that people quoted."""
    kinds = {"llava918_single_spike": "spike", "trace5_repeating_epochs": "repeating"}
    for name, label in kinds.items():
        told = json.loads((data / "log_excerpts" / f"{name}.json").read_text(encoding="utf-8"))
        rows = [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]
        figures = tuple(
            Figure(step=step, loss=row["loss"], epoch=row.get("epoch"),
                   learning_rate=row.get("learning_rate"))
            for step, row in enumerate(rows, start=1)
        )  # fmt: skip
        yield History(number=name.split("_")[0], labels=label, figures=figures)


def own(work: Path) -> Iterator[History]:
    """Nights of our own whose journals lie below a folder, those of ten steps and more."""
    for events in sorted(work.rglob("events.jsonl")):
        figures, horizon, rehearsed = list[Figure](), 0, False
        for entry in journal.read(events.parent):
            rehearsed = rehearsed or isinstance(entry.event, Rehearsed)
            horizon = entry.event.horizon if isinstance(entry.event, Replanned) else horizon
            figure = diagnosis.figure_of(entry.event, horizon if rehearsed else None)
            figures += [figure] if figure else []
        if sum(figure.loss is not None for figure in figures) >= LEAST_STEPS:
            name = str(events.parent.relative_to(work))
            yield History(number=name, labels="own", figures=tuple(figures))

"""How true the pace is before anything is measured: published runs, whole sources held out.

python bench/pace.py       fits, judges, writes bench/results/pace.md (about a minute)

The product's own arithmetic (planning/work.py, planning/pace.py) is fitted to all sources but one
and judged on that one. Every source weighs the same in a fit.
"""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import fitting
import nights
import paced_runs
from fitting import Constants
from overnight.planning import pace
from overnight.planning.pace import Machine, Rates
from overnight.planning.work import micro_batch
from overnight.values.plan import Candidate
from paced_runs import Run

START = {"matrix": 0.8, "attention": 0.4, "traffic": 4.0, "adapted": 1.0, "unpack": 2.0,
         "layer_seconds": 1e-3, "hopper": 0.75, "fused": 0.5, "linked": 0.5}  # fmt: skip
"""Where a fit begins and what it is drawn to where the runs do not tell: physical guesses."""
LOOSE = {"matrix": 0.07}
"""Logarithmic width of that pull, 0.4 for the others. Measured ceilings hold `matrix` (0.80 to
0.87 of the peak: MAMF, ml-engineering)."""
LINK = 250e9
"""Bytes a second between cards of one node (NVLink); `linked` is what of it is not hidden."""
T4_FLOPS, T4_BANDWIDTH = 65e12, 320e9
T4_MEASURED = 13.9e12
"""TinyLlama-1.1B, QLoRA, rows of 4,096 tokens packed, Unsloth (a notebook's saved output)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One run with the logarithm of predicted over published time."""

    run: Run
    error: float
    wide: float
    """Half the product's interval."""


def seconds(run: Run, constants: Constants) -> float:
    """Of one optimizer step on one device."""
    share = constants["hopper"] if run.card.hopper else 1.0
    machine = Machine(flops=share * run.card.flops, bandwidth=run.card.bandwidth)
    lighter = constants["fused"] if run.fused else 1.0
    rates = _rates(constants, lighter)
    linked = constants["linked"] * _exchanged(run) / LINK
    micro = pace.micro_seconds(run.work, machine, rates) + linked
    return run.accumulation * micro + run.work.update / machine.bandwidth


def _rates(constants: Constants, lighter: float) -> Rates:
    return Rates(
        matrix=min(constants["matrix"], 0.9),
        attention=constants["attention"],
        traffic=lighter * constants["traffic"],
        adapted=lighter * constants["adapted"],
        unpack=constants["unpack"],
        layer_seconds=constants["layer_seconds"],
        sharpness=pace.CUDA.sharpness,
    )


def _exchanged(run: Run) -> float:
    """Bytes a card receives and sends in a micro-batch where weights are sharded over a node."""
    passes = 6.0 if run.full else 4.0
    return passes * run.parameters * (run.devices - 1) / run.devices


def error(run: Run, constants: Constants) -> float:
    """Logarithm of predicted over published time."""
    predicted = run.accumulation * run.work.tokens / seconds(run, constants)
    return math.log(run.tokens_per_second / predicted)


def fitted(runs: Sequence[Run]) -> Constants:
    """The constants with the least mean error, every source weighing the same."""
    groups = list(fitting.grouped(runs, lambda run: run.source).values())

    def off(constants: Constants) -> float:
        return fmean(fmean(abs(error(run, constants)) for run in group) for group in groups)

    return fitting.fitted(START, off, loose=LOOSE)


def held_out(runs: Sequence[Run], key: Callable[[Run], str]) -> list[Judged]:
    """Every run judged with constants fitted on the groups that it is not in."""
    judged = []
    for group in fitting.grouped(runs, key).values():
        constants = fitted([run for run in runs if key(run) != key(group[0])])
        judged += [Judged(run=run, error=error(run, constants), wide=_wide(run)) for run in group]
    return judged


def _wide(run: Run) -> float:
    """Half of the interval that the product gives such a run."""
    machine = Machine(flops=run.card.flops, bandwidth=run.card.bandwidth)
    return pace.spread(run.work, machine, pace.CUDA, "cuda")


def line(name: str, judged: Sequence[Judged]) -> str:
    """A row of a table: number, signed and absolute errors of the time, coverage."""
    held = [abs(one.error) <= one.wide for one in judged]
    return fitting.line(name, [one.error for one in judged], held)


def table(title: str, judged: Sequence[Judged], key: Callable[[Run], str]) -> list[str]:
    """Errors by group, then of all."""
    groups = fitting.grouped(judged, lambda one: key(one.run))
    lines = [f"| {title} {fitting.HEAD}", fitting.RULE]
    lines += [line(name, groups[name]) for name in sorted(groups)]
    return [*lines, line("**all**", judged), ""]


def t4() -> float:
    """Operations a second that the product predicts for the one T4 run with stated rows."""
    import shapes

    candidate = Candidate(
        method="qlora", per_device_train_batch_size=2, gradient_accumulation_steps=4,
        max_length=4096, learning_rate=1e-4, precision="fp16", gradient_checkpointing=True,
    )  # fmt: skip
    work = micro_batch(candidate, shapes.profile("tinyllama-1.1b"), 4096.0)
    machine = Machine(flops=pace.POWER_LIMITED * T4_FLOPS, bandwidth=T4_BANDWIDTH)
    micro = pace.micro_seconds(work, machine, pace.CUDA)
    return (work.matrices + work.attention) / micro


def constants_table(constants: Constants) -> list[str]:
    """What the fit on all sources found beside what the product has."""
    product = {name: getattr(pace.CUDA, name) for name in START if name in Rates.__slots__}
    product["hopper"] = pace.HOPPER
    lines = ["| constant | fitted to all sources | in planning/pace.py |", "|---|---|---|"]
    for name, value in constants.items():
        used = f"{product[name]:.3g}" if name in product else "not in the product"
        lines.append(f"| {name} | {value:.3g} | {used} |")
    return [*lines, ""]


def report(path: Path) -> str:
    """The whole page."""
    every, left = paced_runs.read(path)
    runs = [run for run in every if not run.gptq]
    judged = held_out(runs, lambda run: run.source)
    cards = held_out(runs, lambda run: run.card.kind)
    constants = fitted(runs)
    gptq = [Judged(run=run, error=error(run, constants), wide=_wide(run)) for run in every
            if run.gptq]  # fmt: skip
    one = [each for each in judged if each.run.devices == 1]
    plain = [each for each in judged if not each.run.fused]
    out = [f"- {count} rows: {why}" for why, count in left.most_common()]
    t4_off = t4() / T4_MEASURED - 1.0
    return "\n".join([
        "# Pace before anything is measured", "", nights.machine(), "", ABOUT, "",
        "## Sources held out in turn", "",
        *table("source", judged, lambda run: run.source)[:-1],
        line("of them on one card", one), line("of them not fused, as here", plain), "",
        "## By card, the same predictions", "",
        *table("card", judged, lambda run: run.card.kind),
        "## Cards held out in turn", "",
        *table("card", cards, lambda run: run.card.kind),
        f"T4 (no row of the file states enough): {t4() / 1e12:.1f} TFLOPS predicted for a run that "
        f"had {T4_MEASURED / 1e12:.1f} (its micro-batch taken as 2), {t4_off:+.0%}; the card was "
        "in no fit.", "",
        "## Constants", "", *constants_table(constants),
        "## Left out", "", *out,
        f"- {len(gptq)} rows: GPTQ, which is no method here; predicted as NF4 they are off by",
        "", f"| GPTQ as NF4 {fitting.HEAD}", fitting.RULE, line("GPTQ", gptq), "",
    ])  # fmt: skip


ABOUT = (
    "Errors are those of the time of a step, predicted over published. The product's arithmetic "
    "(planning/work.py, planning/pace.py) with constants fitted to the other sources, each of "
    "which weighs the same. `fused` (Liger, foak, Unsloth, torch.compile) and sharding over a "
    "node's links are features known before a run; overnight's own loop has neither. LLM.int8 is "
    "predicted as LoRA, and checkpointing taken to be on where a row does not state it."
)


def main() -> int:
    """Writes the page."""
    options = nights.arguments(__doc__ or "")
    page = report(options.data.parent / "published_runs.csv")
    (nights.RESULTS / "pace.md").write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())

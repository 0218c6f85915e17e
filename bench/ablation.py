"""What each piece is worth at the deadline: the same night without it, by the judge, paired.

python bench/ablation.py            every cell, all pieces, two seeds; goes on where it stopped
python bench/ablation.py --report   writes bench/results/ablation.md
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import ablation_night
import at_deadline_runs
import nights
from at_deadline_arms import OURS
from at_deadline_paired import paired, together
from at_deadline_plans import Cell, Run
from at_deadline_ready import Ready, ready

FILE = nights.RESULTS / "ablation.jsonl"
CELLS = ("fresh/gsm8k/full/60", "demo/docstrings/lora/60")
SEEDS = (1, 2)
Result = Mapping[str, Any]
Words = Callable[[Result], tuple[str, ...]]
"""The whole night's result -> the words that leave a piece out."""


def _set(**given: Any) -> Words:
    return lambda _: tuple(w for key, value in given.items() for w in ("--set", f"{key}={value}"))


def _other_precision(whole: Result) -> tuple[str, ...]:
    """In the other of the two that a processor has."""
    found = whole["candidate"]["precision"]
    return ("--precision", "bf16" if found == "fp32" else "fp32")


BY_WORDS: dict[str, Words] = {
    "precision (the other one)": _other_precision,
    "schedule to zero (constant)": _set(lr_scheduler_type="constant"),
    "batch rule (8 rows)": _set(per_device_train_batch_size=8, gradient_accumulation_steps=1),
    "choice by select (the last one)": _set(load_best_model_at_end="false"),
}
TRIED = ("pilots", "sizing")
"""Pieces that a night has only where its window has room for them; its result counts them."""
PIECES = (*BY_WORDS, *ablation_night.PIECES)


def cell_of(name: str) -> Cell:
    """`base/data/method/window`."""
    base, data, method, window = name.split("/")
    return Cell(base, data, method, float(window))


def arm_of(piece: str) -> str:
    """How its runs are called; the whole night is ours."""
    return f"{OURS} without {piece}" if piece else OURS


def coming(known: Mapping[str, Result]) -> Iterator[tuple[Run, str]]:
    """What is missing: the whole night first, the pieces in turn, another first with each seed."""
    for name in CELLS:
        for place, seed in enumerate(SEEDS):
            turn = place * len(PIECES) // len(SEEDS)
            for piece in ("", *PIECES[turn:], *PIECES[:turn]):
                run = Run(arm_of(piece), cell_of(name), seed)
                if run.key not in known:
                    yield run, piece


def one_run(run: Run, piece: str, on: Ready, work: Path, whole: Result | None) -> dict[str, Any]:
    """A night without a piece, judged; of a piece that was not used only that."""
    folder = work / "run"
    if whole is not None and piece in TRIED and not whole[piece]:
        return {"key": run.key, "arm": run.arm, "cell": run.cell.name, "seed": run.seed,
                "unused": True}  # fmt: skip
    if piece in ablation_night.PIECES:
        _, _, _, *words = at_deadline_runs.our_words(run, on, folder)
        program = [sys.executable, str(Path(ablation_night.__file__)), piece, *words]
        env = {"ABLATION_FOLDER": str(folder)}
        return at_deadline_runs.trial(run, on, work, words=program, env=env)
    more = BY_WORDS[piece](whole) if piece and whole is not None else ()
    words = at_deadline_runs.our_words(run, on, folder, more)
    return at_deadline_runs.trial(run, on, work, words=words)


def page(known: Mapping[str, Result], counts: Mapping[str, list[int]]) -> str:
    """The table."""
    rows = [_row(cell_of(name), piece, known, counts[name])
            for name in CELLS for piece in PIECES if name in counts]  # fmt: skip
    return "\n".join((
        "# What each piece is worth at the deadline", "", nights.machine(), "",
        "The same night without one piece, everything else left to it: the judge's loss without it "
        "minus the whole night's, paired by row and seed, with a bootstrap over both (95 %); above "
        "0 the piece is worth something. Two nights of the same settings differ too, as pace and "
        "horizon do.", "", "| cell | without | loss whole | loss without | worth, nats | share | "
        "tokens/s whole | without |", "|---|---|---|---|---|---|---|---|",
        *(row for row in rows if row), "", "Repeat: `python bench/ablation.py`", "",
    ))  # fmt: skip


def _row(cell: Cell, piece: str, known: Mapping[str, Result], counts: list[int]) -> str:
    runs = [(known.get(Run(OURS, cell, seed).key), known.get(Run(arm_of(piece), cell, seed).key))
            for seed in SEEDS]  # fmt: skip
    both = [(one, two) for one, two in runs if one is not None and two is not None]
    there = [(one, two) for one, two in both if one.get("rows") and two.get("rows")]
    if not there:
        unused = any(two.get("unused") for _, two in both)
        return f"| {cell.name} | {piece} | | | not used | | | |" if unused else ""
    tokens = np.asarray(counts, dtype=np.float64)
    ours, theirs = (together([run["rows"] for run in some]) / at_deadline_runs.MILLI
                    for some in zip(*there, strict=True))  # fmt: skip
    worth = paired(ours, theirs, tokens)
    one, two = (float(sums.sum(axis=1).mean() / tokens.sum()) for sums in (ours, theirs))
    paces = [np.mean([run["tokens"] / run["window"] for run in some])
             for some in zip(*there, strict=True)]  # fmt: skip
    return (f"| {cell.name} | {piece} | {one:.4f} | {two:.4f} | {worth.mid:+.4f} ({worth.low:+.4f} "
            f"to {worth.high:+.4f}) | {worth.mid / one:+.2%} | {paces[0]:,.0f} | "
            f"{paces[1]:,.0f} |")  # fmt: skip


def main() -> None:
    """Runs what is missing, then writes the page."""
    given = nights.arguments(__doc__ or "")
    work = (given.work / "at_deadline").resolve()
    work.mkdir(parents=True, exist_ok=True)

    def material(cell: Cell) -> Ready:
        return ready(cell.base, cell.data, given.data.resolve(), work)

    while not given.report:
        known = {one["key"]: one for one in nights.remembered(FILE)}
        following = next(coming(known), None)
        if following is None:
            break
        run, piece = following
        whole = known.get(Run(OURS, run.cell, run.seed).key)
        one = one_run(run, piece, material(run.cell), work, whole)
        nights.remember(FILE, one)
        print(f"{one['key']}: {one.get('loss')}", flush=True)
    known = {one["key"]: one for one in nights.remembered(FILE)}
    counts = {name: material(cell_of(name)).facts["counts"] for name in CELLS}
    text = page(known, counts)
    (nights.RESULTS / "ablation.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()

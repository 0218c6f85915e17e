"""What it brings to shape micro-batches as a processor's kernels want them (planning/shapes.py).

python bench/shaping.py        about seven minutes; writes results/shaping.md

The same rows in the same steps, with shapes as they come and with shapes rounded and cut, each in
a process of its own (kernels that were built are kept by the process), in turns. The first pass
over the rows meets new shapes, the second has met them all once.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import numpy as np

import nights
from overnight.__main__ import _QUIET

CELLS = (("bf16", "full", 8), ("bf16", "full", 24), ("bf16", "lora", 16), ("fp32", "full", 24))
ROUNDS, STEPS, LONGEST, WARM = 3, 24, 320, 2
Passes = tuple[float, float]
"""Tokens a second in the first and in the second pass."""


def session(precision: Any, method: Any, rows: int, shaped_for: Any) -> Any:
    """The bundled model on rows of log-normal lengths, the second half of each learnt."""
    from overnight.demo import BASE
    from overnight.training import methods
    from overnight.training.batches import Corpus
    from overnight.training.render import Encoded
    from overnight.training.session import Material, Session
    from overnight.values.plan import Candidate

    drawn = np.random.default_rng(0)
    count = rows * STEPS
    lengths = np.clip(drawn.lognormal(4.5, 0.7, count).astype(int), 8, 300)
    ends = np.cumsum([0, *lengths])
    place = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths)
    encoded = Encoded(
        tokens=drawn.integers(5, 4000, ends[-1]).astype(np.int32),
        learn=place >= np.repeat(lengths, lengths) // 2, offsets=ends, chat_template="none",
    )  # fmt: skip
    wanted = Candidate(
        method=method, per_device_train_batch_size=rows, gradient_accumulation_steps=1,
        max_length=LONGEST, learning_rate=1e-4, precision=precision, gradient_checkpointing=False,
        shaped_for=shaped_for,
    )  # fmt: skip
    material = Material(Corpus.cut(encoded, LONGEST), np.arange(count), pad_id=1)
    return Session(methods.load_base(str(BASE), wanted), wanted, material)


def paces(arm: dict[str, Any]) -> Iterator[float]:
    """Of two passes."""
    live = session(**arm)
    for left_out in (WARM, 0):
        taken = []
        for _ in range(STEPS):
            begun = time.perf_counter()
            tokens = live.step(1e-4).tokens
            taken.append((tokens, time.perf_counter() - begun))
        counted = taken[left_out:]
        yield sum(tokens for tokens, _ in counted) / sum(seconds for _, seconds in counted)


def measured(arm: dict[str, Any]) -> Passes:
    """In a process of its own."""
    command = [sys.executable, __file__, json.dumps(arm)]
    around = {**_QUIET, **os.environ}
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=around).stdout
    first, second = json.loads(told.splitlines()[-1])
    return first, second


def cell(precision: str, method: str, rows: int) -> str:
    """A line of the table."""
    asked = {"precision": precision, "method": method, "rows": rows}
    found: dict[str, list[Passes]] = {"": [], "cpu": []}
    for _ in range(ROUNDS):
        for shaped_for, kept in found.items():
            kept.append(measured(asked | {"shaped_for": shaped_for}))
    cells = [f"{precision}, {method}", str(rows)]
    for at in (0, 1):
        plain, shaped = ([one[at] for one in found[name]] for name in ("", "cpu"))
        ratios = [a / b for a, b in zip(shaped, plain, strict=True)]
        cells += [f"{median(plain):,.0f}", f"{median(shaped):,.0f}",
                  f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measures and writes the table."""
    rows = [cell(*one) for one in CELLS]
    page = "\n".join((
        "# What it brings to shape micro-batches for a processor", "", nights.machine(), "",
        f"The bundled model (3.3 M parameters); {STEPS} steps of rows of 8 to 300 tokens, twice "
        "through. Tokens a second, padding not counted, with shapes as they come and with shapes "
        "rounded up (bf16) and micro-batches cut at 4,096 places; the ratio's median of "
        f"{ROUNDS} pairs and all of them.", "",
        "| | rows a step | as they come | shaped | first pass, ratio | as they come | shaped | "
        "second pass, ratio |", "|---|---|---|---|---|---|---|---|", *rows, "",
        "Repeat: `python bench/shaping.py`", "",
    ))  # fmt: skip
    (nights.RESULTS / "shaping.md").write_text(page, "utf-8")
    print(page)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(list(paces(json.loads(sys.argv[1])))))
    else:
        main()

"""Head and loss over large vocabularies: all logits at once, in chunks, and torch's own way.

python bench/head.py       about a minute on one thread; writes results/head.md

Rounds are interleaved, so that whatever else the machine does falls on all ways alike, and seconds
are the processor's own.
"""

import time
from statistics import median
from typing import Any

import numpy as np
import torch

import nights
from overnight.training import losses

HEADS = {"512 wide, 4,096 words": (512, 4096), "512 wide, 32,768 words": (512, 32_768)}
POSITIONS, CHUNK, ROUNDS = 256, 64, 3
WAYS = ("whole", "chunks", "torch", "torch, summed")
OFF = "{} off"


def loss_of(way: str, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> Any:
    """The summed loss; torch's linear_cross_entropy cuts as it chooses."""
    if way.startswith("torch"):
        from torch.nn import LinearCrossEntropyOptions
        from torch.nn.functional import linear_cross_entropy

        kind = "sum" if "summed" in way else "none"
        options = LinearCrossEntropyOptions()
        found = linear_cross_entropy(hidden, weight, targets, reduction=kind, options=options)
        return found.float().sum()
    chunk = CHUNK if way == "chunks" else POSITIONS + 1

    def head(some: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(some, weight)

    if way == "whole":
        return losses._losses(head(hidden), targets).sum()
    return losses._piecewise(head, hidden, targets, chunk).sum()


def measured(inputs: list[torch.Tensor], targets: torch.Tensor) -> dict[str, list[float]]:
    """Seconds forth and back by way; and how far each loss is from that of fp32."""
    exact = loss_of("whole", *(one.float() for one in inputs), targets=targets).item()
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for way in WAYS:
            hidden, weight = (one.clone().requires_grad_() for one in inputs)
            begun = time.process_time()
            loss = loss_of(way, hidden, weight, targets)
            loss.backward()
            found.setdefault(way, []).append(time.process_time() - begun)
            found[OFF.format(way)] = [abs(loss.item() / exact - 1)]
    return found


def cell(found: dict[str, list[float]], way: str) -> str:
    """Seconds against all logits at once, and the loss's error."""
    ratios = [a / b for a, b in zip(found[way], found["whole"], strict=True)]
    low, high = np.quantile(ratios, (0.25, 0.75))
    off = found[OFF.format(way)][0]
    return f"{median(ratios):.2f} ({low:.2f} to {high:.2f}), off {off:.0e}"


def rows() -> list[str]:
    """One for each head and precision."""
    made = []
    for name, (width, words) in HEADS.items():
        for kind in (torch.float32, torch.bfloat16):
            torch.manual_seed(1)
            inputs = [torch.randn(POSITIONS, width), torch.randn(words, width) / 20]
            found = measured([one.to(kind) for one in inputs], torch.randint(words, (POSITIONS,)))
            cells = " | ".join(cell(found, way) for way in WAYS[1:])
            made.append(f"| {name}, {str(kind)[6:]} | {median(found['whole']):.2f} s | {cells} |")
    return made


def main() -> None:
    """Measures and writes the table."""
    torch.set_num_threads(1)
    page = "\n".join((
        "# Head and loss", "", nights.machine() + ", one thread", "",
        f"{POSITIONS:,} positions, forth and back: seconds against all logits at once, median of "
        f"{ROUNDS} interleaved rounds (middle half), and how far the loss is from that of fp32.",
        "", f"| head | all at once | chunks of {CHUNK}, again on the way back | torch's "
        "linear_cross_entropy | the same, summed by it |", "|---|---|---|---|---|", *rows(), "",
        "Repeat: `python bench/head.py`", "",
    ))  # fmt: skip
    (nights.RESULTS / "head.md").write_text(page, "utf-8")
    print(page)


if __name__ == "__main__":
    main()

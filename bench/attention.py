"""Attention by blocks against torch's own kernel: forward and backward, in turn.

python bench/attention.py          a minute; writes results/attention.md

Seconds are the processor's own (user and system), which waiting for a core does not lengthen; the
error is that of the gradients against 64 bits.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

import nights
from overnight.training import attention

CASES = ((8, 8, 128, 32), (8, 6, 192, 64), (4, 8, 512, 32), (4, 6, 512, 64), (2, 6, 1024, 64))
"""Rows, heads, tokens, width."""
BLOCKS = (64, 128, 256)
ROUNDS = 7
Sides = list[torch.Tensor]


def torch_s(query: Any, key: Any, value: Any, scale: float) -> Any:
    """The kernel that transformers takes."""
    return torch.nn.functional.scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=scale
    )


def by_blocks(size: int) -> Callable[..., Any]:
    """Ours, with blocks of this size."""

    def computed(*given: Any) -> Any:
        attention.BLOCK = size
        return attention.causal(*given)

    return computed


def once(how: Callable[..., Any], sides: Sides, wanted: Any) -> tuple[float, float, Sides]:
    """Seconds forward and backward, and the gradients."""
    begun = time.process_time()
    out = how(*sides, sides[0].shape[-1] ** -0.5)
    there = time.process_time()
    found = list(torch.autograd.grad(out, sides, wanted))
    return there - begun, time.process_time() - there, found


def error(found: Sides, true: Sides) -> float:
    """The largest relative distance of a gradient."""
    pairs = zip(found, true, strict=True)
    return max(float((one.double() - other).norm() / other.norm()) for one, other in pairs)


def case(kind: torch.dtype, shape: tuple[int, int, int, int]) -> list[str]:
    """One row of the table."""
    rows, heads, tokens, width = shape
    torch.manual_seed(0)
    sides = [torch.randn(rows, tokens, heads, width).to(kind).transpose(1, 2).requires_grad_()
             for _ in range(3)]  # fmt: skip
    wanted = torch.randn(rows, heads, tokens, width).to(kind)
    exact = [side.detach().double().requires_grad_() for side in sides]
    true = once(torch_s, exact, wanted.double())[2]
    ways = {"torch": torch_s} | {str(size): by_blocks(size) for size in BLOCKS}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    off: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, how in ways.items():
            forward, backward, found = once(how, sides, wanted)
            took[name].append((forward, backward))
            off[name] = error(found, true)
    first = took["torch"][1:]
    words = [str(kind)[6:], " x ".join(map(str, shape)), *_ms(first), f"{off['torch']:.0e}"]
    for name in map(str, BLOCKS):
        ratios = [sum(a) / sum(b) for a, b in zip(first, took[name][1:], strict=True)]
        words += [f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"]
    return [*words, f"{off['64']:.0e}"]


def _ms(took: list[tuple[float, float]]) -> list[str]:
    return [f"{1e3 * median(times):.1f}" for times in zip(*took, strict=True)]


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    attention.KEPT = 256
    rows = [case(kind, shape) for kind in (torch.bfloat16, torch.float32) for shape in CASES]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    page = "\n".join((
        "# Attention by blocks", "", f"{nights.machine()}, {given.threads} thread(s)", "",
        f"Torch's own kernel, and ours so many times as fast (median of {ROUNDS - 1} rounds in "
        "turn, their spread), by queries in a block. Rows of up to "
        f"{attention.KEPT} tokens keep their probabilities, longer ones compute them again. Used "
        "are blocks of 64, in 16 bits only.", "",
        "| precision | rows x heads x tokens x width | torch forward, ms | backward | its error | "
        "blocks of 64 | of 128 | of 256 | our error |", "|" + "---|" * 9, *lines, "",
        "Repeat: `python bench/attention.py`", "",
    ))  # fmt: skip
    (nights.RESULTS / "attention.md").write_text(page, "utf-8")
    print(page)


if __name__ == "__main__":
    main()

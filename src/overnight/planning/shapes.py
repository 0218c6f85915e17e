"""What micro-batches are rounded to and cut at where a processor's kernels want it.

In: a candidate, a length. Out: widths and limits. Never: which rows stand together; anything on a
card, whose kernels take every shape alike.

In 16 bits a processor's matrix kernels are built anew for every shape that they meet, and some are
kept. Rounded shapes made the first 24 steps of a 3.3 M-parameter Llama on two cores 1.2 (8 and 24
rows, all weights) to 1.6 times as fast (LoRA, 16 rows), the next 24, most of whose shapes had been
met, 1.1 and 2.4 times (bench/results/shaping.md); a night meets new ones for as long as it lasts.
"""

from overnight.values.plan import Candidate

GRID = 16
"""Widths in 16 bits are multiples of it: finer grids meet more shapes, coarser ones pad more."""
LEARNT_GRID = 64
"""Likewise the positions whose logits are computed."""
PIECE = 4096
"""Places of a micro-batch at most: beyond it tensors outgrow what the allocator keeps. Steps of 64
rows cut so ran at 16,500 tokens/s in place of 11,000, in fp32 at 8,000 in place of 5,800 (NOTES.md,
22 November 2026)."""


def rounded(candidate: Candidate) -> bool:
    """Whether shapes are rounded up."""
    return candidate.shaped_for == "cpu" and candidate.precision != "fp32"


def grid(candidate: Candidate) -> int:
    """What the widths of padded micro-batches are multiples of, up to `max_length`."""
    return GRID if rounded(candidate) and not candidate.packing else 1


def learnt_grid(candidate: Candidate) -> int:
    """What the number of positions is a multiple of whose logits are computed."""
    return LEARNT_GRID if rounded(candidate) else 1


def piece(candidate: Candidate) -> int:
    """Places of a micro-batch of several rows above which it is slow; 0: any number."""
    return PIECE if candidate.shaped_for == "cpu" and not candidate.packing else 0


def most_places(candidate: Candidate) -> int:
    """Places of a micro-batch of several rows above which it is cut; 0: any number."""
    limits = (candidate.max_tokens_per_micro_batch, piece(candidate))
    return min((most for most in limits if most), default=0)


def mean_width(candidate: Candidate, width: float) -> float:
    """What a width becomes in the mean, of rows that may be of any length."""
    return max(width, min(width + (grid(candidate) - 1) / 2, float(candidate.max_length)))

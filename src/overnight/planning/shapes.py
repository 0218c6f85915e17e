"""What micro-batches are rounded to and cut at where a processor's kernels want it.

In: a candidate, a length. Out: widths and limits. Never: which rows stand together; anything on a
card, whose kernels take every shape alike.

In 16 bits a processor's matrix kernels are built anew for every shape that they meet, in up to a
tenth of a second a step, and a thousand of them are kept. A 3.3 M-parameter Llama in bf16 on two
cores, steps of 8 rows: 5,450 tokens/s with widths as they come, 13,100 with widths in sixteens and
learnt positions in sixty-fours, 14,800 without what rounding adds; LoRA on 16 rows 5,300 and 18,000
(bench/shaping.py).
"""

from overnight.values.plan import Candidate

GRID = 16
"""Widths in 16 bits are multiples of it: finer grids meet more shapes, coarser ones pad more."""
LEARNT_GRID = 64
"""Likewise the positions whose logits are computed."""
PIECE = 4096
"""Places of a micro-batch at most: beyond it tensors outgrow what the allocator keeps, and steps of
16,000 places took twice as long as four of 4,000, in fp32 a quarter longer."""


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

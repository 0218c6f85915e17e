"""What a learning rate becomes where a step holds other rows: three rules for it.

In: rows a step, a rate known at other rows. Out: rates. Never: which of them is right; that is
measured (`overnight compare`, docs/folklore.md).
"""

import math
from itertools import pairwise

from overnight.values.facts import Interval
from overnight.values.request import RateRule

GUIDE = ((16, 2.0e-4), (32, 2.5e-4), (64, 3.0e-4))
"""Guide 2's rule of thumb: rows a step and the rate; between them and beyond on straight lines of
the logarithms (rows^0.32, then rows^0.26)."""
REFERENCE = GUIDE[0]
SQUARE_ROOT = 0.5
"""The guide's alternative, which it calls linear. Adam's noise scales so where the betas are scaled
with it (arXiv:2205.10287)."""
MEASURED = Interval(low=0.16, mid=0.3, high=0.5)
"""Exponents that were found: 0.16 with beta2 kept to its tokens, 30 M to 4 B parameters
(arXiv:2507.07101); near 0.5 up to the noise scale (arXiv:2405.14578). The middle is a judgement."""


def guide(rows: int) -> float:
    """The guide's rate for steps of so many rows.

    >>> [guide(rows) for rows in (16, 32, 64)]
    [0.0002, 0.00025, 0.0003]
    """
    place = math.log(max(rows, 1))
    marks = [(math.log(size), math.log(rate)) for size, rate in GUIDE]
    pairs = list(pairwise(marks))
    (left, low), (right, high) = next((pair for pair in pairs if place <= pair[1][0]), pairs[-1])
    return float(f"{math.exp(low + (high - low) * (place - left) / (right - left)):.6g}")


def scaled(rate: float, *, rows: int, known: int, exponent: float) -> float:
    """A rate known at `known` rows a step carried to `rows`.

    >>> round(scaled(2e-4, rows=32, known=16, exponent=SQUARE_ROOT), 6)
    0.000283
    """
    return float(rate * (max(rows, 1) / max(known, 1)) ** exponent)


def by_rule(rule: RateRule, rows: int) -> float:
    """The rate for steps of so many rows, from the guide's at sixteen."""
    if rule == "guide":
        return guide(rows)
    exponent = SQUARE_ROOT if rule == "sqrt" else MEASURED.mid
    known, rate = REFERENCE
    return float(f"{scaled(rate, rows=rows, known=known, exponent=exponent):.3g}")


def words(rule: RateRule) -> str:
    """How a rate came about, for people."""
    told = {"guide": "guide 2's numbers between 16 and 64 rows",
            "sqrt": "guide 2's 2e-4 at 16 rows, by the square root of the rows",
            "measured": "guide 2's 2e-4 at 16 rows, by rows^0.3 as measured elsewhere"}  # fmt: skip
    return told[rule]

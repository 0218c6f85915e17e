"""What the pace benches share: a fit by descent along one constant after the other, and errors.

In: a loss over constants by name. Out: constants, lines of tables. Never: a file.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, median, quantiles
from typing import TypeVar

Constants = dict[str, float]
T = TypeVar("T")
PULL = 0.01
"""Weight of the pull towards where a fit begins: it decides only where the data does not."""


def fitted(
    start: Constants, off: Callable[[Constants], float], *, loose: Mapping[str, float]
) -> Constants:
    """The constants with the least mean error `off`, drawn a little to `start`.

    `loose` gives the logarithmic width of that pull, 0.4 where it does not.
    """

    def loss(constants: Constants) -> float:
        pulls = (
            (math.log(value / start[name]) / loose.get(name, 0.4)) ** 2
            for name, value in constants.items()
        )
        return off(constants) + PULL * fmean(pulls)

    best, least, step = start, loss(start), 0.3
    while step > 0.01:
        better, found = _sweep(best, least, step, loss)
        step = step if found < least else step / 2
        best, least = better, found
    return best


def _sweep(
    best: Constants, least: float, step: float, loss: Callable[[Constants], float]
) -> tuple[Constants, float]:
    """One step up or down along each constant, where that helps."""
    for name in best:
        for factor in (math.exp(step), math.exp(-step)):
            tried = best | {name: best[name] * factor}
            found = loss(tried)
            if found < least - 1e-7:
                best, least = tried, found
    return best, least


def grouped(items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    """The items by what `key` says of them."""
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


HEAD = "| n | median, signed | median, absolute | 90th percentile | 90 % interval holds |"
RULE = "|---|---|---|---|---|---|"


def line(name: str, errors: Sequence[float], held: Sequence[bool]) -> str:
    """A row under `HEAD`; `errors` are logarithms of predicted over true time."""
    signed = [math.exp(error) - 1.0 for error in errors]
    absolute = [abs(off) for off in signed]
    ninth = quantiles(absolute, n=10, method="inclusive")[8] if len(absolute) > 1 else absolute[0]
    return (
        f"| {name} | {len(errors)} | {median(signed):+.0%} | {median(absolute):.1%} "
        f"| {ninth:.0%} | {fmean(held):.0%} |"
    )

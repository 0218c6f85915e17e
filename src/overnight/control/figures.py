"""What a run shows of itself step by step, and what may be said of it.

In: nothing. Out: frozen values, and the shape of whatever reads the one and says the other. Never:
judges.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What is known after a step; whatever was not written down is None, a NaN is a NaN."""

    step: int
    loss: float | None = None
    """Of training, in nats a token; a mean over some steps in the logs of other trainers."""
    grad_norm: float | None = None
    learning_rate: float | None = None
    epoch: float | None = None
    """Epochs done: 2.0 is the end of the second."""
    held_out: float | None = None
    """Loss of rows that are not trained on."""
    horizon: int | None = None
    """Steps that the whole run will have, as far as is known now."""

    @property
    def share(self) -> float:
        """Of the run, done by now; 0 where nobody knows how long it will be."""
        return self.step / self.horizon if self.horizon else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing that figures say, with what it rests on."""

    name: str
    step: int
    text: str
    """Not longer than a line of 200 characters."""
    good: bool = False
    """False: somebody should do something about it."""


class Reader(Protocol):
    """One who reads figures for one kind of sign; each figure replaces it, at a constant price."""

    def after(self, figure: Figure) -> Self:
        """What is known once this figure is there."""
        ...

    def says(self, figure: Figure) -> Iterable[Sign]:
        """The signs that the figure just read gives, said before or not."""
        ...

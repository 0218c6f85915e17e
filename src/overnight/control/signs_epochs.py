"""A sign that epochs show: the same losses again to the last digit, so nothing was trained.

In: figures with their epoch. Out: a sign. Never: calls equal losses equal epochs; a loss that stays
where it is for a while is told by other figures.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from overnight.control.figures import Figure, Sign

KEPT = 64
"""First losses of an epoch that the next is compared with."""
IN_A_ROW = 5
"""Equal ones in a row ..."""
DIFFERENT = 3
"""... that are not all one and the same loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Epochs:
    """The losses of the last epoch and of this one, in their order."""

    number: int = 0
    before: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    equal: tuple[float, ...] = ()
    """The newest losses that were those of the epoch before."""

    def after(self, figure: Figure) -> "Epochs":
        """With one more figure."""
        if figure.loss is None or figure.epoch is None:
            return self
        number = math.ceil(figure.epoch)
        if number != self.number:
            here = Epochs(number=number, before=self.losses, equal=self.equal)
        else:
            here = self
        place = len(here.losses)
        if place >= KEPT:
            return here
        same = place < len(here.before) and here.before[place] == figure.loss
        equal = (*here.equal, figure.loss)[-IN_A_ROW:] if same else ()
        return replace(here, losses=(*here.losses, figure.loss), equal=equal)

    def says(self, figure: Figure) -> Iterator[Sign]:
        """Nothing was trained between two epochs."""
        if len(self.equal) >= IN_A_ROW and len(set(self.equal)) >= DIFFERENT:
            last = ", ".join(f"{loss:.5g}" for loss in self.equal[-3:])
            text = (f"Nothing is trained: epoch {self.number} repeats the losses of the one before "
                    f"to the last digit (..., {last}). Are the adapters attached, does the "
                    "optimizer step?")  # fmt: skip
            yield Sign(name="repeating", step=figure.step, text=text)

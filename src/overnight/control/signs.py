"""What the figures of a run say about it, in words, each sign once.

In: a figure after each step or look. Out: signs, good and bad, at the figure that gives them, for
a constant price a step. Never: changes anything; health.py and patience.py act, by their own rules.
"""

from dataclasses import dataclass, replace

from overnight.control.figures import Figure, Reader, Sign
from overnight.control.signs_epochs import Epochs
from overnight.control.signs_held_out import HeldOut
from overnight.control.signs_steps import Nothing, Spikes
from overnight.control.signs_trend import Trend

READERS: tuple[Reader, ...] = (Nothing(), Spikes(), Epochs(), Trend(), HeldOut())
"""Each reads all figures for its own signs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Everything that was read and said so far; each figure replaces it."""

    readers: tuple[Reader, ...] = READERS
    given: frozenset[str] = frozenset()
    """Names of the signs that were given."""
    fresh: tuple[Sign, ...] = ()
    """Those that the newest figure gave."""
    stepped: int = -1
    """The step of the newest loss, ..."""
    looked: int = -1
    """... and of the newest look at held-out rows."""

    def after(self, figure: Figure) -> "Signs":
        """With one more figure; what is done again, after a crash, says nothing new."""
        look = figure.loss is None
        if figure.step <= (self.looked if look else self.stepped):
            return replace(self, fresh=())
        readers = tuple([reader.after(figure) for reader in self.readers])
        said = {sign.name: sign for reader in readers for sign in reader.says(figure)}
        fresh = tuple([sign for name, sign in said.items() if name not in self.given])
        given = self.given | {sign.name for sign in fresh} if fresh else self.given
        return Signs(
            readers=readers,
            given=given,
            fresh=fresh,
            stepped=self.stepped if look else figure.step,
            looked=self.looked if figure.held_out is None else figure.step,
        )

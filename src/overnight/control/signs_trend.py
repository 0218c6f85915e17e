"""Signs that the course of the training loss shows: it drops, it is stuck, it has levelled off.

In: figures, with the run's length where it is known. Out: signs in the words of the mission's first
guide ("Loss drops steadily", "Loss below 1.0 by halfway", "Final loss < 0.6", "Loss stuck at same
value"). Never: judges a run before its half, or one whose length nobody knows.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from overnight.control.figures import Figure, Sign
from overnight.control.stretches import Stretch, Stretches

HALF = 0.5
"""Of the run: the guide looks there, and a loss that is flat for a first epoch may still fall."""
JUST_OVER_HALF = 0.55
QUARTER = 0.25
STUCK = 0.03
"""A fall by less than this share is none: up to 2.8 % in the flat runs of bench/results/signs.md,
7.7 % and more in the healthy ones."""
SURELY = 0.10
"""By more than this share it has surely neither fallen nor risen: noise is allowed for twice."""
LEAST_STEPS = 50
"""Fewer say nothing about a course."""
NEAR_ZERO = 0.1
"""Nats: nothing much is left to fall."""
LEVEL = 0.01
"""The last quarter within one per cent of the quarter before."""
DROPPED = 0.10
"""By more than this share a loss has dropped, or risen."""
RISEN = 0.05
"""Of the best held-out loss, as in signs_held_out.py."""
ONE_EPOCH = 1.05
"""A run of one epoch may be written down as a little more."""
ONE, FINAL = 1.0, 0.6
"""The guide's marks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The losses so far, and the best and the first held-out loss."""

    losses: Stretches = field(default_factory=Stretches)
    held_out_first: float = math.inf
    held_out_best: float = math.inf
    held_out_now: float = math.inf

    def after(self, figure: Figure) -> "Trend":
        """With one more figure."""
        here = self
        if figure.held_out is not None and math.isfinite(figure.held_out):
            first = self.held_out_first
            here = replace(
                here,
                held_out_first=figure.held_out if math.isinf(first) else first,
                held_out_best=min(self.held_out_best, figure.held_out),
                held_out_now=figure.held_out,
            )
        if figure.loss is None or not math.isfinite(figure.loss):
            return here
        return replace(here, losses=here.losses.after(figure.loss, figure.step))

    def says(self, figure: Figure) -> Iterator[Sign]:
        """What the course says at this figure."""
        if figure.loss is None or not (self.losses.whole or figure.share >= 1.0):
            return  # looked at once a block: that is often enough
        if not self.losses.beginning().mean > NEAR_ZERO:
            return  # nothing yet, no likelihood, or as good as learnt from the beginning
        # What training has won since is nothing where held-out rows have lost it.
        by_heart = self.held_out_now > (1.0 + RISEN) * self.held_out_best
        if figure.share >= QUARTER and not by_heart:
            yield from self._dropping(figure)
        if figure.share >= HALF and figure.step >= LEAST_STEPS:
            yield from self._flat(figure)
        if figure.share >= HALF and not by_heart:
            yield from self._marks(figure)

    def _dropping(self, figure: Figure) -> Iterator[Sign]:
        means = [part.mean for part in self.losses.quarters()]
        falling = len(means) == 4 and all(a > b for a, b in pairwise(means))
        if falling and means[-1] <= (1.0 - DROPPED) * means[0]:
            shown = ", ".join(f"{mean:.3g}" for mean in means)
            text = f"A good sign: loss drops steadily, {shown} by quarters of the way so far."
            yield Sign(name="dropping", step=figure.step, text=text, good=True)

    def _flat(self, figure: Figure) -> Iterator[Sign]:
        """Higher than it began, stuck where it began, or level after a fall."""
        begun, now = self.losses.beginning(), self.losses.quarters()[-1]
        fall = (begun.mean - now.mean) / begun.mean
        doubt = 2.0 * self.losses.error(begun, now) / begun.mean
        said = f"{now.mean:.3g} over {_steps(now)}, {begun.mean:.3g} at the beginning"
        if fall > DROPPED:
            yield from self._levelled(figure)
        elif not self.crossed(figure, 0.25) or self._held_out_fell:
            return  # rows that come back, or held-out ones, may know better
        elif -fall > max(DROPPED, 2.0 * doubt):
            text = f"Loss increases: {said}. A lower learning rate is what usually helps."
            yield Sign(name="rising", step=figure.step, text=text)
        elif fall < STUCK and abs(fall) + doubt < SURELY:
            text = f"Loss stuck at same value: {said}. Is the rate too low, or was this known?"
            yield Sign(name="plateau", step=figure.step, text=text)

    @property
    def _held_out_fell(self) -> bool:
        return self.held_out_best < (1.0 - STUCK) * self.held_out_first

    def crossed(self, figure: Figure, last: float) -> bool:
        """Whether the last share of the way says something: in a first epoch of several the loss
        may be flat and fall at its end, where rows come back."""
        epoch = figure.epoch or 0.0
        several = epoch > ONE_EPOCH * figure.share
        return not several or (1.0 - last) * epoch >= 1.0

    def _levelled(self, figure: Figure) -> Iterator[Sign]:
        parts = self.losses.quarters()
        seen = not math.isinf(self.held_out_first)  # held-out rows tell it better
        if seen or len(parts) < 4 or not self.crossed(figure, 0.5):
            return
        before, now = parts[-2:]
        if now.mean < NEAR_ZERO:
            return
        apart = abs(before.mean - now.mean) / before.mean
        if apart + self.losses.error(before, now) / before.mean < LEVEL:
            text = (
                f"The loss has levelled off: that of {_steps(now)} lies within {apart:.1%} of "
                "that of as many before. Nothing is sick; an early stop would save time."
            )
            yield Sign(name="levelled-off", step=figure.step, text=text, good=True)

    def _marks(self, figure: Figure) -> Iterator[Sign]:
        begun, now = self.losses.beginning().mean, self.losses.quarters()[-1].mean
        last = self.losses.ending().mean
        if begun >= ONE > now and figure.share < JUST_OVER_HALF:
            text = f"A good sign: loss below 1.0 by halfway, {now:.3g} at step {figure.step:,}."
            yield Sign(name="below-one", step=figure.step, text=text, good=True)
        if figure.share >= 1.0 and begun >= FINAL > last:
            text = f"A good sign: final loss < 0.6, {last:.3g} at the end."
            yield Sign(name="final", step=figure.step, text=text, good=True)


def _steps(stretch: Stretch) -> str:
    return f"steps {stretch.first:,} to {stretch.last:,}"

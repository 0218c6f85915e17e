"""Signs that a few steps show: divergence, spikes that recover, nothing to learn, no numbers.

In: figures. Out: signs. Never: judges a run by its length; that is signs_trend.py's.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from overnight.control.figures import Figure, Sign

IN_A_ROW = 5
"""Figures: one or two recover by themselves. LLM Foundry's KillLossSpike has a patience of four."""
TWICE = 2.0
"""Times the lowest level of the loss, as KillLossSpike has it, ..."""
SPREADS = 6.0
"""... and so many mean distances from the level above it, five standard deviations, ..."""
LEAST = 0.1
"""... and by so many nats: near zero a doubled loss is nothing."""
UNSEEN_SPREAD = 0.25
"""Of the first loss: its noise until it is known; runs with one row a step have 0.24."""
WEIGHT = 0.02
"""Of the newest loss in the level and its scatter: some fifty losses, lest they follow a wave."""
NOT_FINITE = 3
"""Steps in a row, as health.py has them."""
RESTART = 0.5
"""A rate under so much of its peak that rises again begins a new schedule: other data may come with
it, and a jump of the loss says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Where the loss is, how much it scatters, and the lowest it has been."""

    now: float = math.nan
    spread: float = 0.0
    """Mean distance of a loss from the level before it."""
    low: float = math.inf
    seen: int = 0

    def after(self, loss: float) -> "Level":
        """With one more loss, which is no spike."""
        if math.isnan(self.now):
            return Level(now=loss, spread=UNSEEN_SPREAD * abs(loss), low=loss, seen=1)
        weight = max(WEIGHT, 1.0 / (self.seen + 1))
        spread = self.spread + weight * (abs(loss - self.now) - self.spread)
        now = self.now + weight * (loss - self.now)
        return Level(now=now, spread=spread, low=min(self.low, now), seen=self.seen + 1)

    @property
    def line(self) -> float:
        """A loss above it is far above; infinite before there is one, or where it is under 0."""
        if self.low < 0.0 or math.isinf(self.low):
            return math.inf  # no likelihood: what twice as much of it would be, nobody knows
        return max(TWICE * self.low, self.low + SPREADS * self.spread, self.low + LEAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spikes:
    """Losses far above the level: for a moment, or for good."""

    level: Level = Level()
    high: int = 0
    """Losses in a row above the line."""
    peak: float = 0.0
    since: int = 0
    recovered: int = 0
    """Losses that were above the line in the row that has just ended."""
    rate: float = 0.0
    top_rate: float = 0.0

    def after(self, figure: Figure) -> "Spikes":
        """With one more figure."""
        given, loss = figure.learning_rate, figure.loss
        rate = self.rate if given is None or not math.isfinite(given) else given
        # A new schedule begins with the level forgotten.
        anew = self.rate < rate and self.rate < RESTART * self.top_rate
        here = Spikes() if anew else self
        top = max(here.top_rate, rate)
        if loss is None:
            return replace(here, rate=rate, top_rate=top)
        if not loss <= here.level.line:  # a NaN is above every line
            peak = max(here.peak, loss) if here.high else loss
            since = here.since if here.high else figure.step
            return replace(here, high=here.high + 1, peak=peak, since=since, recovered=0,
                           rate=rate, top_rate=top)  # fmt: skip
        return replace(here, level=here.level.after(loss), recovered=here.high, high=0,
                       rate=rate, top_rate=top)  # fmt: skip

    def says(self, figure: Figure) -> Iterator[Sign]:
        """Divergence, or a spike that is over."""
        if figure.loss is None:
            return
        if self.high >= IN_A_ROW:
            yield Sign(name="divergence", step=figure.step, text=self._diverged(figure.loss))
        elif 0 < self.recovered < IN_A_ROW and math.isfinite(self.peak):
            text = (f"A spike that recovered, no sickness: the loss was {self.peak:.3g} at step "
                    f"{self.since:,} and is back at {figure.loss:.3g}.")  # fmt: skip
            yield Sign(name="spike", step=figure.step, text=text, good=True)

    def _diverged(self, loss: float) -> str:
        return (f"Loss increases: {loss:.3g} now, far above its lowest level of "
                f"{self.level.low:.3g} since step {self.since:,}, {self.high} figures in a row. "
                "A lower learning rate is what usually helps.")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """Figures in a row in which there was nothing to learn from, or no number at all."""

    zeros: int = 0
    """Loss 0, and the gradient 0 or not known."""
    still: int = 0
    """Gradient 0, whatever the loss."""
    not_finite: int = 0

    def after(self, figure: Figure) -> "Nothing":
        """With one more figure."""
        if figure.loss is None:
            return self
        flat = figure.grad_norm == 0.0
        zero = figure.loss == 0.0 and (flat or figure.grad_norm is None)
        return Nothing(
            zeros=self.zeros + 1 if zero else 0,
            still=self.still + 1 if flat else 0,
            not_finite=0 if math.isfinite(figure.loss) else self.not_finite + 1,
        )

    def says(self, figure: Figure) -> Iterator[Sign]:
        """Nothing is learnt, or the loss is no number."""
        if self.not_finite >= NOT_FINITE:
            text = f"The loss was no finite number {self.not_finite} times in a row."
            yield Sign(name="not-finite", step=figure.step, text=text)
        if max(self.zeros, self.still) < IN_A_ROW:
            return
        what = "loss and gradient have" if self.still and self.zeros else "the loss has"
        what = "the gradient has" if not self.zeros else what
        yield Sign(
            name="nothing-learnt",
            step=figure.step,
            text=f"Nothing is learnt: {what} been exactly 0 for {max(self.zeros, self.still)} "
            "figures in a row. Is there a token to learn from in every row?",
        )

"""What is known of steps: what they hold, what they took, what those to come will take.

In: steps as they were taken, stages, loads. Out: the pace, seconds, horizons that work has room
for. Never: the time, decisions (deadline.py).
"""

import math
from dataclasses import dataclass, field
from typing import Self

from overnight.control.loads import Loads, Path, farthest
from overnight.control.tempo import Tempo
from overnight.values.curriculum import Curriculum
from overnight.values.ledger import Stepped

RECENT = 40
"""Steps that the pace is read from."""
FADING_SECONDS = 30.0
"""In which what is no longer recent is forgotten: forty steps of a tiny model are a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paced:
    """The steps of a night, those taken and those to come."""

    tokens_per_step: float
    """Mean over an epoch: what a step is expected to hold."""
    horizon: int = 1
    step: int = 0
    loads: tuple[float, ...] = ()
    """What the steps of the path hold, in any unit of work, each with all before it: `loads[n]` is
    that of the first n. Empty where nothing but `tokens_per_step` is known. Of the first stage."""
    stages: Curriculum = field(default_factory=Curriculum)
    """Those after the first, with loads of their own."""
    fixed_load: float = 0.0
    """What a step costs whatever it holds, in the same unit; the rehearsal found it."""
    recent: tuple[tuple[float, float], ...] = ()
    """(seconds, load) of the last steps."""
    earlier: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Seconds, load and number of the steps before them, in sum, fading with the time."""
    tempo: Tempo = field(default_factory=Tempo)
    """All steps, in blocks: how steady the pace has been."""
    under_way: tuple[float, float, int] = (0.0, 0.0, 0)
    """Seconds, load and number of the steps since the last whole block."""

    @property
    def slowest_step(self) -> float:
        """Seconds of the slowest recent step; with stages, those of one that holds what the next
        one does, if that is more."""
        slowest = max(self.recent, default=(0.0, 0.0))[0]
        if not self.stages.later:
            return slowest
        rates = (seconds / (load + self.fixed_load) for seconds, load in self.recent if load)
        return max(slowest, max(rates, default=0.0) * self.load(self.step, self.step + 1))

    @property
    def pace(self) -> float:
        """Seconds a unit of load; 0 before anything is measured."""
        seconds, load, steps = self.earlier
        seconds += sum(one for one, _ in self.recent)
        load += sum(one for _, one in self.recent)
        load += self.fixed_load * (steps + len(self.recent))
        return seconds / load if load else 0.0

    @property
    def seconds_per_step(self) -> float:
        """Expected seconds of a step that holds as much as the mean one to come."""
        left = max(self.horizon - self.step, 1)
        return self.pace * self.load(self.step, self.step + left) / left

    @property
    def spread(self) -> float:
        """Relative standard deviation of the seconds a unit of load."""
        rates = [seconds / (load + self.fixed_load) for seconds, load in self.recent if load]
        if len(rates) < 3:
            return 0.25
        mean = sum(rates) / len(rates)
        return math.sqrt(sum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1)) / mean

    def load(self, first: int, last: int) -> float:
        """What the steps after `first` up to `last` hold, with what each costs besides."""
        path = self._path_to(self.horizon) if self.stages.later else self.first
        return path.to(last) - path.to(first)

    def farthest(self, room: float) -> int:
        """The last horizon that so much work has room for, from here on."""
        if self.stages.later:
            return farthest(self.step, room, self._path_to)
        return self.step + self.first.within(self.step, room)

    @property
    def first(self) -> Loads:
        """The steps of the first stage, as if there were no other."""
        return Loads(self.loads, self.fixed_load, self.tokens_per_step)

    def _path_to(self, horizon: int) -> Path:
        """All stages of a night that ends there."""
        legs = (Loads(leg.loads, self.fixed_load, self.tokens_per_step)
                for leg in self.stages.later)  # fmt: skip
        return Path((self.first, *legs), self.stages.to(self.step, horizon).borders)

    def held(self, event: Stepped) -> float:
        """What a step held, its fixed load left out."""
        if not self.loads:
            return float(event.tokens)
        if self.stages.begun and self.stages.later:
            return self._path_to(self.horizon).step(event.step)
        return self.first.step(event.step)

    def stepped(self, event: Stepped) -> Self:
        """The newest step counts; one that is no longer recent fades into the earlier ones."""
        held = self.held(event)
        recent, earlier = (*self.recent, (event.seconds, held)), self.earlier
        if len(recent) > RECENT:
            seconds, load = recent[0]
            fading = math.exp(-seconds / FADING_SECONDS)
            earlier = (earlier[0] * fading + seconds, earlier[1] * fading + load,
                       earlier[2] * fading + 1.0)  # fmt: skip
        took, load, steps = self.under_way
        block, tempo = (took + event.seconds, load + held, steps + 1), self.tempo
        if block[2] == tempo.size:
            block, tempo = (0.0, 0.0, 0), tempo.after(block)
        return self._with(step=event.step, recent=recent[-RECENT:], earlier=earlier, tempo=tempo,
                          under_way=block)  # fmt: skip

    def _with(self, **changed: object) -> Self:
        """What `dataclasses.replace` gives, for less: it is wanted after every step."""
        new = object.__new__(type(self))
        for name in self.__dataclass_fields__:
            object.__setattr__(new, name, changed[name] if name in changed else getattr(self, name))
        return new

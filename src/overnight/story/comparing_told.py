"""A comparison's journal, read: whoever trains and whoever tells the verdict ask the same reader.

In: the journal's entries. Out: what it says of settings and trials, equal work among it. Never:
files, a clock; which settings still take part, since equal work stays what it was without them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from overnight.planning import division
from overnight.values.ledger import Entry, Event
from overnight.values.trials import Divided, Entered, Kind, Refused, Sliced, Trial, Tried, Weighed

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Told:
    """The journal of a comparison, by kind."""

    events: Sequence[Event]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Told":
        """Without when each was written."""
        return cls([entry.event for entry in entries])

    def every(self, kind: type[E]) -> list[E]:
        """All events of one kind, in order."""
        return [one for one in self.events if isinstance(one, kind)]

    def entered(self) -> dict[str, Entered]:
        """The settings that took part, in the order in which they were planned."""
        tried = self.tried()
        found = {one.setting: one for one in self.every(Entered)}
        return {name: one for name, one in found.items() if name in tried}

    def tried(self) -> dict[str, Tried]:
        """What the first steps of each setting have shown."""
        return {one.setting: one for one in self.every(Tried)}

    def refused(self) -> dict[str, str]:
        """Settings left out, and why."""
        return {one.setting: one.why for one in self.every(Refused)}

    def divided(self) -> Divided | None:
        """How the window was divided first."""
        return next(iter(self.every(Divided)), None)

    def slices(self, setting: str) -> list[Sliced]:
        """Of one setting, with at least one steady step."""
        every = self.every(Sliced)
        return [one for one in every if one.trial.setting == setting and one.seconds > 0.0]

    def newest(self, trial: Trial) -> Sliced | None:
        """A trial's newest slice."""
        return next((one for one in reversed(self.every(Sliced)) if one.trial == trial), None)

    def look(self, trial: Trial | None) -> Weighed | None:
        """The look after a trial, or at the base."""
        return next((one for one in self.every(Weighed) if one.trial == trial), None)

    def base(self) -> Weighed | None:
        """The base model's look, where it was taken."""
        return self.look(None)

    def seen(self, trial: Trial) -> bool:
        """Whether a trial is over and was looked at."""
        return self.look(trial) is not None

    def first(self, setting: str) -> Sliced | None:
        """Where a setting stands in its first equal time: what equal work is measured by."""
        return self.newest(Trial(setting=setting, seed=1, kind="time"))

    def done(self, setting: str) -> float:
        """Supervised tokens that a setting learnt in the first equal time."""
        first = self.first(setting)
        return float(first.learnt) if first is not None else 0.0

    def work(self) -> float:
        """Supervised tokens of equal work: the fewest that a setting did in the first equal time;
        also of one that was left out since, for the seeds before it were measured by that."""
        first = (self.first(name) for name in self.entered())
        done = [one.learnt for one in first if one and one.over in ("window", "horizon")]
        return float(min(done, default=0))

    def does_it(self, trial: Trial) -> bool:
        """Whether the trial of equal time is one of equal work as well."""
        last = self.newest(replace(trial, kind="time"))
        return last is not None and division.same_work(last.learnt, self.work())

    def trials(self, setting: str, kind: Kind) -> dict[int, Trial]:
        """By seed: the trials of a setting that count, each looked at after its end. A trial of
        equal time that did the equal work counts as one of equal work."""
        plan, found = self.divided(), dict[int, Trial]()
        for seed in range(1, (plan.seeds if plan else 0) + 1):
            timed = Trial(setting=setting, seed=seed, kind="time")
            wanted = [timed] if kind == "time" else [
                Trial(setting=setting, seed=seed, kind="work"),
                *([timed] if self.does_it(timed) else ()),
            ]  # fmt: skip
            counts = next((one for one in wanted if self.seen(one)), None)
            if counts is not None:
                found[seed] = counts
        return found

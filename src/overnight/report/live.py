"""The live view: a panel that follows the night, and a plain line for whatever is notable.

In: entries of the journal as they happen, with the newest `Status` where there is one. Out: lines
on a console; without a terminal only whole plain lines, steps at most once in a while. Never: the
present time (entries carry it), a decision, markup from data.
"""

from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from overnight.report.glance import Glance
from overnight.report.panel import Panel, one_line
from overnight.report.sentences import sentence
from overnight.report.words import count_of, inert_line, loss_words
from overnight.values.ledger import (
    Chosen,
    Continued,
    Ended,
    Entry,
    Evaluated,
    Event,
    Published,
    Rehearsed,
    Replanned,
    Resumed,
    Status,
    Stepped,
)
from overnight.values.units import show_bytes, show_count

MOVED = "the pace has moved"
TOGETHER = 0.5
"""Seconds in which steps are taken in together: no terminal is drawn more often."""


def _continued(event: Continued) -> list[str]:
    lines = [f"Found checkpoint: {inert_line(event.name)}"]
    if event.steps is not None:
        lines.append(f"Resuming training from step {event.steps}...")
    return [*lines, *(inert_line(note, limit=400) for note in event.notes)]


def _resumed(event: Resumed) -> list[str]:
    lines = [inert_line(why) for why in event.passed_over]
    if event.name:
        lines.append(f"Found checkpoint: {inert_line(event.name)}")
        lines.append(f"Resuming training from step {event.step}...")
    else:
        lines.append("No whole checkpoint was found: training starts from its beginning.")
    if event.steps_lost:
        lines.append(f"{count_of(event.steps_lost, 'step')} will be done again.")
    return lines


def _told(event: Event) -> str | None:
    """The sentence of an event that only the live view tells; None for the others."""
    said = None
    match event:
        case Rehearsed(steps=steps, tokens_per_second=pace, peak_bytes=peak):
            how = f"{show_count(pace)} tokens/s, peak memory {show_bytes(peak)}"
            said = f"Rehearsed {count_of(steps, 'step')}: {how}."
        case Evaluated(base=True, part=part, loss=loss):
            said = f"The base model's held-out loss ({part}): {loss_words(loss)}"
        case Evaluated(step=step, part=part, loss=loss):
            said = f"Held-out loss ({part}) at step {step:,}: {loss_words(loss)}"
        case Chosen(name=name, why=why, loss=loss) if "test" not in loss:  # it is told twice
            said = f"Chosen: {inert_line(name)}, {inert_line(why).rstrip('.')}."
        case Published(tested=tested):
            said = f"The model is in final/{'' if tested else ' (not load-tested)'}."
    return said


def notable(event: Event) -> list[str]:
    """The plain lines that an event is worth; none for steps, saves and the like."""
    if isinstance(event, Resumed):
        return _resumed(event)
    if isinstance(event, Continued):
        return _continued(event)
    if isinstance(event, Ended) or (isinstance(event, Replanned) and event.why == MOVED):
        return []  # the first is told by the ending, the second by the live line
    said = _told(event) or sentence(event)
    return [said] if said else []


@dataclass(slots=True)
class LiveView:
    """A context manager to `tell` entries to.

    On a terminal a panel at the bottom is kept up to date and notable events scroll above it;
    elsewhere every line is whole, and steps have one at most every `every` seconds of the night.
    """

    console: Console
    glance: Glance = field(default_factory=Glance)
    every: float = 60.0
    _live: Live | None = field(default=None, init=False)
    _told: float | None = field(default=None, init=False)
    _waiting: list[Entry] = field(default_factory=list, init=False)
    """Steps that are taken in together: one after the other, each between two steps of training,
    they would cost several times as much."""

    def __enter__(self) -> "LiveView":
        if self.console.is_terminal:
            self._live = Live(Panel(self.glance), console=self.console, transient=True,
                              refresh_per_second=2)  # fmt: skip
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if self._live:
            self._live.stop()
            self._live = None

    def tell(self, entry: Entry, status: Status | None = None) -> None:
        """Show what an entry changes."""
        self._waiting.append(entry)
        step = isinstance(entry.event, Stepped)
        if step and entry.t - self._waiting[0].t < TOGETHER and self._told is not None:
            return
        for one in self._waiting:
            self.glance.add(one)
        self._waiting.clear()
        if step and not self._live and not self._due(entry.t):
            return
        self.glance.overrule(status, now_utc=entry.utc)
        for line in notable(entry.event):
            self._print(Text(line))
        if step:
            self._told = entry.t
            if not self._live:
                self._print(one_line(self.glance))

    def _due(self, t: float) -> bool:
        return self._told is None or t - self._told >= self.every

    def _print(self, line: Text) -> None:
        self.console.print(line, soft_wrap=self._live is None, highlight=False)

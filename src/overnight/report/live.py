"""The live view: one line that follows the night, and a plain line for whatever is notable.

In: entries of the journal as they happen, with the newest `Status` where there is one. Out: lines
on a console; without a terminal only whole plain lines, steps at most once in a while. Never: the
present time (entries carry it), a decision, markup from data.
"""

from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Literal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from overnight.report.sentences import sentence
from overnight.report.words import Clock, count_of, inert_line, loss_words, rate
from overnight.values.ledger import (
    Chosen,
    Continued,
    Ended,
    Entry,
    Evaluated,
    Event,
    Forecast,
    Prepared,
    Published,
    Rehearsed,
    Replanned,
    Resumed,
    Started,
    Status,
    Stepped,
    Stopped,
)
from overnight.values.units import show_bytes, show_count, show_duration

Held = Literal["on track", "tight", "late"]
MOVED = "the pace has moved"
_STYLES = {"on track": "green", "tight": "yellow", "late": "bold red"}


def spare_words(seconds: float) -> str:
    """A rest of time, no finer than a forecast is: whole minutes from ten minutes to an hour."""
    return f"{seconds / 60:.0f} min" if 600 <= seconds < 3600 else show_duration(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """When everything will be over, against the deadline; instants in UTC seconds."""

    low: float
    high: float
    deadline: float | None
    clock: Clock

    @property
    def held(self) -> Held | None:
        """`tight` where the deadline lies inside the interval; None without a deadline."""
        if self.deadline is None:
            return None
        return "on track" if self.high <= self.deadline else "tight" if self.low <= self.deadline \
            else "late"  # fmt: skip

    def words(self, *, short: bool = False) -> Text:
        """ "finishes 07:12-07:31, deadline 08:00, 29 m 00 s spare, on track"."""
        span = self.clock.span(self.low, self.high).replace(" to ", "-")
        said = Text(f"finishes {span}")
        if self.deadline is None or self.held is None:
            return said
        said.append(f", deadline {replace(self.clock, near=self.high).show(self.deadline)}")
        if self.high <= self.deadline and not short:
            said.append(f", {spare_words(self.deadline - self.high)} spare")
        return said.append(", ").append(self.held, style=_STYLES[self.held])


def finish_of(status: Status, *, now_utc: float) -> Finish | None:
    """The finish that a status foresees; None before there is a forecast."""
    if status.finish_low_utc is None or status.finish_high_utc is None:
        return None
    exact = status.finish_high_utc - status.started_utc < 3600
    return Finish(low=status.finish_low_utc, high=status.finish_high_utc,
                  deadline=status.deadline_utc, clock=Clock(near=now_utc, exact=exact))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Glance:
    """What the live line says, gathered from entries and overruled by a status."""

    phase: str = "starting"
    step: int = 0
    horizon: int = 0
    loss: float | None = None
    pace: float | None = None
    learning_rate: float | None = None
    deadline: float | None = None
    finish: Finish | None = None
    exact: bool = False

    def after(self, entry: Entry) -> "_Glance":
        """What is known once `entry` has happened."""
        return replace(self, **self._changes(entry))

    def _changes(self, entry: Entry) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        match entry.event:
            case Started() as e:
                short = e.window_seconds is not None and e.window_seconds < 3600
                changed = {"deadline": e.deadline_utc, "exact": short}
            case Prepared():
                changed = {"phase": "rehearsing"}
            case Stepped() as e:
                pace = e.tokens / e.seconds if e.seconds > 0 else None
                changed = {"phase": "", "step": e.step, "loss": e.loss, "pace": pace,
                           "learning_rate": e.learning_rate}  # fmt: skip
            case Replanned(horizon=horizon):
                changed = {"horizon": horizon}
            case Resumed(step=step):
                changed = {"phase": "", "step": step}
            case Forecast() as e:
                clock = Clock(near=entry.utc, exact=self.exact)
                changed = {"finish": Finish(low=e.low_utc, high=e.high_utc, clock=clock,
                                            deadline=self.deadline)}  # fmt: skip
            case Stopped():
                changed = {"phase": "ending"}
        return changed

    def overruled(self, status: Status | None, *, now_utc: float) -> "_Glance":
        """The same with what `status.json` knows better."""
        if status is None:
            return self
        states = {"training": "", "starting": self.phase}
        return replace(
            self, phase=states.get(status.state, status.state), horizon=status.horizon,
            step=status.step, pace=status.tokens_per_second or self.pace,
            loss=self.loss if status.loss is None else status.loss,
            finish=finish_of(status, now_utc=now_utc) or self.finish,
        )  # fmt: skip

    def pieces(self) -> list[list[Text]]:
        """Lines from the fullest to the barest, each as its pieces."""
        total = f"/{self.horizon:,}" if self.horizon else ""
        head = Text(f"step {self.step:,}{total}" if not self.phase else self.phase, style="bold")
        loss = [Text(f"loss {self.loss:.3f}")] if self.loss is not None else []
        pace = [Text(f"{show_count(self.pace)} tokens/s")] if self.pace else []
        lr = [Text(f"lr {rate(self.learning_rate)}")] if self.learning_rate is not None else []
        long = [self.finish.words()] if self.finish else []
        short = [self.finish.words(short=True)] if self.finish else []
        start = [head, *loss]
        return [[*start, *pace, *long, *lr], [*start, *pace, *long], [*start, *long],
                [*start, *short], [head, *short], start, [head]]  # fmt: skip

    def line(self, width: int | None = None) -> Text:
        """The fullest line that fits into `width` columns."""
        lines = [Text(" · ").join(pieces) for pieces in self.pieces()]
        fitting = (line for line in lines if width is None or line.cell_len <= width)
        return next(fitting, lines[-1])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = self.line(options.max_width - 1)
        line.truncate(options.max_width - 1)
        yield line


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

    On a terminal one line at the bottom is kept up to date and notable events scroll above it;
    elsewhere every line is whole, and a step has one at most every `every` seconds of the night.
    """

    console: Console
    horizon: int = 0
    """Steps that are planned, until a `Replanned` or a status says otherwise."""
    every: float = 30.0
    _glance: _Glance = field(default_factory=_Glance, init=False)
    _live: Live | None = field(default=None, init=False)
    _told: float | None = field(default=None, init=False)

    def __enter__(self) -> "LiveView":
        self._glance = _Glance(horizon=self.horizon)
        if self.console.is_terminal:
            self._live = Live(self._glance, console=self.console, transient=True,
                              refresh_per_second=4)  # fmt: skip
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if self._live:
            self._live.stop()
            self._live = None

    def tell(self, entry: Entry, status: Status | None = None) -> None:
        """Show what an entry changes."""
        step = isinstance(entry.event, Stepped)
        if step and not self._live and not self._due(entry.t):
            return  # whatever it changes the next step changes again
        self._glance = self._glance.after(entry).overruled(status, now_utc=entry.utc)
        for line in notable(entry.event):
            self._print(Text(line))
        if self._live:
            self._live.update(self._glance)
        elif step:
            self._told = entry.t
            self._print(self._glance.line())

    def _due(self, t: float) -> bool:
        return self._told is None or t - self._told >= self.every

    def _print(self, line: Text) -> None:
        self.console.print(line, soft_wrap=self._live is None, highlight=False)

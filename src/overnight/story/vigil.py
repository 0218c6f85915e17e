"""Whether the training process still gives signs of life.

In: the run folder's files, the processor time of the child's processes, a clock. Out: one sentence
where there has been none for much longer than ever before. Never: ends anything; counts time in
which nobody was awake.

A sign is a line in the journal or a renewed status: each step, save and look writes one, a long
look renews the status every few seconds. So a healthy child is silent for one step, one save, or
the loading of a model at most, and by the time that it trains it has been through each of these.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overnight.probe.clock import Clock
from overnight.training.journal import EVENTS
from overnight.values.units import show_duration

if TYPE_CHECKING:
    import psutil

LEAST_SILENCE = 120.0
"""Seconds without a sign that end no child ..."""
TIMES = 10.0
"""... nor do so many times its longest silence: another program may take the machine meanwhile."""
PREPARING = 1800.0
"""Until its first step what it is silent over is not known: data are read, a model is fetched."""
BUSY = 5.0
"""A child that computes is given so many times longer: it may only be slow ..."""
BUSY_PREPARING = 24.0
"""... and twelve hours to prepare: tokenising a large file is one long silence."""
IDLE_SHARE = 0.01
"""Of the time: a process that takes less of a processor than this computes nothing."""
WORK_SECONDS = 30.0
"""Over which it is counted, once a child has been silent for too long."""
MOST_BETWEEN = 2.0
"""Seconds between two looks that count; more than that this process itself was not awake for."""
SIGNS = (EVENTS, "status.json")


@dataclass(slots=True)
class Vigil:
    """One child under watch."""

    folder: Path
    clock: Clock
    worked: Callable[[], float]
    """Seconds of processor time that the child and its processes have taken so far."""
    longest: float = 0.0
    """Its longest silence since its first step."""
    silent: float = 0.0
    """Seconds awake since the last sign."""
    _looked: float | None = None
    _seen: tuple[tuple[int, int], ...] = ()
    _idle_since: tuple[float, float] | None = None
    """Silence, and what was worked by then, where work is first asked for in this silence."""

    def look(self, *, training: bool) -> str:
        """Why the child must be taken for dead, or nothing. `training`: it has taken a step."""
        self._count(training=training)
        patience = max(LEAST_SILENCE, TIMES * self.longest) if training else PREPARING
        if self.silent < patience:
            return ""
        busy = BUSY if training else BUSY_PREPARING
        if self.silent < busy * patience and not self._idle():
            return ""
        return f"no sign of life for {show_duration(self.silent)}"

    def _idle(self) -> bool:
        """Whether nothing was computed in the last minute of the silence: asking costs a little."""
        if self._idle_since is None or self.silent - self._idle_since[0] > 2.0 * WORK_SECONDS:
            self._idle_since = (self.silent, self.worked())
        silent, worked = self._idle_since
        went = self.silent - silent
        return went >= WORK_SECONDS and self.worked() - worked < IDLE_SHARE * went

    def _count(self, *, training: bool) -> None:
        now = self.clock.boot()
        since = 0.0 if self._looked is None else now - self._looked
        self._looked = now
        self.silent += min(since, MOST_BETWEEN)
        seen = tuple(map(_mark, (self.folder / name for name in SIGNS)))
        if seen == self._seen:
            return
        if training:
            self.longest = max(self.longest, self.silent)
        self._seen, self.silent, self._idle_since = seen, 0.0, None


def _mark(path: Path) -> tuple[int, int]:
    """What differs once a file was written to."""
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_size, stat.st_mtime_ns)


def processor_seconds(pid: int) -> float:
    """What a process and all that it started have taken; what is gone already is not counted."""
    import psutil

    try:
        top = psutil.Process(pid)
        return sum(map(_taken, [top, *top.children(recursive=True)]))
    except psutil.Error:
        return 0.0


def _taken(process: "psutil.Process") -> float:
    import psutil

    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)

"""A night watched from outside: in a terminal, or as a page that keeps itself new.

In: a run folder, on this machine or a shared one. Out: the live view until the night is over.
Never: touches the night or its folder; answers anybody but this machine.
"""

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from overnight.probe.clock import Clock
from overnight.report.following import Following, status
from overnight.report.glance import Glance
from overnight.report.live import notable
from overnight.report.panel import Panel, one_line
from overnight.report.verdict import judge
from overnight.report.words import inert
from overnight.values.errors import InputError
from overnight.values.ledger import Ended, Entry, Prepared, Resumed, Started, Stepped
from overnight.values.units import show_duration

TICK = 1.0  # seconds between two looks at the files
EVERY = 60.0  # seconds between two lines where there is no terminal
BELOW = 5
"""Notable lines under the panel."""
SILENT = 60.0
"""Seconds without a word from the night after which that is said."""


def run(folder: Path, *, clock: Clock, console: Console, wait: Callable[[float], None] = time.sleep,
        ) -> int:  # fmt: skip
    """Follows the night in `folder` until it is over; 0 then.

    Raises:
        InputError: the folder is no night's.
    """
    watching = Watching(folder, clock)
    watching.catch_up()
    if console.is_terminal:
        with Live(watching.panel(), console=console, auto_refresh=False) as live:
            while not watching.over:
                wait(TICK)
                watching.catch_up()
                live.update(watching.panel(), refresh=True)
    else:
        _in_lines(watching, console, wait)
    _verdict(watching, console)
    return 0


class Watching:
    """What has been seen of one night."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self.following = Following(folder)
        known = self.following.known()
        self.glance = Glance(horizon=known.plan.time.total_steps,
                             limit_bytes=known.plan.memory_limit_bytes)  # fmt: skip
        self.said: list[str] = []
        """Every notable line so far."""
        self.over = False

    def catch_up(self) -> list[Entry]:
        """Takes in what was appended, and the status; the new entries."""
        news = self.following.news()
        for entry in news:
            self.glance.add(entry)
            self.said += notable(entry.event)
            self.over = isinstance(entry.event, Ended) or (self.over and not _going_on(entry))
        self.status = status(self.following.folder)
        if not self.over:
            self.glance.overrule(self.status, now_utc=self.clock.utc())
        return news

    def panel(self) -> Panel:
        """The panel as of now."""
        return Panel(self.glance, (*self.said[-BELOW:], *self._silence()))

    def _silence(self) -> tuple[str, ...]:
        if self.status is None or self.over:
            return ()
        gone = self.clock.utc() - self.status.updated_utc
        if gone < SILENT:
            return ()
        return (f"nothing was heard from it for {show_duration(gone)}: if its process is gone, the "
                "same train command goes on",)  # fmt: skip


def _going_on(entry: Entry) -> bool:
    """Whether a night that had ended has been taken up again."""
    return isinstance(entry.event, Started | Prepared | Resumed | Stepped)


def _in_lines(watching: Watching, console: Console, wait: Callable[[float], None]) -> None:
    told, heard = float("-inf"), len(watching.said)
    while True:
        for line in watching.said[heard:]:
            console.print(Text(line), soft_wrap=True, highlight=False)
        heard = len(watching.said)
        if watching.over:
            return
        if watching.clock.utc() - told >= EVERY:
            told = watching.clock.utc()
            console.print(one_line(watching.glance), soft_wrap=True, highlight=False)
        wait(TICK)
        watching.catch_up()


def _verdict(watching: Watching, console: Console) -> None:
    try:
        verdict = judge(watching.following.report())
    except InputError as error:
        console.print(Text(str(error)))
        return
    for line in (verdict.title, *verdict.sentences):
        console.print(Text(inert(line)), soft_wrap=not console.is_terminal, highlight=False)

"""A night's page inside a notebook (Jupyter, Colab, Kaggle), kept new while the cell below runs.

In: a run folder. Out: a framed page under the cell, drawn again every few seconds until the night
is over. Never: a server, a port, a script that reaches out of its frame.
"""

from __future__ import annotations

import html
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

from overnight.report import pages
from overnight.report.following import Following
from overnight.story.copies import copies
from overnight.values.errors import InputError

__all__ = ["Shown", "copies", "show", "watch"]

SHARE = 0.02
"""Of the time that drawing may take."""


class Shown:
    """A frame on display; `stop()` leaves it as it is."""

    def __init__(self, run: str | Path, *, every: float, height: int) -> None:
        self._following, self._every, self._height = Following(Path(run)), every, height
        self._done = Event()
        self._handle: Any = None

    def draw(self) -> bool:
        """Draws what is new; whether the night is over."""
        from IPython.display import HTML, display

        if not self._following.news() and self._handle is not None:
            return False
        try:
            report = self._following.report()
            text = pages.render(report, name=self._following.folder.resolve().name, home="frame")
        except InputError as error:
            report, text = None, f"<p>{html.escape(str(error))}</p>"
        frame = HTML(_frame(text, self._height))
        if self._handle is None:
            self._handle = display(frame, display_id=True)
        else:
            self._handle.update(frame)
        return report is not None and report.over

    def stop(self) -> None:
        """Draws no more."""
        self._done.set()

    def follow(self) -> None:
        """Draws until the night is over or `stop` is called."""
        while not self._done.is_set():
            begun = time.monotonic()
            if self.draw():
                return
            self._done.wait(max(self._every, (time.monotonic() - begun) / SHARE))


def _frame(page: str, height: int) -> str:
    """The page in a frame of its own: its scripts run there and reach nothing else."""
    style = f"width:100%;height:{height}px;border:0"
    return (f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(page)}" style="{style}" '
            'title="overnight"></iframe>')  # fmt: skip


def show(run: str | Path, *, height: int = 900) -> None:
    """The page of a night as it stands now, under this cell.

    Args:
        run: the run folder, `runs/NAME`.
        height: of the frame, in pixels.
    """
    Shown(run, every=0.0, height=height).draw()


def watch(run: str | Path, *, every: float = 10.0, height: int = 900) -> Shown:
    """The page of a night under this cell, kept new by a thread while other cells run.

    Args:
        run: the run folder, `runs/NAME`; it may not be there yet.
        every: seconds between two looks at its files, at least.
        height: of the frame, in pixels.

    Returns:
        What is shown; `.stop()` leaves it as it is.
    """
    shown = Shown(run, every=every, height=height)
    shown.draw()
    Thread(target=shown.follow, daemon=True).start()
    return shown

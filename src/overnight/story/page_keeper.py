"""report.html kept new while the night goes on, by a process that yields to it.

In: a run folder, a clock. Out: `overnight _page RUN` now and then, at the lowest priority. Never:
waits for it, lets it take more than its share, starts it near the end or in a short night.
"""

import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from overnight.probe.clock import Clock

EVERY = 60.0
"""Seconds between the end of one drawing and the start of the next, at least."""
SHARE = 0.005
"""Of the time that drawing may take: a page of 50,000 steps takes a second (results/pages.md)."""
LAST = 60.0
"""Seconds before the end in which nothing is drawn any more; the end draws the last page."""
SHORTEST = 300.0
"""Seconds that a night must have left for any drawing."""


@dataclass(slots=True)
class PageKeeper:
    """Who sees to the page of one night."""

    folder: Path
    clock: Clock
    _process: "subprocess.Popen[bytes] | None" = None
    _begun: float = 0.0
    _next: float | None = None

    def look(self, left: float | None) -> None:
        """Starts a drawing when one is due; `left` are the seconds until the night must be over."""
        now = self.clock.boot()
        if self._next is None:
            short = left is not None and left < SHORTEST
            self._next = float("inf") if short else now + EVERY
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._process = None
            self._next = now + max(EVERY, (now - self._begun) / SHARE)
        if now >= self._next and (left is None or left > LAST):
            self._begun = now
            self._process = _drawing(self.folder)

    def end(self) -> None:
        """No drawing goes on after this: an older page must not take the last one's place."""
        if self._process is not None:
            with suppress(OSError):
                self._process.kill()
            self._process.wait()
            for half in self.folder.glob(f".report.*.{self._process.pid}"):  # what it was writing
                half.unlink(missing_ok=True)
            self._process = None


def _drawing(folder: Path) -> "subprocess.Popen[bytes] | None":
    words = [sys.executable, "-m", "overnight", "_page", str(folder)]
    try:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    except OSError:
        return None  # a page may be missed

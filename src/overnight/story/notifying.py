"""A command of the user's, told what becomes of the night.

In: the command, the run folder. Out: that command with OVERNIGHT_EVENT (`in-danger`, `finished`,
`stopped`, `failed`), OVERNIGHT_RUN and OVERNIGHT_VERDICT in its environment. Never: written down
anywhere (it may hold a secret), waited for beyond a moment, able to change how the night ended.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from overnight.probe.clock import Clock
from overnight.report.following import status
from overnight.report.words import inert_line

EVERY = 10.0  # seconds between two looks at status.json
ENDS = {0: "finished", 4: "stopped"}
"""By exit status; any other is `failed`."""
WAIT = 5.0
"""Seconds that the last command may take before the night's own command is over; it goes on."""


@dataclass(slots=True)
class Notifier:
    """Whom to tell about one night."""

    command: str | None
    folder: Path
    clock: Clock
    _warned: bool = False
    _next: float = 0.0
    _going: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def look(self) -> None:
        """Tells once that the planned steps will not be done by the deadline, when it is so."""
        now = self.clock.boot()
        if self.command is None or self._warned or now < self._next:
            return
        self._next = now + EVERY
        seen = status(self.folder)
        if seen is not None and seen.on_track is False:
            self._warned = True
            self._tell("in-danger", "fewer steps than planned will be done by its deadline")

    def ended(self, exit_status: int, verdict: str, *, left: float | None = None) -> None:
        """Tells how it ended, and waits a moment so that a short command is over too: never beyond
        the `left` seconds until the night's deadline."""
        self._tell(ENDS.get(exit_status, "failed"), verdict)
        until = time.monotonic() + (WAIT if left is None else max(min(WAIT, left), 0.0))
        for process in self._going:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(until - time.monotonic(), 0.0))

    def _tell(self, event: str, verdict: str) -> None:
        if self.command is None:
            return
        told = {"OVERNIGHT_EVENT": event, "OVERNIGHT_RUN": str(self.folder.resolve()),
                "OVERNIGHT_VERDICT": inert_line(verdict, limit=1000)}  # fmt: skip
        try:
            process = subprocess.Popen(self.command, shell=True, stdin=subprocess.DEVNULL,
                                       env=os.environ | told, start_new_session=True)  # fmt: skip
        except OSError as error:
            print(f"overnight: --on-finish could not be run: {error}", file=sys.stderr)
        else:
            self._going.append(process)


def verdict(folder: Path) -> str:
    """The headline of the night's report; nothing where there is none."""
    try:
        told = json.loads((folder / "report.json").read_text("utf-8"))
        return str(told["actual"]["verdict"]["title"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""

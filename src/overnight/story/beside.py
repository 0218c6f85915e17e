"""What goes on beside a night and may fail: its page, its trackers, a word to its user.

In: what the user asked for, the night's own work. Out: that work's exit status, unchanged. Never:
anything that the night waits for, anything of this in its files.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from overnight.probe.clock import Clock
from overnight.story.notifying import Notifier, verdict
from overnight.story.page_keeper import PageKeeper
from overnight.story.tracking import named
from overnight.values.errors import OvernightError

LOG = "trackers.log"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for beside the night itself; kept nowhere, for a command may hold a secret."""

    on_finish: str | None = None
    """A command line, run when the night is in danger and when it is over."""
    report_to: str = ""
    """Names of trackers with commas."""

    def __post_init__(self) -> None:
        named(self.report_to)  # refused before anything is begun


NOTHING = Wishes()


@dataclass(slots=True)
class Beside:
    """All of it, for one invocation."""

    folder: Path
    clock: Clock
    wishes: Wishes = field(default_factory=Wishes)
    page: PageKeeper = field(init=False)
    notifier: Notifier = field(init=False)
    _trackers: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.page = PageKeeper(self.folder, self.clock)
        self.notifier = Notifier(self.wishes.on_finish, self.folder, self.clock)

    def during(self, night: Callable[[], int], left: Callable[[], float | None]) -> int:
        """The night, with trackers that follow it, and a word to the user when it is over; `left`
        tells the seconds until then."""
        self._track()
        status = 1
        try:
            status = night()
        except OvernightError as error:
            status = error.exit_status
            raise
        finally:
            self.page.end()
            if self.wishes.on_finish is not None:
                self.notifier.ended(status, verdict(self.folder), left=left())
        return status

    def look(self, left: float | None) -> None:
        """What is due beside; `left` are the seconds until the night must be over."""
        self.page.look(left)
        self.notifier.look()

    def _track(self) -> None:
        names = named(self.wishes.report_to)
        if not names:
            return
        words = [sys.executable, "-m", "overnight", "_track", str(self.folder), ",".join(names)]
        try:
            with open(self.folder / LOG, "ab") as said:
                self._trackers = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                    start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            print(f"overnight: the trackers could not be started: {error}", file=sys.stderr)

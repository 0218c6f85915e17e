"""The fresh process that tests what is published; in a short window it is there before its turn.

In: a run folder, a checkpoint's name. Out: a child that loads, tests and puts it into place. Never:
decides what is published, or waits for its end.
"""

from dataclasses import dataclass
from pathlib import Path

from overnight.story.children import Child

NAMED_LATER = "-"
"""In the place of a checkpoint's name: it comes on standard input, after the libraries."""


@dataclass(slots=True)
class Examiner:
    """Starts the process; at most one is there before its turn."""

    folder: Path
    trust_remote_code: bool = False
    """Whether it may run code that the model brings, as the command said."""
    _ahead: Child | None = None

    def prepare(self) -> None:
        """Has a process import its libraries now; nothing where one does so already."""
        if self._ahead is None:
            self._ahead = self._started(NAMED_LATER)

    def start(self, name: str) -> Child:
        """A process that tests this checkpoint: the one that is there, else a new one."""
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead.wait(0.0) is not None:
            return self._started(name)
        ahead.tell(name)
        return ahead

    def end(self) -> None:
        """Ends one that was not needed."""
        if self._ahead is not None:
            self._ahead.kill()
            self._ahead = None

    def _started(self, name: str) -> Child:
        words = ["--trust-remote-code"] if self.trust_remote_code else []
        return Child.start(["_publish", str(self.folder), name, *words], quiet=True)

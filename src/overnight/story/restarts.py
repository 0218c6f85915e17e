"""How often a night is started again after a crash, and how soon.

In: how far the night had come at each crash. Out: whether and after how many seconds another start
is worth it, and one sentence where it is not. Never: starts anything.
"""

from dataclasses import dataclass

from overnight.values.units import show_duration

WITHOUT_PROGRESS = 2
"""Crashes in a row that came no further: the next one would not either."""
FIRST_WAIT = 1.0
"""Seconds before the first restart: a device may need a moment to be free again ..."""
MOST_WAIT = 60.0
"""... and twice as many each time, up to this, while crashes follow one another ..."""
QUIET_SECONDS = 600.0
"""... within this time; after a longer one the next crash is the first again."""


@dataclass(slots=True)
class Restarts:
    """The crashes of one invocation."""

    count: int = 0
    idle: int = 0
    """In a row that came no further than the one before."""
    furthest: int = -1
    """The last step reached before a crash so far ..."""
    saved: int = -1
    """... and the newest checkpoint's."""
    wait: float = 0.0
    """Seconds before the next start."""
    why: str = ""
    """How the last crash came about."""
    _at: float = float("-inf")

    def crashed(self, why: str, *, step: int, saved: int, now: float) -> None:
        """One more: the last step was `step`, the newest checkpoint that of step `saved`."""
        further = step > self.furthest and saved > self.saved
        self.count += 1
        self.idle = 0 if further else self.idle + 1
        self.furthest, self.saved = max(step, self.furthest), max(saved, self.saved)
        soon = now - self._at < QUIET_SECONDS
        self.wait = min(max(2.0 * self.wait, FIRST_WAIT), MOST_WAIT) if soon else FIRST_WAIT
        self._at, self.why = now, why

    def forgive(self) -> None:
        """The last crash is mended: the next start is another one."""
        self.idle = 0

    @property
    def hopeless(self) -> bool:
        """Whether another start would end as the last ones did."""
        return self.idle >= WITHOUT_PROGRESS

    @property
    def words(self) -> str:
        """Why it was not started again, in one sentence without its full stop."""
        times = {1: "once", 2: "twice"}.get(self.idle, f"{self.idle} times")
        place = f"at step {self.furthest + 1:,}" if self.furthest > 0 else "before its first step"
        return f"it crashed {times} {place} and came no further ({self.why})"

    def notice(self) -> str:
        """What is said before another start."""
        return f"the training process died ({self.why}); again in {show_duration(self.wait)}"

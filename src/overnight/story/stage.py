"""Everything alive in the training process, in one place.

In: what was asked, looked at and planned. Out: the `Stage` that opening, rehearsal and ending act
on. Never: acts by itself.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from overnight.control.figures import Figure
from overnight.control.signs import Signs
from overnight.story.look import Look
from overnight.story.publishing import publish_seconds
from overnight.story.teller import Teller
from overnight.training.keeper import Keeper
from overnight.training.session import Session
from overnight.values.ledger import Prepared, Stepped
from overnight.values.plan import Plan, margin_seconds
from overnight.values.request import Request

ROOMY = 0.25
"""Of the memory: a processor's heap grew to 2.1 times what the arithmetic says (NOTES)."""


def endless() -> float:
    """The patience of whoever asked for nothing."""
    return math.inf


def nothing() -> None:
    """What follows where nobody listens."""


@dataclass(slots=True)
class Stage:
    """Everything alive in the training process."""

    teller: Teller
    request: Request
    found: Look
    plan: Plan
    session: Session
    keeper: Keeper
    ends_at: float | None = None
    leaves_at: float | None = None
    """When this session is left, before the night is over."""
    wanted: Callable[[], str] = str
    """What the world wants: an end (`signal`, `stop`), a `save`, or nothing."""
    leaving: Callable[[], bool] = bool
    """Whether it wants it at once, so that looks are given up."""
    waits: Callable[[], float] = endless
    """Seconds that whoever wants it may still wait."""
    safe: Callable[[], None] = nothing
    """Says that nothing would be lost from here on if this process ended at once."""
    leave: Callable[[], None] = nothing
    """Ends it at once, where nobody can wait for its orderly way out."""
    publish_seconds: float = 0.0
    rehearsing: bool = True
    steps: list[Stepped] = field(default_factory=list)
    """Of the rehearsal, ..."""
    rehearsed: float = 0.0
    """... and their seconds so far."""
    prepared: Prepared | None = None
    """How long the libraries, the data and the model took to be there."""
    looked_at: float = 0.0
    """On the boot-time clock: when the first step could begin."""
    peak_before: int = 0
    """Bytes: the most memory taken until then."""
    forecast_at: float = 0.0
    glanced_at: float = 0.0
    answer_seconds: float = 0.0
    """What the answers before training took."""
    signs: Signs | None = None
    """What the figures have said so far; read from the journal at the first one."""
    unread: list[Figure] = field(default_factory=list)
    """Figures that have come since."""
    read_at: float = -math.inf

    @property
    def publishing(self) -> float:
        """Seconds that publishing is expected to take; `publish_seconds` are kept for it."""
        if self.prepared is None:
            return self.publish_seconds
        return publish_seconds(self.prepared, self.plan.window_seconds)

    @property
    def now(self) -> float:
        """The boot-time clock."""
        return self.teller.clock.boot()

    def aim(self, ends_at: float | None, leaves_at: float | None) -> None:
        """When the night, or before it this session, has to be over, for all but the loop."""
        self.ends_at, self.leaves_at = ends_at, leaves_at
        over = min((at for at in (ends_at, leaves_at) if at is not None), default=None)
        if over is not None:
            margin = margin_seconds(over - self.started_at)
            self.keeper.latest = over - self.publish_seconds - 0.5 * margin

    @property
    def tight(self) -> bool:
        """Whether the fullest step is to be tried before it comes: where a processor has memory to
        spare that takes as long as the longest step, and says nothing."""
        memory = self.plan.memory.needed_bytes * self.plan.candidate.processes
        return self.found.hardware.device != "cpu" or memory > ROOMY * self.plan.memory_limit_bytes

    @property
    def started_at(self) -> float:
        """The night's first start on the boot-time clock."""
        return self.now - self.teller.journal.now()

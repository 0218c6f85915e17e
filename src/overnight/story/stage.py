"""Everything alive in the training process, in one place.

In: what was asked, looked at and planned. Out: the `Stage` that opening, rehearsal and ending act
on. Never: acts by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from overnight.control.signs import Signs
from overnight.story.look import Look
from overnight.story.teller import Teller
from overnight.training.keeper import Keeper
from overnight.training.session import Session
from overnight.values.ledger import Prepared, Stepped
from overnight.values.plan import Plan
from overnight.values.request import Request


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
    wanted: Callable[[], str] = str
    """What the world wants: an end (`signal`, `stop`), a `save`, or nothing."""
    publish_seconds: float = 0.0
    rehearsing: bool = True
    steps: list[Stepped] = field(default_factory=list)
    """Of the rehearsal."""
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

    @property
    def publishing(self) -> float:
        """Seconds that publishing is expected to take; `publish_seconds` are kept for it."""
        if self.prepared is None:
            return self.publish_seconds
        return self.prepared.import_seconds + self.prepared.load_seconds

    @property
    def now(self) -> float:
        """The boot-time clock."""
        return self.teller.clock.boot()

    @property
    def started_at(self) -> float:
        """The night's first start on the boot-time clock."""
        return self.now - self.teller.journal.now()

"""What a plan has to answer to.

In: nothing. Out: `Question`. Never: an answer (search.py).
"""

from dataclasses import dataclass, field

from overnight.values.choices import Rated, Sized
from overnight.values.facts import DatasetProfile, Hardware, ModelProfile
from overnight.values.ledger import Loss
from overnight.values.lessons import Lessons
from overnight.values.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Everything that is known when a plan is made."""

    request: Request
    dataset: DatasetProfile
    model: ModelProfile
    hardware: Hardware
    window_seconds: float | None
    lessons: Lessons = field(default_factory=Lessons)
    """What earlier nights on this machine taught."""
    base_loss: Loss | None = None
    """Of the base model on the *select* part, once it was looked at."""
    sized: Sized | None = None
    """How the rows of a step were chosen, once their pace was measured."""
    rated: Rated | None = None
    """What pilots said of the learning rate, once they are over."""

"""Which nights are alike: what a plan's error depends on, compared.

In: a remembered night and the one that is asked for. Out: how much the one says about the other,
from 1 down to a little. Never: what it says (lessons.py, rates.py).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from overnight.values.lessons import Remembered

UNLIKE = {"method": 0.4, "precision": 0.3, "architecture": 0.7}
"""What a night counts that differs in one of these: judgements, tried in tests/planning."""
NEAR = 4.0
"""A factor in size at which a night counts 0.6, and at its square 0.14."""
LEAST = 0.15
"""What the most unlike night on this machine counts: a slow disk is slow for every model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a lesson is wanted for; None where it is not settled yet."""

    machine: str
    versions: str
    architecture: str
    num_parameters: int
    avg_tokens_per_sample: float
    hidden_size: int = 0
    data: str = ""
    method: str | None = None
    precision: str | None = None
    tokens: float | None = None
    """Of a micro-batch."""
    free_bytes: int = 0
    """Of the device's memory."""


def again(record: Remembered) -> Asked:
    """The question that a remembered night would be if it were asked for again."""
    return Asked(
        machine=record.machine,
        versions=record.versions,
        architecture=record.architecture,
        num_parameters=record.num_parameters,
        avg_tokens_per_sample=record.avg_tokens_per_sample,
        hidden_size=record.hidden_size,
        data=record.data,
        method=record.candidate.method,
        precision=record.candidate.precision,
        tokens=_tokens(record),
    )


def likeness(record: Remembered, asked: Asked, traits: Iterable[str]) -> float:
    """How much a night counts for the question by these traits (names of fields of `Asked`)."""
    return max(math.prod(_alike(record, asked, trait) for trait in traits), LEAST)


def _alike(record: Remembered, asked: Asked, trait: str) -> float:
    """1 where the two agree in a trait, or where it is not known yet."""
    theirs, ours = _trait(record, trait), getattr(asked, trait)
    if ours is None or theirs == ours:
        return 1.0
    if isinstance(theirs, str):
        return UNLIKE[trait]
    apart = math.log(max(theirs, 1e-9) / max(ours, 1e-9)) / math.log(NEAR)
    return math.exp(-0.5 * apart**2)


def _trait(record: Remembered, trait: str) -> float | str:
    if trait == "tokens":
        return _tokens(record)
    owner: object = record.candidate if trait in ("method", "precision") else record
    value: float | str = getattr(owner, trait)
    return value


def _tokens(record: Remembered) -> float:
    """Of a micro-batch."""
    length = min(record.avg_tokens_per_sample, record.candidate.max_length)
    return record.candidate.per_device_train_batch_size * length

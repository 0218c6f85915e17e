"""What earlier nights like this one could not hold in memory: it is not planned again.

In: records of this machine, newest first; a candidate. Out: the settings that fitted in the end; a
candidate no larger, or None. Never: an estimate of memory (memory.py has those).
"""

from collections.abc import Sequence
from dataclasses import replace

from overnight.planning.alike import Asked
from overnight.values.lessons import Remembered
from overnight.values.plan import Candidate

MORE = 1.1
"""Times the free memory of then: with that much more it may be tried again."""


def fitted(records: Sequence[Remembered], asked: Asked) -> Candidate | None:
    """What memory left of the newest night alike in which it ran out; None where it never did."""
    return next((one.fitted for one in records if one.fitted and _alike(one, asked)), None)


def _alike(record: Remembered, asked: Asked) -> bool:
    same = (record.architecture, record.num_parameters, record.hidden_size)
    wanted = (asked.architecture, asked.num_parameters, asked.hidden_size)
    return same == wanted and asked.free_bytes <= MORE * record.free_bytes


def within(candidate: Candidate, known: Candidate | None) -> Candidate | None:
    """The candidate as memory allows it, by what is known to fit; None where it does not.

    More layers checkpointed than then, or another method: nothing is known of it.
    """
    if known is None or _kind(candidate) != _kind(known):
        return candidate
    now, then = _checkpointed(candidate), _checkpointed(known)
    if now > then:
        return candidate
    most = known.max_tokens_per_micro_batch
    # Within so many tokens any number of rows fits.
    fits = bool(most) or (candidate.per_device_train_batch_size
                          <= known.per_device_train_batch_size)  # fmt: skip
    return replace(candidate, max_tokens_per_micro_batch=most) if now == then and fits else None


def _kind(candidate: Candidate) -> tuple[object, ...]:
    return candidate.method, candidate.precision, candidate.optim


def _checkpointed(candidate: Candidate) -> float:
    """Share of the layers."""
    return candidate.gradient_checkpointing / candidate.checkpoint_every

"""What is done when memory ran out: a smaller candidate with the same effective batch.

In: a Candidate, what ran out, the journal's events. Out: the next smaller one, or None; the one
that a checkpoint was written with. Never: a change of what a step means.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from overnight.values.ledger import Event, Resumed, Saved, Stepped
from overnight.values.plan import Candidate
from overnight.values.troubles import Rewound, Shrunk

Where = Literal["gradients", "optimizer", "host"]
RESTARTS = 3
"""New processes in a row, with no checkpoint between them, that memory may ask for."""


def smaller(candidate: Candidate, *, ran_out: int = 0, fitted: int = 0) -> Candidate | None:
    """The candidate with which the step that ran out of memory is taken again.

    `ran_out` is what the micro-batch of several rows held that did not fit, in tokens with padding:
    from then on such ones are cut, and shorter rows keep their company. `fitted` is the most that
    had fitted. 0: a single row did not fit, so layers are checkpointed, then all of them.
    """
    if ran_out:
        fitted = min(fitted, candidate.max_tokens_per_micro_batch or fitted)
        # One that had fitted and was larger: memory is in pieces, or there is less of it now.
        most = max(ran_out // 2, fitted) if fitted < ran_out else fitted // 2
        return replace(candidate, max_tokens_per_micro_batch=max(most, 1))
    if not candidate.gradient_checkpointing:
        return replace(candidate, gradient_checkpointing=True)
    if candidate.checkpoint_every > 1:
        return replace(candidate, checkpoint_every=1)
    return None


def after_optimizer(candidate: Candidate, events: Sequence[Event]) -> Candidate | None:
    """The candidate of a new process, after memory ran out while the optimizer stepped.

    Half the micro-batch: less comes and goes beside what the optimizer holds, less is left in
    pieces. None where nothing is smaller, or `RESTARTS` processes came to no new checkpoint.
    """
    return None if _restarts(events) >= RESTARTS else _halved(candidate)


def after_kill(candidate: Candidate, events: Sequence[Event], *, device: str) -> Candidate | None:
    """The candidate of a new process, after the system killed one because its memory was used up.

    No loaders beside it and no pinned pages; where the model itself lives in that memory, half the
    micro-batch besides. None as for `after_optimizer`.
    """
    if _restarts(events) >= RESTARTS:
        return None
    lean = _without_loaders(candidate)
    half = None if device == "cuda" else _halved(lean)
    return half or (lean if lean != candidate else None)


def _restarts(events: Sequence[Event]) -> int:
    """How often in a row a process had to be smaller from its start."""
    count = 0
    for event in reversed(events):
        if isinstance(event, Saved) and event.step > 0:
            break
        count += isinstance(event, Shrunk) and event.where != "gradients"
    return count


def _without_loaders(candidate: Candidate) -> Candidate:
    return replace(candidate, dataloader_num_workers=0, dataloader_pin_memory=False)


def _halved(candidate: Candidate) -> Candidate | None:
    """Half the rows and tokens of a micro-batch; where it is one row, layers are checkpointed.

    Rows are rounded down and micro-batches up, so that a step's rows are never fewer; how a step is
    cut into micro-batches does not change its loss (DESIGN 5).
    """
    rows = candidate.per_device_train_batch_size
    if rows == 1:
        return smaller(candidate)
    half = rows // 2
    wanted = rows * candidate.gradient_accumulation_steps
    return replace(
        candidate,
        per_device_train_batch_size=half,
        gradient_accumulation_steps=-(-wanted // half),
        max_tokens_per_micro_batch=-(-candidate.max_tokens_per_micro_batch // 2),
    )


def shrunk(candidate: Candidate, *, step: int, where: Where, why: str) -> Shrunk:
    """The event of going on with this candidate."""
    return Shrunk(
        step=step,
        per_device_train_batch_size=candidate.per_device_train_batch_size,
        gradient_accumulation_steps=candidate.gradient_accumulation_steps,
        gradient_checkpointing=candidate.gradient_checkpointing,
        checkpoint_every=candidate.checkpoint_every,
        most_tokens=candidate.max_tokens_per_micro_batch,
        where=where,
        why=why,
    )


def as_small(candidate: Candidate, event: Shrunk) -> Candidate:
    """The candidate, no larger than the event says; what is smaller already stays."""
    limits = [n for n in (candidate.max_tokens_per_micro_batch, event.most_tokens) if n]
    found = replace(candidate, max_tokens_per_micro_batch=min(limits, default=0))
    if event.per_device_train_batch_size < candidate.per_device_train_batch_size:
        found = replace(
            found,
            per_device_train_batch_size=event.per_device_train_batch_size,
            gradient_accumulation_steps=event.gradient_accumulation_steps,
        )
    if event.gradient_checkpointing:
        before = candidate.checkpoint_every if candidate.gradient_checkpointing else 10**9
        every = min(before, event.checkpoint_every)
        found = replace(found, gradient_checkpointing=True, checkpoint_every=every)
    return _without_loaders(found) if event.where == "host" else found


def replayed(
    candidate: Candidate, events: Iterable[Event], name: str
) -> tuple[Candidate, tuple[Shrunk, ...]]:
    """The candidate as it stood at checkpoint `name` ("": the beginning), and what is to come.

    What ran out at a later step is taken up again when that step is reached, so that a night that
    was killed takes the steps until then as it took them before. A process that had to be smaller
    from its start stays so.
    """
    now, seen, at = candidate, list[Shrunk](), {"": candidate}
    for event in events:
        if isinstance(event, Shrunk):
            seen.append(event)
            now = as_small(now, event)
            if event.where != "gradients":
                at = {known: as_small(then, event) for known, then in at.items()}
        elif isinstance(event, Resumed):
            now = at.get(event.name, at[""])
        elif isinstance(event, Stepped | Saved):
            now = _taken_up(now, seen, event.step)
        if isinstance(event, Saved | Rewound):
            at[event.name] = now
    found = at.get(name, now)
    return found, tuple(one for one in seen if as_small(found, one) != found)


def _taken_up(candidate: Candidate, seen: Iterable[Shrunk], step: int) -> Candidate:
    """The candidate by which this step was taken."""
    for event in seen:
        if event.step < step:
            candidate = as_small(candidate, event)
    return candidate


def smallest(candidate: Candidate, events: Iterable[Event]) -> Candidate | None:
    """What memory left of a candidate in the end; None where it never ran out."""
    ran_out = [event for event in events if isinstance(event, Shrunk)]
    for event in ran_out:
        candidate = as_small(candidate, event)
    return candidate if ran_out else None

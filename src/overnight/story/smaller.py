"""A new process that is smaller: after memory ran out where no step can be taken again.

In: a live stage, or a run folder and what the kernel counts. Out: the event `Shrunk` that the next
process begins with; the error that ends this one. Never: starts or ends a process.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from overnight.codec import from_json
from overnight.control import recovery
from overnight.probe import container
from overnight.story.begin import PLAN
from overnight.training import journal, sealed
from overnight.training.journal import Journal
from overnight.values.errors import InputError, NoPlanFits, OvernightError
from overnight.values.facts import Hardware
from overnight.values.ledger import Stepped
from overnight.values.plan import Plan
from overnight.values.troubles import Shrunk

if TYPE_CHECKING:
    from overnight.story.stage import Stage


def after_optimizer(on: "Stage") -> OvernightError:
    """Tells that the next process is to be smaller; what this one ends with.

    Half of the weights may have moved: nothing of them is kept, the newest checkpoint is.
    """
    events = [entry.event for entry in on.teller.entries]
    candidate = recovery.after_optimizer(on.session.candidate, events)
    step = on.session.progress.step
    if candidate is None:
        return NoPlanFits(f"memory ran out while the optimizer took step {step + 1}, with nothing "
                          "left to make smaller: free some, or take --method lora")  # fmt: skip
    why = "it ran out while the optimizer stepped; a new process goes on"
    on.teller.tell(recovery.shrunk(candidate, step=step, where="optimizer", why=why))
    return OvernightError(f"memory ran out while the optimizer took step {step + 1}; "
                          "a new process goes on from the newest checkpoint, smaller")  # fmt: skip


class Memory:
    """What the supervisor knows of memory while one training process lives: made before its start,
    asked after its death."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._asked = folder, _restarts(folder)
        self._kills = container.memory_kills()

    def smaller(self, written: Journal, *, ours: bool) -> bool:
        """Whether the next process is to be smaller than the one that died; journals it if so.

        It said so itself, or the kernel has killed since for want of memory. `ours`: it died by our
        own hand, which says nothing.
        """
        if _restarts(self._folder) > self._asked:
            return True
        now = container.memory_kills()
        killed = now is not None and self._kills is not None and now > self._kills
        return killed and not ours and _after_kill(self._folder, written)


def _restarts(folder: Path) -> int:
    """How often this night has asked for a smaller process."""
    events = (entry.event for entry in journal.read(folder))
    return sum(isinstance(one, Shrunk) and one.where != "gradients" for one in events)


def _after_kill(folder: Path, written: Journal) -> bool:
    """Journals what the next process is to begin with; False where nothing is smaller."""
    try:
        found = sealed.read(folder / PLAN)
        first = from_json(found["plan"], Plan).candidate
    except (InputError, KeyError):
        return False  # damaged, or it had not come so far
    events = [entry.event for entry in journal.read(folder)]
    now = recovery.smallest(first, events) or first
    device = from_json(found["hardware"], Hardware).device
    candidate = recovery.after_kill(now, events, device=device)
    if candidate is None:
        return False
    step = next((one.step for one in reversed(events) if isinstance(one, Stepped)), 0)
    why = "the system's was used up and it ended the process; a new one goes on"
    written.append(recovery.shrunk(candidate, step=step, where="host", why=why))
    return True

"""A live session as it stands, held in memory, and back to it bit for bit.

In: a live session between two steps. Out: `Snapshot`; a session resized for steps of other rows.
Never: the disk. On a card what is kept lies in the host's memory.
"""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from overnight.training import stages, state
from overnight.training.batches import Order
from overnight.values.decisions import Progress
from overnight.values.plan import Candidate

if TYPE_CHECKING:
    import torch

    from overnight.training.session import Session

HOME = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything of a session that steps change."""

    weights: "tuple[torch.Tensor, ...]"
    buffers: "tuple[torch.Tensor, ...]"
    optimizer: dict[str, Any]
    scaler: dict[str, Any] | None
    random: dict[str, Any]
    progress: Progress
    candidate: Candidate
    orders: tuple[Order, ...]

    @classmethod
    def of(cls, session: "Session", *, weights: bool = True) -> "Snapshot":
        """The session as it stands; without its weights where no step will move them."""
        scaler = session.accelerator.scaler
        return cls(
            weights=_kept(session.parameters) if weights else (),
            buffers=_kept(list(session.model.buffers())) if weights else (),
            optimizer=copy.deepcopy(session.optimizer.state_dict()),
            scaler=None if scaler is None else copy.deepcopy(scaler.state_dict()),
            random=state.random_state(),
            progress=session.progress,
            candidate=session.candidate,
            orders=session.orders,
        )

    def put_back(self, session: "Session") -> None:
        """The session is as it was."""
        session.optimizer.zero_grad(set_to_none=True)
        if self.weights:
            _copy(self.weights, session.parameters)
            _copy(self.buffers, list(session.model.buffers()))
        session.optimizer.load_state_dict(copy.deepcopy(self.optimizer))
        if self.scaler is not None:
            session.accelerator.scaler.load_state_dict(copy.deepcopy(self.scaler))
        session.rebuild(self.candidate)
        session.orders, session.progress = self.orders, self.progress
        session.order = session.orders[session.progress.stage]
        state.set_random_state(self.random)


def _kept(tensors: "list[torch.Tensor]") -> "tuple[torch.Tensor, ...]":
    return tuple(one.detach().to(HOME, copy=True) for one in tensors)


def _copy(kept: "tuple[torch.Tensor, ...]", live: "list[torch.Tensor]") -> None:
    import torch

    with torch.no_grad():
        for now, then in zip(live, kept, strict=True):
            now.copy_(then)


def bytes_kept(session: "Session") -> int:
    """Host memory that a snapshot of it takes."""
    held = [*session.parameters, *session.model.buffers()]
    moments = [value for kept in session.optimizer.state.values() for value in kept.values()
               if hasattr(value, "element_size")]  # fmt: skip
    return sum(one.numel() * one.element_size() for one in (*held, *moments))


def resize(session: "Session", candidate: Candidate) -> None:
    """From here on a step holds this candidate's rows; before the first step only."""
    session.rebuild(candidate)
    session.orders = stages.orders(session.material, candidate)
    session.order = session.orders[0]
    session.progress = Progress(batches_per_epoch=session.order.steps_per_epoch)
    for group in session.optimizer.param_groups:
        group["betas"] = (group["betas"][0], candidate.adam_beta2)

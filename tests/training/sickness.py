"""Nights that are made ill on purpose: what befalls which step, and the night that meets it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tests.training import tiny
from tests.training.nights import Night

from overnight.control.deadline import Deadline
from overnight.control.health import Health
from overnight.control.schedule import Schedule
from overnight.training.keeper import Keeper
from overnight.training.loop import Course, Loop
from overnight.training.session import Session
from overnight.values.cadence import Cadence
from overnight.values.ledger import Event, Saved, Stepped

Ill = Callable[[Session, torch.Tensor], torch.Tensor]
"""What befalls a step whose gradients and loss are there; the loss as it is then."""
NAN = float("nan")


def no_loss(on: Session, loss: torch.Tensor) -> torch.Tensor:
    """Loss and gradients are no numbers."""
    return longer(NAN)(on, loss) * NAN


def one_gradient(on: Session, loss: torch.Tensor) -> torch.Tensor:
    """One number of one gradient is infinite."""
    grad = on.parameters[-1].grad
    assert grad is not None
    grad.view(-1)[0] = float("inf")
    return loss


def longer(times: float) -> Ill:
    """The gradient alone is so many times as long."""

    def ill(on: Session, loss: torch.Tensor) -> torch.Tensor:
        for parameter in on.parameters:
            if parameter.grad is not None:
                parameter.grad.mul_(times)
        return loss

    return ill


def louder(times: float) -> Ill:
    """Loss and gradient are so many times what they were."""
    return lambda on, loss: longer(times)(on, loss) * times


def broken_weight(on: Session, loss: torch.Tensor) -> torch.Tensor:
    """A weight becomes infinite: every later step is lost until the weights are put back."""
    on.parameters[0].data.view(-1)[0] = float("inf")
    return loss


class Sick(Session):
    """A session that ills befall by the number of the attempt, skipped and dropped ones counted."""

    ills: Mapping[int, Ill] = {}
    always: Ill | None = None
    """From the first attempt in `ills` on, at every one."""
    attempts = 0

    def gradients(self, *args: Any, **more: Any) -> Any:
        loss = super().gradients(*args, **more)
        self.attempts += 1
        ill = self.ills.get(self.attempts)
        if self.always and self.attempts >= min(self.ills):
            ill = self.always
        return ill(self, loss) if ill else loss


@dataclass
class Met:
    """One night and what it told."""

    session: Sick
    keeper: Keeper
    loop: Loop
    night: Night
    events: list[Event] = field(default_factory=list)

    def kinds(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def live(self, until: int = 10**9) -> "Met":
        """Before step 1 one save and one look; then the loop to its end, or to a kill."""
        saved = self.keeper.save(self.session)
        assert saved is not None
        self._tell(self.loop.happened(saved))
        seen = self.keeper.measure(self.session, "select", base=True)
        assert seen is not None
        self._tell(self.loop.happened(seen))
        for promoted in self.keeper.promotions(seen, Health()):
            self._tell(promoted)
        return self._train(until)

    def go_on(self, before: Night, name: str) -> "Met":
        """From a checkpoint of a killed night, with the course that its journal tells."""
        self.session.restore(self.night.folder / name)
        self.session.attempts = self.session.progress.step  # none was dropped
        for entry in before.entries:
            self.loop.course = self.loop.course.after(entry.event, 1_000.0 + entry.t)
            self.night.entries.append(entry)
            if isinstance(entry.event, Saved) and entry.event.name == name:
                break
        self.keeper.parent = name
        return self._train(10**9)

    def _train(self, until: int) -> "Met":
        for event in self.loop.train():
            self._tell(event)
            if isinstance(event, Stepped) and event.step >= until:
                break
        return self

    def _tell(self, event: Event) -> None:
        self.events.append(event)
        self.night.add(event)

    def loss(self) -> float:
        """Of the held-out rows now, nats a token."""
        sums, counts = self.session.evaluate(self.keeper.held_out["select"])
        return float(sums.sum() / counts.sum())


def course(horizon: int, rate: float) -> Course:
    """A night of so many steps without a clock; a save and a look at every tenth."""
    deadline = Deadline(started_at=1_000.0, ends_at=None, steps_wanted=horizon, horizon=horizon,
                        tokens_per_step=100.0, publish_seconds=0.0,
                        cadence=Cadence(save_steps=10, eval_steps=10))  # fmt: skip
    schedule = Schedule(peak=rate, horizon=horizon, warmup_steps=5, shape="linear")
    return Course(deadline=deadline, schedule=schedule)


def meet(folder: Path, session: Sick, *, horizon: int = 80, rate: float = tiny.RATE) -> Met:
    """The night of a session in an empty folder, not yet begun."""
    night = Night(folder).begin()
    keeper = tiny.keeper(night)
    loop = Loop(session, course(horizon, rate), acts=keeper, clock=night.clock.boot)
    return Met(session, keeper, loop, night)

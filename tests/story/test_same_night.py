"""Whole nights in this process, killed and gone on with: the same weights as without the kill."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from tests.small_nights import Small, told
from tests.training.same_path import sick

from overnight import night
from overnight.probe.clock import SystemClock
from overnight.story import begin
from overnight.training.losses import Head
from overnight.training.session import Session
from overnight.values.ledger import Resumed, Saved, Stopped
from overnight.values.request import Request, Settings
from overnight.values.troubles import Rewound, Shrunk

pytestmark = pytest.mark.tiny
STEPS = 24
ASKED = Settings(max_steps=STEPS, save_steps=4, eval_steps=4, per_device_train_batch_size=8,
                 gradient_accumulation_steps=1, learning_rate=3e-3, lora_dropout=0.2,
                 dataloader_num_workers=0)  # fmt: skip


class Killed(BaseException):
    """What a process does after SIGKILL: nothing."""


@dataclass
class Troubles:
    """What goes wrong, and where: by the place in the data and the step, as it would again."""

    sick_batches: tuple[int, ...] = ()
    """Of the first epoch: their losses are no numbers."""
    tight_from: int = 10**9
    """The step from which only so many tokens fit:"""
    capacity: int = 10**9
    optimizer_at: int = -1
    """The step at which the optimizer runs out, once."""
    kills: list[int] = field(default_factory=list)
    """Calls of `Session.step`, over all lives, that do not come back."""
    calls: int = 0
    step: int = 0


@contextmanager
def in_trouble(troubles: Troubles) -> Iterator[None]:
    """While it lasts every session and head of this process is in these troubles."""
    take, losses = Session.step, Head.token_losses

    def step(self: Session, rate: float, **given: float):
        troubles.calls += 1
        troubles.step = self.progress.step
        if troubles.calls in troubles.kills:
            raise Killed
        place = self.progress
        if place.step == troubles.optimizer_at:
            troubles.optimizer_at = -1
            self.optimizer.step = exhausted
        if place.epoch == 0 and place.batch in troubles.sick_batches:
            with sick(self):
                return take(self, rate, **given)
        return take(self, rate, **given)

    def counted(self: Head, model: torch.nn.Module, batch: dict[str, torch.Tensor]):
        tight = torch.is_grad_enabled() and troubles.step >= troubles.tight_from
        if tight and batch["input_ids"].numel() > troubles.capacity:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return losses(self, model, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "step", step)
        patch.setattr(Head, "token_losses", counted)
        patch.setattr("overnight.story.asked.Asked.listen", lambda self: None)
        yield


def exhausted() -> None:
    raise RuntimeError("DefaultCPUAllocator: can't allocate memory")


def lived(
    small: Small, folder: Path, troubles: Troubles, *, settings: Settings = ASKED,
    sample: float | None = None,
) -> str:  # fmt: skip
    """One night with these troubles, begun again after each death; a hash of its last state."""
    request = Request(data=str(small.data), model=str(small.model), settings=settings,
                      method="lora", sample=sample, output_dir=str(folder),
                      precision="fp32")  # fmt: skip
    clock = SystemClock()
    begin.night(request, folder, clock)
    with in_trouble(troubles):
        while not told(folder, Stopped):
            try:
                night.run(folder, clock=clock)
            except Killed:
                continue
            except Exception as error:
                assert "a new process goes on" in str(error), error
    return state_of(folder)


def state_of(folder: Path) -> str:
    last = folder / [one.event.name for one in told(folder, Saved)][-1]
    assert last.name == f"checkpoint-{STEPS}"
    names = sorted(path.name for path in last.glob("*.safetensors"))
    content = [(last / name).read_bytes() for name in (*names, "optimizer.pt", "rng_state.pth")]
    return hashlib.sha256(b"".join(content)).hexdigest()


SPIKE = (9, 10, 11)
WHAT: dict[str, Callable[[], Troubles]] = {
    "nothing": Troubles,
    "three sick batches, a rewind": lambda: Troubles(sick_batches=SPIKE),
    "memory runs out": lambda: Troubles(tight_from=10, capacity=300),
    "both": lambda: Troubles(sick_batches=SPIKE, tight_from=6, capacity=300),
}


@pytest.fixture(scope="module")
def undisturbed(small: Small, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The last state of a night with each trouble that nobody killed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    found = {name: lived(small, folder / name, make()) for name, make in WHAT.items()}
    assert len(told(folder / "three sick batches, a rewind", Rewound)) == 1
    assert len(told(folder / "memory runs out", Shrunk)) >= 1
    assert len(set(found.values())) == len(found)
    return found


@pytest.mark.parametrize("kills", [[13], [15], [5, 11, 18]], ids=str)
@pytest.mark.parametrize("name", WHAT)
def test_a_night_that_was_killed_ends_with_the_undisturbed_ones_weights(
    small, tmp_path, undisturbed, name, kills
):
    troubles = WHAT[name]()
    troubles.kills = list(kills)
    assert lived(small, tmp_path / "run", troubles) == undisturbed[name]
    assert len(told(tmp_path / "run", Resumed)) == len(kills)


def test_memory_that_runs_out_in_the_optimizer_begins_a_smaller_process(small, tmp_path):
    run = tmp_path / "run"
    lived(small, run, Troubles(optimizer_at=9))
    (shrunk,) = [one.event for one in told(run, Shrunk)]
    assert (shrunk.where, shrunk.per_device_train_batch_size) == ("optimizer", 4)
    assert [one.event.step for one in told(run, Resumed)] == [8]

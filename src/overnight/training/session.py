"""Plan -> live model, optimizer, batches: step, evaluate, save, restore, rebuild.

In: a candidate, a model folder, a cut corpus. Out: `Taken` steps, row losses, checkpoint files.
Never: decides, reads a clock for a decision, writes outside the folder that it is given.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from overnight.training import attention, evaluation, methods, processes, stages, state, turn
from overnight.training.batches import Corpus, Feed, Rows, place, share
from overnight.training.losses import Head
from overnight.training.optimizer import adamw
from overnight.training.packing import Layout
from overnight.training.room import MemoryGone, Room, try_largest
from overnight.training.stages import Material
from overnight.training.turn import Taken
from overnight.values.decisions import Progress
from overnight.values.ledger import StageBegan
from overnight.values.plan import Candidate

if TYPE_CHECKING:
    import torch

__all__ = ["Material", "Session", "Taken"]
T = TypeVar("T")


class Session:
    """The one live thing of a night."""

    def __init__(self, model: Any, candidate: Candidate, material: Material) -> None:
        self.material = material
        self.candidate = candidate
        mixed = {"fp32": "no"}.get(candidate.precision, candidate.precision)
        self.accelerator = processes.accelerator(mixed, candidate.processes)
        state.seed_everything(candidate.seed, 0)  # new adapters are drawn: the same everywhere
        self.model = methods.prepare(model, candidate).to(self.accelerator.device)
        attention.install(self.model, candidate, self.accelerator.device.type)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = adamw(self.parameters, candidate, self.accelerator.device.type)
        # Made once: a smaller micro-batch must not change which rows a step holds.
        self.orders = stages.orders(material, candidate)
        self.order = self.orders[0]
        self.progress = Progress(batches_per_epoch=self.order.steps_per_epoch)
        self._coming: Iterator[list[dict[str, torch.Tensor]]] | None = None
        self.room = Room()
        stages.settle(self)
        with self.accelerator.autocast():
            self.head = Head.of(self.model, self._tiny_batch(), candidate)
        state.seed_everything(candidate.seed, self.accelerator.process_index)

    def _tiny_batch(self) -> dict[str, "torch.Tensor"]:
        shortest = self.material.train[np.argsort(self.corpus.lengths[self.material.train])[:1]]
        return self.to_device(self.corpus.collate(shortest))

    @property
    def corpus(self) -> Corpus:
        """The rows, cut."""
        return self.material.corpus

    @property
    def train_rows(self) -> Rows:
        """Which of them are trained on."""
        return self.material.train

    @property
    def tokens_per_step(self) -> float:
        """Mean over an epoch."""
        tokens = float(self.corpus.lengths[self.material.train].sum())
        return tokens / max(self.order.steps_per_epoch, 1)

    def to_device(self, batch: dict[str, "torch.Tensor"]) -> dict[str, "torch.Tensor"]:
        """The batch where the model is."""
        device = self.accelerator.device
        return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}

    def _cut(self, step: Rows) -> list[Rows]:
        """This process's micro-batches of a step."""
        processes = self.accelerator.num_processes
        micro = Layout.of(self.candidate).cut(step, self.corpus.lengths, processes=processes)
        return share(micro, self.accelerator.process_index, processes)

    def _next_step(self) -> tuple[Rows, list[dict[str, "torch.Tensor"]]]:
        order = self.order
        here = place(self.progress, order)
        if self._coming is None or here.batch == 0:
            laid_out = partial(Layout.of(self.candidate).collate, self.corpus)
            feed = Feed(order, laid_out, workers=self.candidate.dataloader_num_workers,
                        pin=self.candidate.dataloader_pin_memory)  # fmt: skip
            self._coming, self._epoch = feed.steps(here, self._cut), order.epoch(here.epoch)
        self.progress = here
        return self._epoch[here.batch], next(self._coming)

    def step(self, rate: float, *, clip: float = float("inf")) -> Taken:
        """Takes the next optimizer step at this learning rate, no gradient longer than `clip`.

        The loss is the sum of token losses over the supervised tokens of the whole step, over all
        micro-batches and processes, so how the step is split changes nothing but rounding.

        Raises:
            MemoryGone: nothing was changed; rebuild smaller and call again.
            OptimizerMemoryGone: this process must end; a new one goes on from a checkpoint.
        """
        rows, micro = self._next_step()
        before = state.random_state()
        learnt = int(self.corpus.learnt[rows].sum())
        total = self.gradients(micro, max(learnt, 1))
        if isinstance(total, MemoryGone):
            self.optimizer.zero_grad(set_to_none=True)
            state.set_random_state(before)
            self._coming = None
            raise total
        taken = turn.take(self, total, rate, clip)
        self.progress = self._advanced(rows, taken)
        return replace(taken, tokens=int(self.corpus.lengths[rows].sum()), learnt_tokens=learnt)

    def _advanced(self, rows: Rows, taken: Taken) -> Progress:
        return replace(
            self.progress,
            step=self.progress.step + taken.taken,
            batch=self.progress.batch + 1,
            batches_per_epoch=self.order.steps_per_epoch,
            tokens=self.progress.tokens + int(self.corpus.lengths[rows].sum()),
        )

    def gradients(
        self, micro: list[dict[str, "torch.Tensor"]], learnt: int, *, beside: int = 0
    ) -> "torch.Tensor | MemoryGone":
        """A step's loss, its gradients summed up; or what did not fit, on whichever process.

        `beside`: bytes that must be free besides.
        """
        import torch

        total = torch.zeros((), device=self.accelerator.device)
        at, batch = 0, dict[str, torch.Tensor]()
        gone: tuple[int, int] | None = None
        try:
            spare = torch.empty(beside, dtype=torch.uint8, device=self.accelerator.device)
            for at, batch in enumerate(micro):
                total += self._backward(self.to_device(batch), learnt)
                self.room.fitted(batch, at)
            del spare
        except (RuntimeError, MemoryError) as error:
            if not state.out_of_memory(error):
                raise
            gone = self.room.gone(batch, at) if batch else (0, 0)
        # Outside the handler, so that nothing holds the failed graph (PyTorch FAQ).
        if processes.anywhere(self.accelerator, gone is not None):
            state.free_memory(self.accelerator.device.type)
            return MemoryGone(*processes.largest(self.accelerator, gone or (0, 0)))
        if self.accelerator.num_processes > 1:
            if not micro and self.accelerator.scaler is not None:
                self.accelerator.scaler.scale(total)  # at the first time it makes its scale
            processes.sum_gradients(self.parameters)
            total = self.accelerator.reduce(total, "sum")
        return total

    def _backward(self, batch: dict[str, "torch.Tensor"], learnt: int) -> "torch.Tensor":
        self.model.train()
        with self.accelerator.autocast():
            losses = self.head.token_losses(self.model, batch)
        loss = losses.sum() / learnt
        scaler = self.accelerator.scaler
        (loss if scaler is None else scaler.scale(loss)).backward()
        return loss.detach()

    @property
    def pad_id(self) -> int:
        """The token that fills up."""
        return self.material.pad_id

    def loss_of(self, tokens: Sequence[int]) -> float:
        """Mean loss (nats) of a row of tokens, each predicted from those before it."""
        return evaluation.loss_of(self, tokens)

    def try_largest(self) -> MemoryGone | None:
        """Whether the fullest micro-batch fits (None); nothing is changed by it."""
        return try_largest(self)

    def evaluate(
        self, rows: Sequence[int], give_up: Callable[[], bool] = evaluation.never
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Summed token losses and counts of supervised tokens, row by row in the order given.

        Looking is free: every random state is left as it was.

        Raises:
            OutOfTime: `give_up()` said so.
        """
        return evaluation.row_losses(self, rows, give_up)

    def rebuild(self, candidate: Candidate) -> None:
        """Goes on with a smaller candidate of the same effective batch; weights stay."""
        now, then = candidate, self.candidate
        closer = now.checkpoint_every != then.checkpoint_every
        if now.gradient_checkpointing and (closer or not then.gradient_checkpointing):
            methods.checkpoint(self.model, every=now.checkpoint_every)
        self.candidate = candidate
        self._coming = None

    def gather(self) -> None:
        """Every process brings its random state, for `save_into` on the main one."""
        self.random_states = processes.random_states(self.accelerator, state.random_state())

    def save_into(self, folder: Path) -> None:
        """Writes the checkpoint's files under their Hugging Face names (main process).

        Of several processes all must have called `gather` before.
        """
        state.save(self, folder)

    def restore(self, folder: Path) -> None:
        """Goes back to exactly what `save_into` wrote."""
        self.progress = state.restore(self, folder)
        stages.settle(self)
        self._coming = None

    def enter(self, stage: int) -> StageBegan | None:
        """Goes on in this stage of the night, if it is a later one."""
        return stages.enter(self, stage)

    def skip_to(self, epoch: int, batch: int, *, stage: int = 0) -> None:
        """Goes on behind so many batches of an epoch, keeping the step count; never backwards."""
        self.enter(stage)
        if (stage, epoch, batch) > self.progress.place:
            self.progress = replace(self.progress, epoch=epoch, batch=batch)
            self._coming = None

    @property
    def main(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return bool(self.accelerator.is_main_process)

    def agreed(self, value: T) -> T:
        """What the main process holds; every process gets the same."""
        return processes.agreed(self.accelerator, value)

    def finite(self) -> bool:
        """Whether every trained weight is an ordinary number."""
        import torch

        norms = torch._foreach_norm([p.detach() for p in self.parameters])
        return bool(torch.isfinite(torch.stack([n.float() for n in norms])).all().item())

    def peak_bytes(self) -> int:
        """The most memory taken so far: of the device, or of this process on a CPU."""
        return state.peak_bytes(self.accelerator.device.type)

"""Token losses at the supervised positions only.

In: a live causal language model and a batch. Out: the summed negative log-likelihood, in all or by
row. Never: gradients, optimizer. The head runs on supervised positions alone where that is proven
to give the model's own logits (some models scale or cap them after the head): `Head.of` tests it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

TOLERANCE = 1e-3
"""Of the largest logit: far under any scaling or capping, far above rounding in fp32."""
PIECE = 1024
"""Positions whose logits are held at once where no gradient is wanted: an evaluation looks at four
times as many rows as a step trains on, and would take three times as much for their logits."""
LOUDER = 100.0
"""A cap bends small logits by less than rounding; made so much larger they show it."""


def _inner(model: Any) -> Any:
    """The causal language model itself, out of its adapters."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _hidden(model: Any, batch: dict[str, "torch.Tensor"]) -> "torch.Tensor":
    decoder = _inner(model).base_model
    found: torch.Tensor = decoder(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False
    ).last_hidden_state
    return found


def _logits(model: Any, batch: dict[str, "torch.Tensor"]) -> "torch.Tensor":
    found: torch.Tensor = model(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False
    ).logits
    return found


@contextmanager
def _louder(head: Any) -> Iterator[None]:
    """While it lasts the head's output is `LOUDER` times what it is."""
    hook = head.register_forward_hook(lambda _module, _inputs, output: output * LOUDER)
    try:
        yield
    finally:
        hook.remove()


@dataclass(frozen=True, slots=True)
class Head:
    """How logits are had at the supervised positions: by the bare head, or cut from all of them."""

    bare: bool

    @classmethod
    def of(cls, model: Any, batch: dict[str, "torch.Tensor"]) -> "Head":
        """Tries the short way on a batch (a few tokens are enough) against the model's own."""
        import torch

        try:
            with torch.no_grad(), _louder(_inner(model).get_output_embeddings()):
                ours = _inner(model).get_output_embeddings()(_hidden(model, batch)).float()
                theirs = _logits(model, batch).float()
        except (AttributeError, TypeError):
            return cls(bare=False)
        if ours.shape != theirs.shape:
            return cls(bare=False)
        off = (ours - theirs).abs().max().item()
        return cls(bare=off <= TOLERANCE * max(theirs.abs().max().item(), 1.0))

    def logits(self, model: Any, batch: dict[str, "torch.Tensor"]) -> "torch.Tensor":
        """Supervised positions x vocabulary."""
        if not self.bare:
            return _logits(model, batch)[batch["learn"]]
        supervised = _hidden(model, batch)[batch["learn"]]
        found: torch.Tensor = _inner(model).get_output_embeddings()(supervised)
        return found

    def token_losses(self, model: Any, batch: dict[str, "torch.Tensor"]) -> "torch.Tensor":
        """Negative log-likelihood of each supervised token, fp32, in row order."""
        import torch

        targets = batch["input_ids"].roll(-1, dims=1)[batch["learn"]]
        if self.bare and not torch.is_grad_enabled():
            return self._piecewise(model, batch, targets)
        logits = self.logits(model, batch).float()
        return torch.nn.functional.cross_entropy(logits, targets, reduction="none")

    def _piecewise(
        self, model: Any, batch: dict[str, "torch.Tensor"], targets: "torch.Tensor"
    ) -> "torch.Tensor":
        """The same without ever holding the logits of more than `PIECE` positions."""
        import torch

        head: Any = _inner(model).get_output_embeddings()
        hidden = _hidden(model, batch)[batch["learn"]]
        pieces = zip(torch.split(hidden, PIECE), torch.split(targets, PIECE), strict=True)
        losses = [
            torch.nn.functional.cross_entropy(head(some).float(), wanted, reduction="none")
            for some, wanted in pieces
        ]
        return torch.cat(losses)


def by_row(losses: "torch.Tensor", learn: "torch.Tensor") -> "torch.Tensor":
    """Sums of token losses row by row: shape (rows,)."""
    import torch

    rows = learn.nonzero()[:, 0]
    empty = torch.zeros(learn.shape[0], dtype=losses.dtype, device=losses.device)
    return empty.index_add(0, rows, losses)

"""Token losses at the supervised positions only.

In: a live causal language model and a batch, padded or packed. Out: the negative log-likelihood of
each supervised token. Never: gradients, optimizer. The head runs on supervised positions alone, and
padding is hidden by a mask only, where that is proven to matter: `Head.of` tries it on the model.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from overnight.planning.shapes import learnt_grid
from overnight.values.plan import Candidate

if TYPE_CHECKING:
    import torch

Batch = dict[str, "torch.Tensor"]

TOLERANCE = 1e-3
"""Of the largest logit: far under any scaling or capping, far above rounding in fp32."""
PIECE = 1024
"""Positions whose logits are held at once where no gradient is wanted: an evaluation looks at four
times as many rows as a step trains on, and would take three times as much for their logits."""
TRIED = 16
"""Tokens of a row that padding is tried behind: twice as many fit into any model's positions."""
LOUDER = 100.0
"""A cap bends small logits by less than rounding; made so much larger they show it."""


def _inner(model: Any) -> Any:
    """The causal language model itself, out of its adapters."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


@contextmanager
def _louder(head: Any) -> Iterator[None]:
    """While it lasts the head's output is `LOUDER` times what it is."""
    hook = head.register_forward_hook(lambda _module, _inputs, output: output * LOUDER)
    try:
        yield
    finally:
        hook.remove()


def _far(one: "torch.Tensor", other: "torch.Tensor") -> bool:
    """Whether two sets of logits differ by more than rounding does."""
    off = (one - other).abs().max().item()
    return bool(off > TOLERANCE * max(other.abs().max().item(), 1.0))


@dataclass(frozen=True, slots=True)
class Head:
    """How a model is asked for the logits at the supervised positions."""

    bare: bool
    """By the head alone at these positions; else they are cut from the model's own."""
    masked: bool = True
    """Whether padding, which stands behind every row, has to be hidden by a mask."""
    longest: int = 0
    """Tokens of the longest row of any pack, for kernels that are told where rows begin; 0: the
    kernel finds that in the positions."""
    chunk: int = 0
    """Supervised positions whose logits are held at once while gradients are wanted; 0: all."""
    grid: int = 1
    """Logits are computed of a multiple of so many positions; those beyond are left out."""

    @classmethod
    def of(cls, model: Any, batch: Batch, candidate: Candidate | None = None) -> "Head":
        """Tries the short ways on a batch (a few tokens are enough) against the model's own."""
        import torch

        longest = candidate.max_length if candidate and candidate.varlen else 0
        chunk = candidate.loss_chunk_size if candidate else 0
        training = model.training
        model.eval()
        try:
            with torch.no_grad():
                return cls(
                    bare=_bare(model, batch),
                    masked=not _looks_back_only(model, batch),
                    longest=longest,
                    chunk=chunk,
                    grid=learnt_grid(candidate) if candidate else 1,
                )
        finally:
            model.train(training)

    def inputs(self, batch: Batch) -> dict[str, Any]:
        """What the model is called with. A cache would make it overlook where rows of a pack begin,
        and so would any mask (transformers 5.23, masking_utils)."""
        given = {"input_ids": batch["input_ids"], "use_cache": False}
        if "position_ids" not in batch:
            return given | {"attention_mask": batch["attention_mask"] if self.masked else None}
        given |= {"position_ids": batch["position_ids"], "attention_mask": None}
        if not self.longest:
            return given
        starts = {"cu_seq_lens_q": batch["bounds"], "cu_seq_lens_k": batch["bounds"]}
        return given | starts | {"max_length_q": self.longest, "max_length_k": self.longest}

    def logits(self, model: Any, batch: Batch) -> "torch.Tensor":
        """Supervised positions x vocabulary."""
        if not self.bare:
            whole: torch.Tensor = model(**self.inputs(batch)).logits
            return whole.flatten(0, 1).index_select(0, batch["places"])
        found: torch.Tensor = _inner(model).get_output_embeddings()(self._hidden(model, batch))
        return found

    def _hidden(self, model: Any, batch: Batch) -> "torch.Tensor":
        """What the head is given at the supervised positions."""
        states: torch.Tensor = _inner(model).base_model(**self.inputs(batch)).last_hidden_state
        return states.flatten(0, 1).index_select(0, batch["places"])

    def token_losses(self, model: Any, batch: Batch) -> "torch.Tensor":
        """Negative log-likelihood of each supervised token, fp32, in row order."""
        import torch

        learnt, batch = len(batch["places"]), self._rounded(batch)
        piece = self.chunk if torch.is_grad_enabled() else PIECE
        if self.bare and (piece or self.grid > 1):
            head = _inner(model).get_output_embeddings()
            hidden = self._hidden(model, batch)
            return _piecewise(head, hidden, batch["targets"], piece, PIECE)[:learnt]
        return _losses(self.logits(model, batch), batch["targets"])[:learnt]

    def _rounded(self, batch: Batch) -> Batch:
        """With as many positions as the grid wants: the very first place, again and again."""
        import torch

        more = (0, -len(batch["places"]) % self.grid)
        named = {name: batch[name] for name in ("places", "targets")}
        return batch | {name: torch.nn.functional.pad(one, more) for name, one in named.items()}


def _losses(logits: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")


def _piecewise(
    head: Callable[["torch.Tensor"], "torch.Tensor"],
    hidden: "torch.Tensor",
    targets: "torch.Tensor",
    chunk: int,
    piece: int = 0,
) -> "torch.Tensor":
    """The same without ever holding the logits of more than `chunk` positions; where that is 0, in
    pieces of `piece` all of which are held."""
    import torch
    from torch.utils.checkpoint import checkpoint

    def one(some: "torch.Tensor", wanted: "torch.Tensor") -> "torch.Tensor":
        return _losses(head(some), wanted)

    found, size = [], chunk or piece
    for some, wanted in zip(torch.split(hidden, size), torch.split(targets, size), strict=True):
        if torch.is_grad_enabled() and chunk:
            found.append(checkpoint(one, some, wanted, use_reentrant=False))
        else:
            found.append(one(some, wanted))
    return torch.cat(found)


def _bare(model: Any, batch: Batch) -> bool:
    """Whether the head on the last hidden state gives the model's own logits."""
    own = Head(bare=False).inputs(batch)
    try:
        head = _inner(model).get_output_embeddings()
        with _louder(head):
            ours = head(_inner(model).base_model(**own).last_hidden_state).float()
            theirs = model(**own).logits.float()
    except (AttributeError, TypeError):
        return False
    return ours.shape == theirs.shape and not _far(ours, theirs)


def _looks_back_only(model: Any, batch: Batch) -> bool:
    """Whether what stands behind a row changes no logit of it, so that padding needs no mask."""
    import torch

    row = batch["input_ids"][:1, : min(int(batch["attention_mask"][0].sum()), TRIED)]
    behind = [torch.cat([row, more], dim=1) for more in (row, torch.zeros_like(row))]
    mask = torch.cat([torch.ones_like(row), torch.zeros_like(row)], dim=1)
    try:
        hidden, *bare = (
            model(input_ids=ids, attention_mask=seen, use_cache=False).logits[:, : row.shape[1]]
            for ids, seen in ((behind[0], mask), (behind[0], None), (behind[1], None))
        )
    except (AttributeError, TypeError, ValueError):
        return False
    moved = float((bare[0] - bare[1]).abs().max())
    # In 16 bits two kernels round differently; what is not hidden would move logits by far more.
    rounding = TOLERANCE if hidden.dtype == torch.float32 else 0.05
    top = max(float(hidden.abs().max()), 1.0)
    return moved == 0.0 and float((hidden - bare[0]).abs().max()) <= rounding * top


def by_row(losses: "torch.Tensor", batch: Batch) -> "torch.Tensor":
    """Sums of a padded batch's token losses row by row: shape (rows,)."""
    import torch

    count, width = batch["input_ids"].shape
    empty = torch.zeros(count, dtype=losses.dtype, device=losses.device)
    return empty.index_add(0, batch["places"] // width, losses)

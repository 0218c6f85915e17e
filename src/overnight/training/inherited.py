"""Weights and moments of another trainer's checkpoint, put into a live session.

In: a session that has taken no step, and a `Foreign`. Out: the same session with those weights, and
with AdamW's moments where they are of the same parameters; a sentence that says so. Never: a pickle
run, a tensor of another shape taken, a moment of another optimizer.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from overnight.training import foreign
from overnight.training.foreign import Foreign
from overnight.training.session import Session
from overnight.values.errors import InputError, ModelError

if TYPE_CHECKING:
    import torch

OPTIMIZER = "optimizer.pt"
MOMENTS = ("exp_avg", "exp_avg_sq")


class _NotOurs(Exception):
    """Why moments cannot be taken."""


def check(session: Session, found: Foreign) -> None:
    """See that the checkpoint's tensors are just those that this session trains.

    Raises:
        ModelError: another base, or more or less than that; the first tensor at fault is named.
    """
    live, there = _live(session), foreign.shapes(found)
    for name in sorted(set(there) & set(live)):
        here = tuple(live[name].shape)
        if there[name] != here:
            raise ModelError(f"{found.path} is of another base: {name} is {_by(there[name])} there "
                             f"and {_by(here)} in --model; give the base that it was trained "
                             "on")  # fmt: skip
    strange = sorted(set(there) - set(live))
    lacking = sorted(name for name in set(live) - set(there) if not _tied(name, live, there))
    if strange or lacking:
        what = f"holds {strange[0][:120]}" if strange else f"lacks {lacking[0]}"
        beyond = "which is not trained here" if strange else "which is trained here"
        raise ModelError(f"{found.path} {what}, {beyond}; give the base that it was trained on as "
                         "--model, or whole weights themselves as --model")  # fmt: skip


def _by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _live(session: Session) -> "dict[str, torch.Tensor]":
    """The trained tensors themselves, under the names that checkpoints have for them."""
    if session.candidate.method == "full":
        return dict(session.model.state_dict())
    from peft import get_peft_model_state_dict

    return dict(get_peft_model_state_dict(session.model, save_embedding_layers=False))


def _tied(name: str, live: "dict[str, torch.Tensor]", there: dict[str, Any]) -> bool:
    """Whether a tensor that is not in the files is another one that is."""
    place = live[name].data_ptr()
    return any(live[other].data_ptr() == place for other in there if other in live)


def take(session: Session, found: Foreign) -> str:
    """Puts the weights into the session, and the moments where they fit; how the latter went.

    Raises:
        ModelError: a weight is not finite.
    """
    import torch

    live = _live(session)
    with torch.no_grad():
        for name, tensor in foreign.tensors(found.files):
            live[name].copy_(tensor)
    if not session.finite():
        raise ModelError(f"{found.path}: its weights are not finite; take an earlier checkpoint")
    try:
        _take_moments(session, found)
    except _NotOurs as why:
        return f"AdamW's moments begin anew: {why}"
    return "AdamW's moments are carried on"


def _take_moments(session: Session, found: Foreign) -> None:
    import torch

    if not isinstance(session.optimizer, torch.optim.AdamW):
        raise _NotOurs("here they are kept in 8 bits")
    theirs, betas = _their_states(found)
    groups = session.optimizer.param_groups
    ours = [parameter for group in groups for parameter in group["params"]]
    if len(theirs) != len(ours):
        raise _NotOurs(f"{OPTIMIZER} is of {len(theirs)} parameters, and {len(ours)} are trained")
    state = {at: _carried(one, ours[at], betas, groups[0]["betas"])
             for at, one in enumerate(theirs) if one is not None}  # fmt: skip
    own = session.optimizer.state_dict()["param_groups"]
    session.optimizer.load_state_dict({"state": state, "param_groups": own})


def _their_states(found: Foreign) -> tuple[list[dict[str, Any] | None], tuple[float, float]]:
    """The state of each parameter in order, None where it has none, and AdamW's two betas."""
    path = found.path / OPTIMIZER
    if not path.exists():
        raise _NotOurs(f"there is no {OPTIMIZER}")
    try:
        saved = foreign.unpickled(path)
        saved = saved.get("optimizer", saved)  # overnight's own keep the scaler beside it
        keys = [key for group in saved["param_groups"] for key in group["params"]]
        first, second = (float(beta) for beta in saved["param_groups"][0]["betas"])
        states = [saved["state"].get(key) for key in keys]
    except InputError as error:
        raise _NotOurs(str(error)) from error
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise _NotOurs(f"{OPTIMIZER} is not AdamW's") from error
    some = any(isinstance(one, dict) for one in states)
    if not (0 <= first < 1 and 0 <= second < 1 and some):
        raise _NotOurs(f"{OPTIMIZER} is not AdamW's")
    return states, (first, second)


def _carried(
    theirs: Any, parameter: "torch.Tensor", then: Sequence[float], now: Sequence[float]
) -> dict[str, "torch.Tensor"]:
    """One parameter's moments, so that what AdamW makes of them is the same under our betas.

    It divides a moment by 1 - beta^steps: with another beta a young moment would weigh many times
    more or less than it did.
    """
    import torch

    try:
        steps = float(theirs["step"])
        moments = [theirs[name] for name in MOMENTS]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _NotOurs(f"{OPTIMIZER} is not AdamW's") from error
    carried = {"step": torch.tensor(steps)}
    for name, moment, old, new in zip(MOMENTS, moments, then, now, strict=True):
        if not _like(moment, parameter):
            raise _NotOurs(f"{OPTIMIZER} is of other parameters, or of the same in another order")
        if not 1 <= steps < 2**31 or not bool(torch.isfinite(moment).all()):
            raise _NotOurs(f"those in {OPTIMIZER} are not finite")
        carried[name] = moment.float() * ((1 - new**steps) / (1 - old**steps))
    return carried


def _like(moment: Any, parameter: "torch.Tensor") -> bool:
    import torch

    tensor = isinstance(moment, torch.Tensor) and moment.layout is torch.strided
    return tensor and moment.is_floating_point() and moment.shape == parameter.shape

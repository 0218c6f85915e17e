"""A night that goes on from another trainer's checkpoint: what that asks of it, and its beginning.

In: a Request that names one; a plan; the live stage before step 1. Out: the request with the
checkpoint's settings in it, the plan with its layers, the stage with its weights. Never: counts
its steps on (the night's begin at 0), measures the base's figures on other weights than the base's.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overnight.training import foreign
from overnight.training.adapter_settings import Adapter
from overnight.training.foreign import Foreign
from overnight.values.errors import InputError
from overnight.values.ledger import Continued
from overnight.values.plan import Plan
from overnight.values.request import Request

if TYPE_CHECKING:
    from overnight.story.stage import Stage

ANEW = (
    "anew begin the data's order, the learning rate's schedule, the random states and the loss "
    "scaler; training_args.bin is not read"
)


def find(request: Request, *, thorough: bool = True) -> Foreign | None:
    """The checkpoint that the request names; None where it names none.

    Raises:
        ModelError: it cannot be used.
    """
    named = request.resume_from_checkpoint
    return None if named is None else foreign.find(named, thorough=thorough)


def asked(request: Request, found: Foreign | None) -> Request:
    """The request with what the checkpoint decides: the method, and an adapter's settings.

    Raises:
        InputError: something else was asked for; both are named.
    """
    if found is None:
        return request
    adapter = found.adapter
    if adapter is None and request.method not in ("auto", "full"):
        raise InputError(f"--method {request.method}: {found.path} holds whole weights, not an "
                         "adapter; leave --method out, or give that folder as --model to train an "
                         "adapter on it")  # fmt: skip
    if adapter is not None and request.method == "full":
        raise InputError(f"--method full: {found.path} holds an adapter, not whole weights; leave "
                         "--method out, or merge it into its base and give that as "
                         "--model")  # fmt: skip
    if adapter is None:
        return replace(request, method="full")
    method = "lora" if request.method == "auto" else request.method
    return replace(request, method=method, settings=replace(
        request.settings, **_settled(request, adapter, found)))  # fmt: skip


def _settled(request: Request, adapter: Adapter, found: Foreign) -> dict[str, Any]:
    given = request.settings.given()
    decided: dict[str, Any] = {"lora_r": adapter.r, "lora_alpha": adapter.alpha}
    for key, value in decided.items():
        if given.get(key, value) != value:
            raise InputError(f"{key}={given[key]} was asked for, and the adapter in {found.path} "
                             f"has {value}; leave it out")  # fmt: skip
    # Of the dropout nothing is in the weights: a given one counts.
    return {"lora_dropout": adapter.dropout} | given | decided


def planned(plan: Plan, found: Foreign | None) -> Plan:
    """The plan with the layers that the checkpoint's adapter has."""
    if found is None or found.adapter is None:
        return plan
    candidate = replace(plan.candidate, lora_target_modules=found.adapter.targets)
    return replace(plan, candidate=candidate)


def checked(on: "Stage") -> Foreign | None:
    """The checkpoint to begin from, of which every tensor has its place in the live model.

    Raises:
        ModelError: it cannot be used, or belongs to another base.
    """
    from overnight.training import inherited

    found = on.session.agreed(find(on.request) if on.session.main else None)
    if found is not None:
        inherited.check(on.session, found)
    return found


def take(on: "Stage", found: Foreign) -> Continued:
    """Puts the checkpoint's weights into the live model; says what came along and what did not.

    Raises:
        ModelError: a weight is not finite.
    """
    from overnight.training import inherited

    moments = inherited.take(on.session, found)
    notes = (*found.passed_over, moments, ANEW, *_differences(on, found))
    return Continued(name=found.name, steps=found.steps, notes=notes)


def _differences(on: "Stage", found: Foreign) -> list[str]:
    """What may be meant otherwise than it is taken."""
    said = []
    base = found.adapter.base if found.adapter else ""
    if base and Path(base).name != Path(on.request.model).name:
        said.append(f"its adapter was trained on {base}, and is gone on with on {on.request.model}")
    own = foreign.template(found)
    if own is not None and own != on.found.data.tokenizer.chat_template:
        said.append("its chat template is not that of --model, which is used")
    return said

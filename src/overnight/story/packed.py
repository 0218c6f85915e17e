"""The live session of a night; without packing, and said so, where its rows would not stay apart.

In: the teller, what was asked and planned, what is trained on. Out: a Session. Never: packs where
rows see each other; hides that it does not pack.
"""

from dataclasses import replace
from typing import Any

from overnight.story.teller import Teller
from overnight.training import leaks, methods
from overnight.training.session import Material, Session
from overnight.values.errors import InputError, ModelError, first_line
from overnight.values.plan import Candidate, Plan
from overnight.values.request import Request


def live(teller: Teller, request: Request, plan: Plan, material: Material) -> Session:
    """Loads the model and builds the session; its candidate may be another than the plan's.

    Raises:
        InputError: packing was asked for, and this model cannot.
        ModelError: the model cannot be loaded.
    """
    model, candidate = _loaded(teller, request, plan.candidate)
    session = Session(model, candidate, material)
    leak = leaks.found(session) if candidate.packing else ""
    if not leak:
        return session
    if request.settings.packing:
        raise InputError(f"packing=true: in {request.model} packed rows do not stay apart: {leak}; "
                         "leave packing out, and rows of like length are batched")  # fmt: skip
    teller.note(f"rows are batched by length, not packed: packed rows do not stay apart in this "
                f"model ({leak})")  # fmt: skip
    session.rebuild(replace(candidate, packing=False))
    return session


def _loaded(teller: Teller, request: Request, candidate: Candidate) -> tuple[Any, Candidate]:
    """The model with its attention; with torch's own where that one cannot be had."""
    code = request.trust_remote_code
    try:
        return methods.load_base(request.model, candidate, trust_remote_code=code), candidate
    except (ModelError, ImportError) as error:
        if not candidate.varlen:
            raise
        why = first_line(error)
    asked = bool(request.settings.packing)
    plain = replace(candidate, attn_implementation="sdpa", packing=asked)
    teller.note(f"rows are {'packed with a mask' if asked else 'batched by length, not packed'}: "
                f"{candidate.attn_implementation} does not load here ({why})")  # fmt: skip
    return methods.load_base(request.model, plain, trust_remote_code=code), plain

"""The first live session; without packing, and said so, where its rows would not stay apart.

In: whoever tells, what was asked and planned, what is trained on. Out: a Session. Never: packs
where rows see each other; hides that it does not pack.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from overnight.training import leaks, methods
from overnight.training.session import Material, Session
from overnight.values.errors import InputError, ModelError, first_line
from overnight.values.plan import Candidate
from overnight.values.request import Request


def live(
    say: Callable[[str], None], request: Request, candidate: Candidate, material: Material
) -> Session:
    """Loads the model and builds the session; its candidate may be another than the one given.

    Raises:
        InputError: packing was asked for, and this model cannot.
        ModelError: the model cannot be loaded.
    """
    model, candidate = loaded(say, request, candidate)
    session = Session(model, candidate, material)
    keep_apart(say, request, session)
    return session


def keep_apart(say: Callable[[str], None], request: Request, session: Session) -> None:
    """Goes on without packing where packed rows would see each other, and says so.

    Raises:
        InputError: packing was asked for.
    """
    leak = leaks.found(session) if session.candidate.packing else ""
    if not leak:
        return
    if request.settings.packing:
        raise InputError(f"packing=true: in {request.model} packed rows do not stay apart: {leak}; "
                         "leave packing out, and rows of like length are batched")  # fmt: skip
    say(f"rows are batched by length, not packed: packed rows do not stay apart in this model "
        f"({leak})")  # fmt: skip
    session.rebuild(replace(session.candidate, packing=False))


def loaded(
    say: Callable[[str], None], request: Request, candidate: Candidate
) -> tuple[Any, Candidate]:
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
    say(f"rows are {'packed with a mask' if asked else 'batched by length, not packed'}: "
        f"{candidate.attn_implementation} does not load here ({why})")  # fmt: skip
    return methods.load_base(request.model, plain, trust_remote_code=code), plain

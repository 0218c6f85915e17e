"""Look: everything that is read before a plan can be made.

In: a Request. Out: the data in the model's tokens, split, with the profiles of data, model and
machine. Never: weights, a plan, training. It stands beside night.py: probe and training meet here.
"""

from dataclasses import dataclass, field
from typing import Any

from overnight.planning.question import Question
from overnight.probe import architecture, hardware
from overnight.story.intake import Data, data
from overnight.values.choices import Rated, Sized
from overnight.values.errors import ModelError, first_line
from overnight.values.facts import Hardware, ModelProfile
from overnight.values.ledger import Loss
from overnight.values.lessons import Lessons
from overnight.values.request import Request


@dataclass(frozen=True, slots=True)
class Look:
    """What is, before anything is decided."""

    data: Data
    model: ModelProfile
    hardware: Hardware
    lessons: Lessons = field(default_factory=Lessons)
    """What earlier nights on this machine taught (story/remember.py)."""
    base_loss: Loss | None = None
    """Of the base model on the *select* part, once it was looked at."""
    sized: Sized | None = None
    """How the rows of a step were chosen (story/sizing.py)."""
    rated: Rated | None = None
    """What pilots said of the learning rate (story/pilots.py)."""


def load_tokenizer(request: Request) -> Any:
    """The model's tokenizer, proven to encode something.

    Raises:
        ModelError: it is missing, or encodes to nothing.
    """
    from transformers import AutoTokenizer

    from overnight.training import render

    architecture.check_tokenizer_files(request.model)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            request.model, trust_remote_code=request.trust_remote_code
        )
    except Exception as error:  # `tokenizers` raises no narrower class for a damaged file
        reason = first_line(error)
        raise ModelError(f"{request.model}: its tokenizer cannot be loaded ({reason}); copy its "
                         "files from where the model came from") from error  # fmt: skip
    render.check_tokenizer(tokenizer)
    return tokenizer


def look(request: Request) -> Look:
    """Reads the world once.

    Raises:
        InputError: data, model or tokenizer cannot be used; one line that says why.
    """
    model = architecture.profile(request.model, trust_remote_code=request.trust_remote_code)
    tokenizer = load_tokenizer(request)
    found = data(request, max_positions=model.max_positions, tokenizer=tokenizer)
    return Look(found, model, hardware.look())


def question(request: Request, found: Look, window_seconds: float | None) -> Question:
    """What a plan has to answer to."""
    return Question(
        request=request,
        dataset=found.data.profile,
        model=found.model,
        hardware=found.hardware,
        window_seconds=window_seconds,
        lessons=found.lessons,
        base_loss=found.base_loss,
        sized=found.sized,
        rated=found.rated,
    )

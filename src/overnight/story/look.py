"""Look: everything that is read before a plan can be made.

In: a Request. Out: the data in the model's tokens, split, with the profiles of data, model and
machine. Never: weights, a plan, training. It stands beside night.py: probe and training meet here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from overnight.planning.question import Question
from overnight.probe import architecture, dataset, hardware, sources
from overnight.probe.dataset import Split, TokenCounts
from overnight.values.errors import DataError, ModelError
from overnight.values.facts import DatasetProfile, Hardware, ModelProfile
from overnight.values.lessons import Lessons
from overnight.values.request import Request
from overnight.values.rows import Row

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from overnight.training.batches import Corpus

SEED = 42
"""Of the split and, unless `seed` is given, of training."""


@dataclass(frozen=True, slots=True)
class Data:
    """The rows in the model's tokens, and which of them is for what."""

    rows: tuple[Row, ...]
    """The user's own held-out rows come last."""
    split: Split
    corpus: "Corpus"
    profile: DatasetProfile
    tokenizer: Any


@dataclass(frozen=True, slots=True)
class Look:
    """What is, before anything is decided."""

    data: Data
    model: ModelProfile
    hardware: Hardware
    lessons: Lessons = field(default_factory=Lessons)
    """What earlier nights on this machine taught (story/remember.py)."""


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
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{request.model}: its tokenizer cannot be loaded ({reason}); copy its "
                         "files from where the model came from") from error  # fmt: skip
    render.check_tokenizer(tokenizer)
    return tokenizer


def data(request: Request, *, max_positions: int, tokenizer: Any) -> Data:
    """Reads, encodes and splits the data.

    Raises:
        DataError: it cannot be read, or holds nothing to learn from.
    """
    from overnight.training import render
    from overnight.training.batches import Corpus

    read = sources.read(request.data, learn=request.learn, skip_bad_rows=request.skip_bad_rows)
    held: Sequence[Row] = ()
    if request.eval_data:
        held = sources.read(request.eval_data, learn=request.learn,
                            skip_bad_rows=request.skip_bad_rows).rows  # fmt: skip
    rows = (*read.rows, *held)
    if held:
        read = replace(read, fingerprint=sources.fingerprint(rows))  # the user's own rows count in
    encoded = render.encode(rows, tokenizer, skip_bad_rows=request.skip_bad_rows)
    longest = int(encoded.lengths.max())
    length = min(request.settings.max_length or longest, longest, max_positions)
    corpus = Corpus.cut(encoded, length)
    if not corpus.learnt.any():
        whole = bool(encoded.learnt_within(longest).any())
        raise DataError(f"{request.data}: {_nothing_learnt(length, whole=whole)}")
    split = _split(request, read, held, usable=corpus.learnt > 0)
    counts = TokenCounts(
        lengths=encoded.lengths,
        learnt=encoded.learnt_within(longest),
        kept=corpus.learnt,
        max_length=length,
        chat_template=encoded.chat_template,
    )
    profile = dataset.profile(read, split=split, counts=counts, notes=encoded.findings)
    return Data(rows, split, corpus, profile, tokenizer)


def _nothing_learnt(length: int, *, whole: bool) -> str:
    """Why there is nothing to learn; `whole` rows would have something."""
    if whole:
        return (f"rows cut at {length} tokens keep nothing to learn from; "
                "give a larger max_length, or a model with more positions")  # fmt: skip
    return ("no row has anything to learn, for only answers that are not empty are learnt; "
            "--learn ROLE names another speaker to learn from")  # fmt: skip


def _split(
    request: Request, read: sources.Read, held: Sequence[Row], *, usable: "NDArray[np.bool_]"
) -> Split:
    """The sides; where there are too few rows, with what was left out of them before."""
    seed = SEED if request.settings.seed is None else request.settings.seed
    try:
        return dataset.split(read.rows, seed=seed, held_out=held, usable=usable)
    except DataError as error:
        bad = "".join(f"; {one.count} {one.what}" for one in read.findings if one.kind == "bad-row")
        raise DataError(f"{request.data}: {error}{bad}") from error


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
    )

"""What a night must find again as it was: data, base model, tokenizer, settings, versions.

In: the journal's entries, what is found now. Out: nothing, one sentence that is worth saying, or a
refusal that names what differs. Never: a difference passed over in silence.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xxhash

from overnight.codec import from_json, to_json
from overnight.probe import weights
from overnight.probe.host import installed
from overnight.story.begin import PLAN
from overnight.story.intake import Data
from overnight.story.look import Look
from overnight.training import journal, sealed
from overnight.values.errors import ModelError
from overnight.values.facts import Hardware
from overnight.values.ledger import Entry, Prepared
from overnight.values.plan import Candidate
from overnight.values.request import Request

_KINDS = {
    "fingerprint": "the data",
    "weights": "the base model's weights",
    "tokens": "the tokenizer or its chat template",
    "rows": "which rows are trained on (their engagement or their times)",
}
"""Fields of `Prepared` that stand for what a night is made of, the first to be blamed first."""
_OF_THE_PATH = (
    "method", "precision", "max_length", "seed", "processes", "optim", "weight_decay",
    "adam_beta2", "max_grad_norm", "lora_r", "lora_alpha", "lora_dropout", "strategy",
    "stage2_rows",
)  # fmt: skip
"""Settings that a checkpoint has been trained with and nothing may move on the way."""


def tokens_name(data: Data) -> str:
    """A name for the rows as the model reads them, what is learnt of each, and the template.

    A hash at memory's speed: other tokens than before are noticed, whatever has changed them.
    """
    encoded, tokenizer = data.corpus.encoded, data.tokenizer
    found = xxhash.xxh3_128()
    for array in (encoded.tokens, encoded.learn, encoded.offsets):
        found.update(array.tobytes())
    ends = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    found.update(f"{ends} {tokenizer.chat_template}".encode())
    return found.hexdigest()


def marks(request: Request, found: Look) -> Prepared:
    """What a night is made of, as names; no seconds yet."""
    folder = Path(request.model)
    return Prepared(
        import_seconds=0.0,
        data_seconds=0.0,
        load_seconds=0.0,
        fingerprint=found.data.profile.fingerprint,
        # A hub name stands for itself.
        weights=weights.fingerprint(folder) if folder.is_dir() else request.model,
        tokens=tokens_name(found.data),
        rows=rows_name(request, found.data),
    )


def rows_name(request: Request, data: Data) -> str:
    """A name for what a sample or a second stage picked by more than what rows say; "": neither."""
    sampled, figures = data.profile.sampled, data.engagement
    parts = [sampled.name] if sampled else []
    if request.settings.strategy == "two-stage" and figures is not None:
        parts.append(xxhash.xxh3_128_hexdigest(figures.tobytes()))
    return " ".join(parts)


def check(folder: Path, entries: Sequence[Entry], now: Prepared, news: str = "") -> None:
    """Refuses to go on with other data, another base or another tokenizer under a run.

    `news`: what else is other, and may be the cause of it.

    Raises:
        ModelError: says which changed.
    """
    before = next((one.event for one in entries if isinstance(one.event, Prepared)), now)
    for name, words in _KINDS.items():
        then = getattr(before, name)
        if then and then != getattr(now, name):
            besides = f" ({news})" if news else ""
            raise ModelError(f"{words} changed since {folder} was begun{besides}; put it back, or "
                             "start over with --fresh")  # fmt: skip


def check_checkpoint(path: Path, candidate: Candidate, rows_per_step: int) -> None:
    """Refuses a checkpoint that was trained otherwise than the plan says.

    Raises:
        ModelError: names the first setting that differs.
    """
    written: dict[str, Any] = json.loads((path / "trainer_state.json").read_text("utf-8"))
    now = to_json(candidate) | {"rows_per_step": rows_per_step}
    then = written.get("candidate", {}) | {"rows_per_step": written.get("rows_per_step")}
    for name in (*_OF_THE_PATH, "rows_per_step"):
        if then.get(name, now[name]) not in (None, now[name]):
            raise ModelError(
                f"{name} is {now[name]} in {path.parent / PLAN} and was {then[name]} when "
                f"{path.name} was trained; put it back, or start over with --fresh"
            )


def news(folder: Path, entries: Sequence[Entry], here: Hardware) -> str:
    """What is not as it was and is no reason to stop: versions, the machine; "": nothing."""
    begun = journal.started(entries)
    changed = _changed(begun.versions if begun else {})
    written = sealed.read(folder / PLAN).get("hardware")
    then = from_json(written, Hardware) if written else here
    if (then.name, then.num_devices) != (here.name, here.num_devices):
        changed.append(f"the machine was {_named(then)} and is {_named(here)}")
    return ", ".join(changed)


def line(news: str) -> str:
    """The news as they are told: a rounding may be another one from here on."""
    return f"since this night was begun {news}; it goes on, the same but for rounding"


def _named(one: Hardware) -> str:
    return f"{one.num_devices} x {one.name}"


def _changed(versions: Mapping[str, str]) -> list[str]:
    now = {name: installed(name) or "gone" for name in versions}
    return [
        f"{name} was {then} and is {now[name]}"
        for name, then in versions.items()
        if now[name] != then
    ]

"""A night's result in the forms that other tools take.

In: a run folder and what is wanted of it. Out: a file or a folder of its own. Never: writes into
`final/` or over what is there; a row of the data.
"""

import json
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from overnight.report import elsewhere, summary
from overnight.report.account import Report
from overnight.training import export, manifest, merging, sealed
from overnight.training.disk import replace_text
from overnight.values.errors import InputError

EXPORTS = "exports"
SETTINGS = "settings.env"
ARGUMENTS = "training_args.json"
CHECK = (
    "The quick brown fox jumps over the lazy dog. It is read by both models and must say the same."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be exported."""

    run: Path
    to: str
    output: Path | None = None
    """The folder or file; else RUN/exports/KIND, or for settings the run folder."""
    trust_remote_code: bool = False


def export_as(wish: Wish) -> tuple[str, ...]:
    """Does it; lines that say what lies where.

    Raises:
        InputError: there is no such form, nothing to export, or something lies in its place.
    """
    if wish.to not in KINDS:
        raise InputError(f"--to {wish.to}: expected one of {', '.join(KINDS)}")
    return KINDS[wish.to](wish, summary.load(wish.run))


def settings_files(report: Report, folder: Path) -> None:
    """settings.env and training_args.json in the run folder, at a night's end.

    Raises:
        OSError: the disk refused.
    """
    replace_text(folder / SETTINGS, elsewhere.env(report))
    told = elsewhere.training_arguments(report, output_dir=_beside(folder))
    replace_text(folder / ARGUMENTS, _json(told))


def _beside(run: Path) -> str:
    """A name for the other tool's output: never the night's own folder."""
    return f"{run.resolve().name}-again"


def _json(value: object) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def _env(wish: Wish, report: Report) -> tuple[str, ...]:
    return _text(wish, SETTINGS, elsewhere.env(report))


def _arguments(wish: Wish, report: Report) -> tuple[str, ...]:
    told = elsewhere.training_arguments(report, output_dir=_beside(wish.run))
    return _text(wish, ARGUMENTS, _json(told))


def _sft(wish: Wish, report: Report) -> tuple[str, ...]:
    told = elsewhere.sft_arguments(report, output_dir=_beside(wish.run))
    return _text(wish, "sft_config.json", _json(told))


def _card(wish: Wish, report: Report) -> tuple[str, ...]:
    final = _final(wish)
    adapter = (final / "adapter_config.json").exists()
    return _text(wish, "README.md", elsewhere.card(report, name=_name(wish.run), adapter=adapter))


def _text(wish: Wish, name: str, text: str) -> tuple[str, ...]:
    path = wish.output or wish.run / name
    if path.is_dir():
        path = path / name
    try:
        replace_text(path, text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
    return (str(path),)


def _final(wish: Wish) -> Path:
    """The published model, whole."""
    final = wish.run / export.FINAL
    if not final.is_dir():
        raise InputError(f"{wish.run} holds no final/ yet; export once its night is over")
    export.check(wish.run)
    return final


def _name(run: Path) -> str:
    return run.resolve().name


def _adapter(wish: Wish, report: Report) -> tuple[str, ...]:
    final = _final(wish)
    if not (final / "adapter_config.json").exists():
        raise InputError(f"{final} holds a whole model, no adapter; take it as it is, or "
                         "--to card")  # fmt: skip

    def fill(folder: Path) -> None:
        folder.mkdir()
        for path in sorted(final.iterdir()):
            if path.is_file() and path.name != manifest.COMPLETE:
                shutil.copyfile(path, folder / path.name)

    return _folder(wish, report, fill, adapter=True)


def _merged(wish: Wish, report: Report) -> tuple[str, ...]:
    final = _final(wish)
    said: list[str] = []

    def fill(folder: Path) -> None:
        done = merging.merge(final, folder, tokens=_tokens(wish, final),
                             trust_remote_code=wish.trust_remote_code)  # fmt: skip
        said.append(
            f"merged in {done.dtype}: loss {done.loss_merged:.4f} on the check, adapter and base "
            f"have {done.loss_apart:.4f}; what they foretell diverges by {done.divergence:.2g} "
            f"nats, logits by {done.largest:.2g} at most"
        )

    return (*_folder(wish, report, fill, adapter=False), *said)


def _tokens(wish: Wish, final: Path) -> list[int]:
    """The probe of the night, else a sentence."""
    try:
        tokens = sealed.read(wish.run / export.PROBE)["tokens"]
    except (InputError, KeyError, TypeError):
        tokens = []
    if len(tokens) >= 2:
        return [int(token) for token in tokens]
    from transformers import AutoTokenizer

    made = AutoTokenizer.from_pretrained(final, trust_remote_code=wish.trust_remote_code)
    return [int(token) for token in made(CHECK)["input_ids"]]


def _folder(
    wish: Wish, report: Report, fill: Callable[[Path], None], *, adapter: bool
) -> tuple[str, ...]:
    """Filled beside and renamed, so that a folder in place is a whole one."""
    place = wish.output or wish.run / EXPORTS / wish.to
    if place.exists():
        raise InputError(f"{place} is there already; move it away or give another --output")
    beside = place.with_name(f".{place.name}-{secrets.token_hex(4)}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fill(beside)
        text = elsewhere.card(report, name=_name(wish.run), adapter=adapter)
        (beside / "README.md").write_text(text, "utf-8")
        beside.rename(place)
    except OSError as error:
        raise InputError(f"{place}: cannot be written ({error})") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return (str(place),)


KINDS: dict[str, Callable[[Wish, Report], tuple[str, ...]]] = {
    "adapter": _adapter, "merged": _merged, "env": _env, "training-args": _arguments,
    "sft-args": _sft, "card": _card,
}  # fmt: skip
"""By their names on the command line."""

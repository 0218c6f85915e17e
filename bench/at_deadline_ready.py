"""What all arms of a cell are given: a base, one split, and the same tokens.

In: real data, a folder to work in. Out: `Ready`: rows as files for `overnight`, the same rows as
tokens for the others, the judge's rows. Never: trains; a judge's row in anybody's training data.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nights

if TYPE_CHECKING:
    from overnight.story.intake import Data

MOST_JUDGED = 400
"""Rows that judge at most."""
HIDDEN, INNER = 256, 704
"""Of the fresh base: with 6 layers and 4,096 pieces 5.9 M parameters."""
TALK = 6
"""Messages of a channel in one row: the last is learnt, as a bot that answers would have it."""
_SAID = re.compile(r"\[\d\d:\d\d\] <([^>]+)> (.+)")
IGNORED = -100


@dataclass(frozen=True)
class Ready:
    """The prepared material of one base and one data set."""

    folder: Path
    base: Path

    @property
    def train(self) -> Path:
        """Rows to train on, as a user has them."""
        return self.folder / "train.jsonl"

    @property
    def held(self) -> Path:
        """Rows for whoever looks at held-out rows during training; for nobody else."""
        return self.folder / "held.jsonl"

    @property
    def tokens(self) -> Path:
        """The rows of `train` as `input_ids` and `labels`, a folder of `datasets`."""
        return self.folder / "tokens"

    @property
    def judged(self) -> Path:
        """The judge's rows as `tokens`, `learn` and `offsets`."""
        return self.folder / "judged.npz"

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Rows, tokens, `counts` of the judge's rows."""
        found: dict[str, Any] = json.loads((self.folder / "facts.json").read_text("utf-8"))
        return found


def gsm8k(data: Path) -> Iterator[str]:
    """Problems with their worked answers."""
    yield from (data / "gsm8k/train.jsonl").read_text("utf-8").splitlines()


def self_dialogue(data: Path) -> Iterator[str]:
    """Chats of two."""
    yield from (data / "self_dialogue/self_dialogue_4000.jsonl").read_text("utf-8").splitlines()


def irc(data: Path) -> Iterator[str]:
    """Stretches of a channel: what was said, and who then said what."""
    for path in sorted((data / "ubuntu_irc/train").glob("*.txt")):
        lines = path.read_text("utf-8", errors="replace").splitlines()
        said = [f"{found[1]}: {found[2]}" for line in lines if (found := _SAID.match(line))]
        for at in range(TALK, len(said) + 1, TALK):
            *before, last = said[at - TALK : at]
            yield json.dumps({"prompt": "\n".join(before), "completion": last})


def docstrings(data: Path) -> Iterator[str]:
    """Functions of Python's own library and what their docstrings say; `data` is not asked."""
    from overnight import demo
    from overnight.probe.library import library_folder, library_functions

    with tempfile.TemporaryDirectory() as folder:
        path = demo.write_rows(library_functions(library_folder()), Path(folder) / "rows.jsonl")
        yield from path.read_text("utf-8").splitlines()


DATA: dict[str, Callable[[Path], Iterator[str]]] = {
    "gsm8k": gsm8k, "self_dialogue": self_dialogue, "irc": irc, "docstrings": docstrings,
}  # fmt: skip


def base_of(name: str, data: Path, folder: Path, lines: list[str]) -> Path:
    """A real small model, the demo's, or a fresh one with a tokenizer made from these rows."""
    if name == "stories":
        return data / "stories260K" / "hf"
    if name == "demo":
        from overnight.demo import BASE

        return BASE
    texts = ("\n".join(_strings(json.loads(line))) for line in lines)
    return nights.small_model(folder / "base", texts, hidden=HIDDEN, inner=INNER)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


def ready(base: str, data: str, source: Path, work: Path) -> Ready:
    """The material, made once and found again."""
    folder = work.resolve() / "ready" / f"{base}-{data}"
    if not (folder / "facts.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        lines = list(DATA[data](source))
        place = base_of(base, source, folder, lines)
        (folder / "base.txt").write_text(str(place), "utf-8")
        _write(Ready(folder, place), lines)
    return Ready(folder, Path((folder / "base.txt").read_text("utf-8")))


def _write(on: Ready, lines: list[str]) -> None:
    whole = on.folder / "whole.jsonl"
    _lines(whole, lines, range(len(lines)))
    seen = _seen(whole, on.base)
    if len(seen.corpus.encoded) != len(lines):
        raise SystemExit(f"{whole}: {len(seen.corpus.encoded)} rows were read of {len(lines)}")
    judged = np.asarray(seen.split.test[:MOST_JUDGED])
    _lines(on.train, lines, seen.split.train)
    _lines(on.held, lines, seen.split.select)
    _tokens(on.tokens, seen)
    _judged(on.judged, seen, judged)
    facts = {
        "train_rows": len(seen.split.train), "held_rows": len(seen.split.select),
        "train_tokens": int(seen.corpus.lengths[seen.split.train].sum()),
        "max_length": seen.corpus.max_length, "judged_rows": len(judged),
        "template": seen.corpus.encoded.chat_template,
        "counts": seen.corpus.learnt[judged].tolist(),
    }  # fmt: skip
    (on.folder / "facts.json").write_text(json.dumps(facts), "utf-8")  # last: it is all there


def _seen(whole: Path, base: Path) -> "Data":
    """The rows in the base's tokens, split: the product's own reader, renderer and split."""
    from overnight.probe import architecture
    from overnight.story import intake
    from overnight.story.look import load_tokenizer
    from overnight.values.request import Request

    request = Request(data=str(whole), model=str(base))
    positions = architecture.profile(str(base)).max_positions
    return intake.data(request, max_positions=positions, tokenizer=load_tokenizer(request))


def _lines(path: Path, lines: list[str], rows: Any) -> None:
    path.write_text("".join(f"{lines[int(row)]}\n" for row in rows), "utf-8")


def _tokens(path: Path, seen: "Data") -> None:
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()

    def rows() -> Iterator[dict[str, Any]]:
        for row in seen.split.train.tolist():
            tokens, learn = seen.corpus.encoded.row(row, seen.corpus.max_length)
            yield {"input_ids": tokens.tolist(),
                   "labels": np.where(learn, tokens, IGNORED).tolist()}  # fmt: skip

    Dataset.from_list(list(rows())).save_to_disk(path)


def _judged(path: Path, seen: "Data", rows: "np.typing.NDArray[np.int64]") -> None:
    pairs = [seen.corpus.encoded.row(int(row), seen.corpus.max_length) for row in rows]
    tokens = np.concatenate([tokens for tokens, _ in pairs])
    learn = np.concatenate([learn for _, learn in pairs])
    offsets = np.cumsum([0, *(len(tokens) for tokens, _ in pairs)])
    np.savez(path, tokens=tokens, learn=learn, offsets=offsets)

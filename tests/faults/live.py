"""What a training process of a night holds, over a small or a real model, without the story.

In: a folder, a base model, texts. Out: a session, a keeper and a journal that work on them. Never:
anything of the product in other words: steps, saves and starts are its own.
"""

import gc
import hashlib
import itertools
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from overnight.probe.clock import SystemClock
from overnight.training import journal, manifest, methods, state
from overnight.training.batches import Corpus
from overnight.training.journal import Journal
from overnight.training.keeper import Keeper
from overnight.training.render import Encoded
from overnight.training.session import Material, Session
from overnight.values.ledger import (
    Evaluated,
    Loss,
    Noted,
    Started,
    Stepped,
)
from overnight.values.plan import Candidate

FULL = Candidate(
    method="full", per_device_train_batch_size=2, gradient_accumulation_steps=2, max_length=64,
    learning_rate=1e-2, precision="fp32", gradient_checkpointing=False, lora_r=4, lora_alpha=8,
)  # fmt: skip
LORA = replace(FULL, method="lora", lora_dropout=0.2)
RATE = 1e-3
EVERY = 2
"""Steps between two saves."""
END = 3 * EVERY + 1
RUBBISH = (".staging", ".trash")
RUN = "night-1"
READY: list[tuple[Session, dict[str, Any]]] = []
"""A session that the parent has made before it forks, and its random states, for a fork seeds
Python's `random` anew: every child takes its own copy."""


@dataclass
class Live:
    """What a training process holds: a session, its journal, its keeper."""

    folder: Path
    base: Path
    candidate: Candidate
    texts: list[str]
    entries: list[Any] = field(default_factory=list)

    def open(self) -> "Live":
        """A fresh process over the folder."""
        self.session = taken_over() or session(self.base, self.candidate, self.texts)
        clock = SystemClock()
        self.journal = Journal.open(self.folder, clock)
        self.entries = journal.read(self.folder)
        if not self.entries:
            self.entries.append(self.journal.note_start(begun(clock)))
        rows = list(range(len(self.texts) - 2, len(self.texts)))
        self.keeper = Keeper(
            run_folder=self.folder, entries=self.entries, clock=clock.boot, awake=clock.awake,
            held_out={"select": rows, "test": rows}, wanted=str, tell=self.note,
            now=self.journal.now,
        )  # fmt: skip
        return self

    def note(self, text: str) -> None:
        self.tell(Noted(text=text))

    def tell(self, event: Any) -> None:
        self.entries.append(self.journal.append(event))

    def step(self, until: int) -> None:
        while self.session.progress.step < until:
            taken = self.session.step(RATE)
            self.tell(stepped(self.session.progress.step, taken.loss))

    def save(self) -> None:
        saved = self.keeper.save(self.session)
        assert saved is not None
        self.tell(saved)

    def begin_from(self, path: Path) -> None:
        self.session.restore(path)
        self.keeper.parent = path.name

    def state(self) -> str:
        """A hash of weights, optimizer, place and every random state."""
        found, on = hashlib.sha256(), self.session
        held = [on.optimizer.state_dict(), state.random_state(), repr(on.progress)]
        for one in _leaves([[p.detach() for p in on.parameters], held]):
            plain = one.contiguous().numpy().tobytes() if torch.is_tensor(one) else repr(one)
            found.update(plain if isinstance(plain, bytes) else plain.encode())
        return found.hexdigest()[:16]


def hand_over(session: Session) -> None:
    """Every child that is forked from here on begins with this session as it is."""
    READY[:] = [(session, state.random_state())]


def taken_over() -> Session | None:
    """The session that the parent has handed over, the first time that a child asks."""
    if not READY:
        return None
    session, random_states = READY.pop()
    state.set_random_state(random_states)
    return session


def _leaves(value: Any) -> Iterator[Any]:
    """Tensors and plain values inside lists, tuples and dictionaries, in order."""
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def session(base: Path, candidate: Candidate, texts: list[str]) -> Session:
    """All rows but the last two are trained on."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = [tokenizer(text)["input_ids"] for text in texts]
    encoded = Encoded(
        tokens=np.concatenate([np.asarray(row, dtype=np.int32) for row in rows]),
        learn=np.concatenate([np.arange(len(row)) >= len(row) // 3 for row in rows]),
        offsets=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        chat_template="none",
    )
    corpus = Corpus.cut(encoded, candidate.max_length)
    material = Material(corpus, np.arange(len(rows) - 2), pad_id=1)
    return Session(methods.load_base(str(base), candidate), candidate, material)


def begun(clock: SystemClock) -> Started:
    return Started(run=RUN, started_utc=clock.utc(), deadline_utc=clock.utc() + 3600.0,
                   window_seconds=3600.0, started_boot=clock.boot(), boot_id=clock.boot_id(),
                   label="1h")  # fmt: skip


def stepped(step: int, loss: float) -> Stepped:
    return Stepped(step=step, epoch=0.0, loss=loss, tokens=1, learnt_tokens=1, seconds=1.0,
                   learning_rate=RATE, grad_norm=1.0, peak_bytes=1)  # fmt: skip


def evaluated(step: int) -> Evaluated:
    loss = Loss(loss=2.0, low=1.9, high=2.1, n=2)
    return Evaluated(step=step, part="select", loss=loss, seconds=0.1)


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder with a hash of its bytes."""
    return {
        str(path.relative_to(folder)): manifest.hash_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rubbish(folder: Path) -> list[str]:
    """What a start should have cleared away."""
    left = [path.name for path in folder.iterdir() if path.name.startswith(RUBBISH)]
    return sorted([*left, *(path.name for path in folder.glob(".*.tmp"))])


def saved_steps(folder: Path) -> dict[int, str]:
    """Whatever stands in the folder as a checkpoint, and what is wrong with it."""
    return {manifest.step_of(path.name): manifest.problem(path, run=RUN) or ""
            for path in manifest.folders(folder)}  # fmt: skip


def settle(base: Path, candidate: Candidate, texts: list[str]) -> None:
    """What the parent does before it forks: one thread, everything imported, a session made.

    No gradient is computed here, for then nothing could be forked any more.
    """
    import peft  # noqa: F401
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: F401

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    made = session(base, candidate, texts)
    with tempfile.TemporaryDirectory() as folder:
        made.save_into(Path(folder))  # what a save imports is no part of what is killed
    hand_over(made)
    gc.freeze()  # collecting in a child would copy what it shares


def texts_of(file: Path | None) -> list[str]:
    """Sums, or the first real rows of a JSON-lines file."""
    if file is None:
        return [f"What is {n} + {n % 7}? It is {n + n % 7}." for n in range(40)]
    with open(file, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, 40)]
    return [" ".join(row.values()) for row in rows]

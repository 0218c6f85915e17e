"""The same path: a run resumed anywhere against the same run left alone, hash by hash.

`python -m torch.distributed.run ... -m tests.training.same_path FILE` checks the cases of several
processes; each writes what it found beside FILE.
"""

import hashlib
import itertools
import json
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.training import tiny

from overnight.control.recovery import smaller
from overnight.training import answers, methods, state
from overnight.training.session import Material, Session

FACTORS: dict[str, tuple[Any, ...]] = {
    "before": ("nothing", "rewind", "shrink", "drop"),
    "checkpointing": (0, 1, 2),  # every n-th layer
    "model": ("llama", "gpt2"),
    "method": ("full", "lora"),
    "dropout": (0.1, 0.0),
    "precision": ("fp32", "bf16"),
    "scaler": (False, True),
    "micro_batches": (1, 3),
    "packing": (False, True),
    "remainder": (True, False),  # the last step of an epoch holds fewer rows
    "workers": (0, 2),
    "looks": (True, False),  # the resumed run looks around, the undisturbed one does not
    "processes": (1, 2),
    "strategy": ("one-stage", "two-stage", "progressive"),
}
MOMENTS = ("step", "step", "step", "before", "step", "step", "step", "step")
"""Three steps an epoch: two boundaries are crossed."""
BORDERS = {"one-stage": (), "two-stage": (2,), "progressive": (2, 5)}
"""Moments at which a stage begins; a rewind goes back to before the first."""
Case = dict[str, Any]


def covering(factors: dict[str, tuple[Any, ...]] = FACTORS, *, seed: int = 0) -> list[Case]:
    """Cases in which every value of every factor meets every value of every other one: greedily,
    each the better of two tries at the pairs that are left, so that most meet more than once."""
    draw, names = random.Random(seed), list(factors)
    left = {
        ((a, x), (b, y))
        for a, b in itertools.combinations(names, 2)
        for x in factors[a]
        for y in factors[b]
    }
    cases = []
    while left:
        pair = min(left, key=repr)
        tries = [_meeting(draw, factors, pair) for _ in range(2)]
        cases.append(max(tries, key=lambda case: len(left & pairs(case))))
        left -= pairs(cases[-1])
    return cases


def _meeting(draw: random.Random, factors: dict[str, tuple[Any, ...]], pair: Any) -> Case:
    """A random case in which one pair meets."""
    return {name: draw.choice(values) for name, values in factors.items()} | dict(pair)


def pairs(case: Case) -> set[Any]:
    """The pairs of values that meet in a case, in the factors' order."""
    return set(itertools.combinations(case.items(), 2))


def words(case: Case) -> str:
    """A case as a test's name."""
    return "-".join(f"{name}={value}" for name, value in case.items())


def write_bases(folder: Path) -> None:
    """Both models, with and without dropout of their own."""
    from transformers import GPT2Config, GPT2LMHeadModel

    for dropout in FACTORS["dropout"]:
        tiny.write_base(folder / f"llama-{dropout}", attention_dropout=dropout)
        torch.manual_seed(1)
        config = GPT2Config(
            vocab_size=300, n_positions=64, n_embd=32, n_layer=2, n_head=2, bos_token_id=0,
            eos_token_id=1, resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=dropout,
        )  # fmt: skip
        GPT2LMHeadModel(config).save_pretrained(folder / f"gpt2-{dropout}")


def candidate(case: Case) -> Any:
    rows = 6 // (case["micro_batches"] * case["processes"]) or 1
    return replace(
        tiny.CANDIDATE,
        method=case["method"],
        precision=case["precision"],
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=case["micro_batches"],
        packing=case["packing"],
        gradient_checkpointing=case["checkpointing"] > 0,
        checkpoint_every=case["checkpointing"] or 1,
        lora_dropout=case["dropout"],
        dataloader_num_workers=case["workers"],
        processes=case["processes"],
        strategy=case["strategy"],
        stage2_rows=7,
    )


def live(case: Case, bases: Path) -> Session:
    """A fresh session of the case, as a new process would build it."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()  # another precision than the case before
    asked = candidate(case)
    model = methods.load_base(str(bases / f"{case['model']}-{case['dropout']}"), asked)
    count = 2 * asked.rows_per_step + (2 if case["remainder"] else asked.rows_per_step)
    rows = tiny.corpus(count + 2)
    session = Session(model, asked, Material(rows, np.arange(count), pad_id=1))
    if case["scaler"]:
        session.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    return session


def fingerprint(session: Session) -> str:
    """Of weights, moments, scaler, random states and place."""
    found = hashlib.sha256()
    scaler = session.accelerator.scaler
    _add(found, [p.detach() for p in session.parameters])
    _add(found, session.optimizer.state_dict()["state"])
    _add(found, scaler.state_dict() if scaler else None)
    _add(found, state.random_state())
    _add(found, repr(session.progress))
    return found.hexdigest()


def _add(to: Any, content: Any) -> None:
    if isinstance(content, torch.Tensor):
        to.update(content.reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    elif isinstance(content, dict):
        for key in sorted(content, key=str):
            to.update(str(key).encode())
            _add(to, content[key])
    elif isinstance(content, list | tuple):
        for one in content:
            _add(to, one)
    else:
        to.update(repr(content).encode())


@dataclass
class Run:
    """One run of a case, moment after moment; its checkpoints lie in `folder`."""

    case: Case
    session: Session
    folder: Path
    saves: bool = False
    looks: random.Random | None = None

    def go(self, first: int = 0) -> list[str]:
        """The hash after every moment from number `first` on."""
        seen = []
        for at in range(first, len(MOMENTS)):
            self.session.enter(sum(border <= at for border in BORDERS[self.case["strategy"]]))
            self._act(MOMENTS[at])
            if self.saves:
                self._save(at + 1)
            if self.looks:
                self._look(self.looks)
            seen.append(fingerprint(self.session))
        return seen

    def _act(self, moment: str) -> None:
        what = "step" if moment == "step" else self.case["before"]
        if what == "rewind":
            reached = self.session.progress
            self.session.restore(self.folder / "checkpoint-2")
            self.session.skip_to(reached.epoch, reached.batch, stage=reached.stage)
        elif what == "shrink":
            self.session.rebuild(shrunk(self.session.candidate))
        else:
            with sick(self.session) if what == "drop" else healthy():
                self.session.step(tiny.RATE)

    def _save(self, number: int) -> None:
        self.session.gather()
        if self.session.main:
            path = self.folder / f"checkpoint-{number}"
            path.mkdir()
            self.session.save_into(path)
        self.session.accelerator.wait_for_everyone()

    def _look(self, draw: random.Random) -> None:
        """What a night may do between two steps, at whatever moment."""
        count = len(self.session.corpus.lengths)
        if draw.random() < 0.7:
            self.session.evaluate([count - 2, count - 1])
        if draw.random() < 0.5:
            self.session.loss_of([5, 6, 7])
        if draw.random() < 0.5:
            answers.answer(self.session, [5, 6, 7], tiny.make(tiny.CHATML))


def shrunk(before: Any) -> Any:
    """Micro-batches of several rows cut, or layers checkpointed where they hold one."""
    several = before.per_device_train_batch_size > 1
    return smaller(before, ran_out=40 if several else 0) or before


class _Sick:
    """A head whose losses are no numbers."""

    def __init__(self, head: Any) -> None:
        self._head = head

    def token_losses(self, model: Any, batch: Any) -> Any:
        return self._head.token_losses(model, batch) * torch.nan


@contextmanager
def sick(session: Session) -> Iterator[None]:
    head, session.head = session.head, _Sick(session.head)  # type: ignore[assignment]
    try:
        yield
    finally:
        session.head = head


@contextmanager
def healthy() -> Iterator[None]:
    yield


def mismatches(case: Case, bases: Path, folder: Path, resumes: tuple[int, ...]) -> list[str]:
    """Where runs that are resumed after these moments leave the undisturbed one's path."""
    folder.mkdir(exist_ok=True)
    whole = Run(case, live(case, bases), folder, saves=True).go()
    found = []
    for moment in resumes:
        session = live(case, bases)
        if case["before"] == "shrink" and moment > MOMENTS.index("before"):
            session.rebuild(shrunk(session.candidate))
        session.restore(folder / f"checkpoint-{moment}")
        looks = random.Random(moment) if case["looks"] else None
        seen = Run(case, session, folder, looks=looks).go(moment)
        pairs_of = zip(seen, whole[moment:], strict=True)
        differ = [moment + at + 1 for at, (one, other) in enumerate(pairs_of) if one != other]
        found += [f"resumed after {moment}: differs at {differ[0]}"] if differ else []
    return found


def main(file: Path) -> None:
    """All cases of FILE in this process, one of several."""
    asked = json.loads(file.read_text())
    rank = os.environ["RANK"]
    found = {
        words(case): mismatches(
            case, Path(asked["bases"]), file.parent / str(number), tuple(asked["resumes"])
        )
        for number, case in enumerate(asked["cases"])
    }
    Path(f"{file}.{rank}").write_text(json.dumps(found))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
    os._exit(0)  # torch's own way out after gloo aborts now and then

"""How rows come together: padding with and without a mask, packs, and what a step is made of.

python bench/batching.py                 what is missing of both parts, about ten minutes; the page
python bench/batching.py --part pace     seconds of the same rows, laid out in four ways
python bench/batching.py --part steps    loss after the same tokens, in three orders of the rows
python bench/batching.py --report        writes bench/results/batching.md

Steps of all ways are interleaved, one of each in turn, so that whatever else the machine does falls
on all of them alike, and seconds are the processor's own. One thread.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

import nights
from overnight.night import BASE
from overnight.story import intake, look
from overnight.training.batches import MEGA_STEPS, Order, Rows
from overnight.training.session import Material, Session
from overnight.values.plan import Candidate
from overnight.values.request import Request

FILES = {"gsm8k": "gsm8k/train.jsonl", "self_dialogue": "self_dialogue/self_dialogue_4000.jsonl"}
SHAPES = {"5 M": (256, 688, 6), "15 M": (384, 1024, 8)}
"""Hidden size, feed-forward, layers."""
ROWS, LONGEST = 8, 512
ROUNDS = 8
SEEDS = (1, 2)
RATE = 1e-3
TOKENS = 100_000
"""Trained on in each run of the second part."""
CANDIDATE = Candidate(
    method="full", per_device_train_batch_size=ROWS, gradient_accumulation_steps=1,
    max_length=LONGEST, learning_rate=RATE, precision="fp32", gradient_checkpointing=False,
)  # fmt: skip
Keep = Callable[[str, Any], None]


def data(folder: Path, name: str) -> intake.Data:
    """A data set in the small base's tokens."""
    request = Request(data=str(folder / FILES[name]), model=str(BASE))
    return intake.data(request, max_positions=LONGEST, tokenizer=look.load_tokenizer(request))


def fresh(shape: str) -> Any:
    """A fresh Llama."""
    from transformers import LlamaConfig, LlamaForCausalLM

    hidden, inner, layers = SHAPES[shape]
    torch.manual_seed(1)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=4096, hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers,
        num_attention_heads=hidden // 64, num_key_value_heads=hidden // 64,
        max_position_embeddings=LONGEST, tie_word_embeddings=True, bos_token_id=0, eos_token_id=0,
        pad_token_id=1))  # fmt: skip


def ways(shape: str, precision: Any, on: intake.Data) -> dict[str, Session]:
    """The same rows in the same steps: sorted by length with a mask and without, packed, alone."""
    material = Material(on.corpus, np.asarray(on.split.train), pad_id=1)
    base = replace(CANDIDATE, precision=precision)
    asked = {
        "mask": base, "no mask": base, "packed": replace(base, packing=True),
        "one by one": replace(base, per_device_train_batch_size=1,
                              gradient_accumulation_steps=ROWS),
    }  # fmt: skip
    made = {name: Session(fresh(shape), one, material) for name, one in asked.items()}
    made["mask"].head = replace(made["mask"].head, masked=True)
    return made


def paces(sessions: dict[str, Session]) -> dict[str, list[float]]:
    """Seconds of each step, by way; the first two are not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in sessions}
    for at in range(ROUNDS + 2):
        for name, session in sessions.items():
            begun = time.process_time()
            session.step(RATE)
            if at > 1:
                seconds[name].append(time.process_time() - begun)
    return seconds


def pace(keep: Keep, known: dict[str, Any], folder: Path) -> None:
    """Every shape, precision and data set that is missing."""
    for name in FILES:
        on = data(folder, name)
        for shape in SHAPES:
            for precision in ("bf16", "fp32"):
                what = f"pace, {name}, {shape}, {precision}"
                if what not in known:
                    _new_precision()
                    keep(what, paces(ways(shape, precision, on)))


def _new_precision() -> None:
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()


@dataclass(frozen=True, slots=True)
class Shuffled(Order):
    """Steps of so many rows, of whatever lengths."""

    def epoch(self, epoch: int) -> list[Rows]:
        """Cut from the shuffled rows."""
        mixed = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        starts = range(0, len(mixed), self.rows_per_step)
        return [mixed[at : at + self.rows_per_step] for at in starts]


@dataclass(frozen=True, slots=True)
class Tokens(Order):
    """Steps of rows of like length that hold about equally many tokens."""

    def epoch(self, epoch: int) -> list[Rows]:
        """As many steps as by rows, cut where the tokens say."""
        random = np.random.default_rng([self.seed, epoch])
        shuffled = random.permutation(self.rows)
        mega, steps = self.rows_per_step * MEGA_STEPS, list[Rows]()
        for at in range(0, len(shuffled), mega):
            block = shuffled[at : at + mega]
            block = block[np.argsort(-self.lengths[block], kind="stable")]
            count = -(-len(block) // self.rows_per_step)
            before = np.cumsum(self.lengths[block])
            ends = np.searchsorted(before, before[-1] * np.arange(1, count) / count, side="left")
            steps += [part for part in np.split(block, ends + 1) if len(part)]
        return [steps[k] for k in random.permutation(len(steps))]


ORDERS: dict[str, type[Order]] = {"rows": Order, "tokens": Tokens, "shuffled": Shuffled}


def trained(order: str, seed: int, on: intake.Data) -> Iterator[dict[str, float]]:
    """One run, step by step; the last figure is the loss on the held-out rows."""
    from transformers import AutoModelForCausalLM

    material = Material(on.corpus, np.asarray(on.split.train), pad_id=1)
    asked = replace(CANDIDATE, seed=seed, precision="bf16")
    if order in ("tokens", "shuffled"):  # a step may hold more rows of fewer tokens
        asked = replace(asked, per_device_train_batch_size=10 * ROWS, gradient_accumulation_steps=1)
    model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    session = Session(model, asked, material)
    session.order = ORDERS[order](material.train, on.corpus.lengths, ROWS, seed)
    seconds = 0.0
    while (done := session.progress.tokens / TOKENS) < 1.0:
        begun = time.process_time()
        session.step(RATE * min(1.0, 20.0 * done + 0.05) * (1.0 - done))
        seconds += time.process_time() - begun
        yield {}
    sums, counts = session.evaluate([*on.split.select, *on.split.test])
    yield {"loss": float(sums.sum() / counts.sum()), "seconds": seconds,
           "steps": session.progress.step}  # fmt: skip


def together(seed: int, on: intake.Data) -> dict[str, dict[str, float]]:
    """One run of every order, a step of each in turn."""
    runs = {order: trained(order, seed, on) for order in ORDERS}
    found: dict[str, dict[str, float]] = {}
    while len(found) < len(runs):
        for order, run in runs.items():
            told = next(run, None) if order not in found else None
            if told:
                found[order] = told
    return found


def steps(keep: Keep, known: dict[str, Any], folder: Path) -> None:
    """Every data set and seed that is missing."""
    _new_precision()
    for name in FILES:
        on = data(folder, name)
        for seed in SEEDS:
            if (what := f"steps, {name}, seed {seed}") not in known:
                keep(what, together(seed, on))


def _ratio(one: list[float], other: list[float]) -> str:
    found = [a / b for a, b in zip(one, other, strict=True)]
    low, high = np.quantile(found, (0.25, 0.75))
    return f"{median(found):.2f} ({low:.2f} to {high:.2f})"


def page(known: dict[str, Any]) -> str:
    """The tables."""
    lines = ["# How rows come together", "", nights.machine() + ", one thread", "",
             *_paces(known), *_steps(known)]  # fmt: skip
    return "\n".join([*lines, "Repeat: `python bench/batching.py`", ""])


def _of(known: dict[str, Any], part: str) -> Iterator[tuple[str, Any]]:
    """What is known of a part, without its name."""
    found = (one for one in known.items() if one[0].startswith(part))
    return ((what.removeprefix(part), one) for what, one in found)


def _paces(known: dict[str, Any]) -> Iterator[str]:
    yield from (
        "## The same rows, laid out in four ways", "",
        f"Full fine-tuning of fresh Llamas, {ROWS} rows of at most {LONGEST} tokens a step, sorted "
        "by length in blocks. Seconds of a step against padded rows without a mask, median of "
        f"{ROUNDS} steps (middle half).", "",
        "| data, model, precision | with a mask | packed (mask of blocks) | one by one |",
        "|---|---|---|---|",
    )  # fmt: skip
    for what, took in _of(known, "pace, "):
        ratios = [_ratio(took[way], took["no mask"]) for way in ("mask", "packed", "one by one")]
        yield f"| {what} | {' | '.join(ratios)} |"
    yield ""


def _steps(known: dict[str, Any]) -> Iterator[str]:
    yield from (
        "## What a step is made of", "",
        f"The demo's base, full, bf16, {TOKENS:,} tokens, linear to zero: held-out loss; and "
        "seconds of training against steps of as many rows.", "",
        "| data, seed | as many rows | as many tokens | any rows | seconds |",
        "|---|---|---|---|---|",
    )  # fmt: skip
    for what, found in _of(known, "steps, "):
        figures = " | ".join(f"{found[order]['loss']:.4f}" for order in ORDERS)
        took = [found[order]["seconds"] / found["rows"]["seconds"] for order in ORDERS]
        yield f"| {what} | {figures} | {took[1]:.2f}, {took[2]:.2f} |"
    yield ""


def main() -> None:
    """What is missing, then the page."""
    torch.set_num_threads(1)
    given = nights.arguments(__doc__ or "", ("all", "pace", "steps"))
    given.work.mkdir(exist_ok=True)
    file = given.work / "batching.jsonl"

    def known() -> dict[str, Any]:
        return {one["what"]: one["found"] for one in nights.remembered(file)}

    def keep(what: str, found: Any) -> None:
        nights.remember(file, {"what": what, "found": found})
        print(what, found if "steps" in what else "", flush=True)

    for part, run in (("pace", pace), ("steps", steps)):
        if not given.report and given.part in ("all", part):
            run(keep, known(), given.data)
    (nights.RESULTS / "batching.md").write_text(page(known()), "utf-8")
    print(page(known()))


if __name__ == "__main__":
    main()

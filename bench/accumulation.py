"""What accumulation saves: the same rows in steps of 1, 4 and 16 micro-batches, real sessions.

python bench/accumulation.py       about two minutes on one thread; writes results/accumulation.md

Rounds are interleaved, so that whatever else the machine does falls on all of them alike, and the
seconds are the processor's own (user and system), which waiting for a core does not lengthen.
"""

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

import nights
from overnight.training.batches import Corpus
from overnight.training.render import Encoded
from overnight.training.session import Material, Session
from overnight.values.plan import Candidate

ROWS, LENGTH, MICRO, ROUNDS = 64, 128, 4, 5
ACCUMULATION = (1, 4, 16)
VOCABULARY = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Processor seconds of one pass over the rows, by round."""

    method: str
    accumulation: int
    seconds: tuple[float, ...]


def corpus() -> Corpus:
    """Rows of one length, all of them learnt."""
    tokens = np.random.default_rng(1).integers(10, VOCABULARY, ROWS * LENGTH).astype(np.int32)
    offsets = np.arange(0, (ROWS + 1) * LENGTH, LENGTH)
    encoded = Encoded(tokens=tokens, learn=np.ones(len(tokens), dtype=bool), offsets=offsets,
                      chat_template="none")  # fmt: skip
    return Corpus.cut(encoded, LENGTH)


def session(method: Any, accumulation: int) -> Session:
    """A session on a fresh Llama of 5 M parameters."""
    torch.manual_seed(1)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=256, intermediate_size=688, num_hidden_layers=6,
        num_attention_heads=8, num_key_value_heads=8, tie_word_embeddings=True, bos_token_id=0,
        eos_token_id=1, pad_token_id=1))  # fmt: skip
    candidate = Candidate(
        method=method, per_device_train_batch_size=MICRO, precision="fp32", max_length=LENGTH,
        gradient_accumulation_steps=accumulation, learning_rate=1e-4,
        gradient_checkpointing=False)  # fmt: skip
    return Session(model, candidate, Material(corpus(), np.arange(ROWS), pad_id=1))


def a_pass(on: Session) -> float:
    """Processor seconds of one epoch."""
    begun = time.process_time()
    for _ in range(on.order.steps_per_epoch):
        on.step(1e-4)
    return time.process_time() - begun


def measured(method: str) -> list[Took]:
    """Every accumulation in turn, `ROUNDS` times, after one pass that is not counted."""
    sessions = {count: session(method, count) for count in ACCUMULATION}
    rounds = [{count: a_pass(on) for count, on in sessions.items()} for _ in range(ROUNDS + 1)]
    return [Took(method=method, accumulation=count, seconds=tuple(r[count] for r in rounds[1:]))
            for count in ACCUMULATION]  # fmt: skip


def row(took: Took, alone: Took) -> str:
    """Seconds a pass, and against no accumulation, round by round."""
    ratios = [a / b for a, b in zip(took.seconds, alone.seconds, strict=True)]
    steps = ROWS // MICRO // took.accumulation
    return (f"| {took.method} | {took.accumulation} | {steps} | {median(took.seconds):.2f} | "
            f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |")  # fmt: skip


def main() -> None:
    """Measures and writes the table."""
    torch.set_num_threads(1)
    rows = []
    for method in ("lora", "full"):
        found = measured(method)
        rows += [row(each, found[0]) for each in found]
    page = "\n".join((
        "# What accumulation saves", "", nights.machine() + ", one thread", "",
        f"A fresh Llama of 5 M parameters, fp32; {ROWS} rows of {LENGTH} tokens in micro-batches "
        f"of {MICRO}, once through the same rows each. Median of {ROUNDS} interleaved rounds; the "
        "seconds are the processor's own. The guides' formula expects the time of 16 to be a "
        "sixteenth.", "",
        "| method | accumulation | steps | seconds | against accumulation 1 (all rounds) |",
        "|---|---|---|---|---|", *rows, "", "Repeat: `python bench/accumulation.py`", "",
    ))  # fmt: skip
    (nights.RESULTS / "accumulation.md").write_text(page, "utf-8")
    print(page)


if __name__ == "__main__":
    main()

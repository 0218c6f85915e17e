"""A model of a few thousand weights, rows to train it on, and a session that does: in seconds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.training.nights import Night
from tests.training.small_tokenizer import CHATML, make

from overnight.training import methods
from overnight.training.batches import Corpus
from overnight.training.keeper import Keeper
from overnight.training.render import Encoded
from overnight.training.session import Material, Session
from overnight.values.plan import Candidate

SIZES = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
CANDIDATE = Candidate(
    method="full",
    per_device_train_batch_size=2,
    gradient_accumulation_steps=2,
    max_length=24,
    learning_rate=1e-2,
    precision="fp32",
    gradient_checkpointing=False,
    lora_r=4,
    lora_alpha=8,
)
LORA = replace(CANDIDATE, method="lora", lora_dropout=0.2)
RATE = 1e-2


def llama(**changes: Any) -> Any:
    """A fresh Llama in memory, the same at every call."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    special = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    return LlamaForCausalLM(LlamaConfig(**SIZES | special | changes)).eval()


def write_base(folder: Path, **changes: Any) -> Path:
    """A model folder as a user has one: weights, configuration, tokenizer."""
    llama(**changes).save_pretrained(folder)
    make(CHATML).save_pretrained(folder)
    return folder


def corpus(rows: int = 14, *, max_length: int = 24, seed: int = 3) -> Corpus:
    """Rows of 4 to 30 tokens; the last two thirds of each are learnt."""
    random = np.random.default_rng(seed)
    lengths = random.integers(4, 31, rows)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    learn = [np.arange(length) >= max(length // 3, 1) for length in lengths]
    encoded = Encoded(
        tokens=random.integers(10, 300, offsets[-1]).astype(np.int32),
        learn=np.concatenate(learn),
        offsets=offsets,
        chat_template="none",
    )
    return Corpus.cut(encoded, max_length)


def session(base: Path, candidate: Candidate = CANDIDATE, *, rows: Corpus | None = None) -> Session:
    """A session over all rows but the last two, which are held out."""
    rows = corpus() if rows is None else rows
    material = Material(rows, np.arange(len(rows.lengths) - 2), pad_id=1)
    return Session(methods.load_base(str(base), candidate), candidate, material)


def train(on: Session, steps: int) -> list[float]:
    """The losses of some steps."""
    return [on.step(RATE).loss for _ in range(steps)]


def weights(on: Session) -> list[torch.Tensor]:
    """Copies of what is trained."""
    return [parameter.detach().clone() for parameter in on.parameters]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    """Whether two lists of tensors are equal bit for bit."""
    return len(one) == len(other) and all(map(torch.equal, one, other))


def near(one: list[torch.Tensor], other: list[torch.Tensor], *, within: float) -> bool:
    """Whether two lists of tensors are equal but for rounding."""
    pairs = zip(one, other, strict=True)
    return all(torch.allclose(a, b, rtol=0, atol=within) for a, b in pairs)


def keeper(night: Night, said: list[str] | None = None, *, limit: int = 2) -> Keeper:
    """The disk side of a night whose journal is `night.entries`."""
    return Keeper(
        run_folder=night.folder,
        entries=night.entries,
        held_out={"select": [12, 13], "test": [12, 13]},
        clock=night.clock.boot,
        awake=night.clock.awake,
        wanted=str,
        tell=(said if said is not None else []).append,
        now=lambda: night.clock.boot() - 1_000.0,
        limit=limit,
    )

"""Trains the small base model that the demo starts from, on Python's own library.

In: the sources of the interpreter that runs it, every function docstring cut out. Out: a model
folder with tokenizer, weights in bf16 and a README. Never: a network, or a text that the demo asks
the model to write (checked before training).

    python tools/make_base.py --minutes 20 --out src/overnight/assets/base
"""

import argparse
import math
import platform
import pydoc_data.topics
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from overnight.probe.library import (
    Function,
    cut_docstrings,
    library_folder,
    library_functions,
    library_sources,
    read_source,
)

CONTEXT = 512
PIECES = 4096
END, PAD = "<|endoftext|>", "<|pad|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
TELLING = 6
"""Words from which on a summary is a leak wherever it stands; shorter ones are common phrases."""
CHAT_TEMPLATE = Path(__file__).with_name("make_base_chat.jinja")
CARD = Path(__file__).with_name("make_base_card.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """When training is over: after so many steps, else after so many seconds."""

    seconds: float
    steps: int | None = None
    rate: float = 3e-3
    warmup: float = 0.04
    batch: int = 8

    def progress(self, step: int, elapsed: float) -> float:
        """The part of training that is done, 1.0 at its end."""
        return step / self.steps if self.steps else elapsed / self.seconds

    def rate_at(self, progress: float) -> float:
        """Linear warm-up, then linear to zero."""
        left = (1 - progress) / (1 - self.warmup)
        return self.rate * max(min(progress / self.warmup, left), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What the base reads, and how many texts were left out because a docstring stood in them."""

    texts: tuple[str, ...]
    dropped: int


def words(text: str) -> str:
    """The words of `text`, small, one blank between and around them."""
    return " ".join(["", *re.findall(r"[^\W_]+", text.casefold()), ""])


def openings(tokens: Sequence[str]) -> Iterator[str]:
    """Every run of `TELLING` words."""
    return (" ".join(tokens[at : at + TELLING]) for at in range(len(tokens) - TELLING + 1))


@dataclass(frozen=True, slots=True)
class Forbidden:
    """What the base must not read: summaries as `words`, found fast by how they open."""

    paragraphs: frozenset[str]
    opening: dict[str, list[str]]

    @classmethod
    def of(cls, summaries: Iterable[str]) -> "Forbidden":
        """All summaries that have a word at all."""
        paragraphs = frozenset(map(words, summaries)) - {words("")}
        opening: dict[str, list[str]] = {}
        for summary in sorted(paragraphs):
            for first in islice(openings(summary.split()), 1):
                opening.setdefault(first, []).append(summary)
        return cls(paragraphs, opening)

    def found_in(self, text: str) -> bool:
        """Whether some summary occurs in `text`.

        One of `TELLING` words or more counts anywhere, a shorter one as a paragraph of its own;
        case, punctuation and line breaks make no difference.
        """
        paragraphs = re.split(r"\n[\s#]*\n", text)
        if not self.paragraphs.isdisjoint(map(words, paragraphs)):
            return True
        whole = words(text)
        hits = self.opening.keys() & set(openings(whole.split()))
        return any(summary in whole for hit in hits for summary in self.opening[hit])


def make_corpus(texts: Sequence[str], functions: Iterable[Function]) -> Corpus:
    """The texts in which no function's summary occurs."""
    forbidden = Forbidden.of(function.summary for function in functions)
    kept = tuple(text for text in texts if not forbidden.found_in(text))
    return Corpus(texts=kept, dropped=len(texts) - len(kept))


def library_texts(folder: Path) -> list[str]:
    """Sources without function docstrings, and the interpreter's own help texts."""
    sources = [cut_docstrings(read_source(path)) for path in library_sources(folder)]
    return [text for text in [*sources, *pydoc_data.topics.topics.values()] if text.strip()]


def train_tokenizer(texts: Sequence[str], *, pieces: int = PIECES) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with the chat roles as special tokens; it encodes any text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=pieces,
        special_tokens=[END, PAD, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens=list(ROLES),
        model_max_length=CONTEXT,
        chat_template=CHAT_TEMPLATE.read_text(encoding="utf-8"),
    )


def make_model(pieces: int, *, seed: int) -> LlamaForCausalLM:
    """A fresh model, 3.3 M parameters with 4,096 pieces; a piece's row is input and output."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=pieces,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=1,
    )
    return LlamaForCausalLM(config)


def encode(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast, *, seed: int) -> torch.Tensor:
    """All texts in a shuffled order as one row of pieces, each opened by the end-of-text piece."""
    order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(seed)).tolist()
    encoded = tokenizer.backend_tokenizer.encode_batch([END + texts[place] for place in order])
    return torch.tensor([piece for text in encoded for piece in text.ids])


def batches(stream: torch.Tensor, size: int, *, seed: int) -> Iterator[torch.Tensor]:
    """Windows of `CONTEXT` pieces, `size` at a time, for ever; every epoch cuts anew."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        offset = int(torch.randint(CONTEXT, (), generator=generator))
        count = (len(stream) - offset) // CONTEXT
        windows = stream[offset : offset + count * CONTEXT].view(count, CONTEXT)
        order = torch.randperm(count, generator=generator)
        for start in range(0, max(count - size, 0) + 1, size):
            yield windows[order[start : start + size]]


def loss_of(model: LlamaForCausalLM, windows: torch.Tensor) -> torch.Tensor:
    """Mean negative log-likelihood of a piece (nats)."""
    with torch.autocast("cpu", torch.bfloat16):
        loss: torch.Tensor = model(input_ids=windows, labels=windows).loss
    return loss


def make_optimizer(model: LlamaForCausalLM, rate: float) -> torch.optim.AdamW:
    """AdamW; the norms' weights do not decay."""
    matrices = [weight for weight in model.parameters() if weight.dim() > 1]
    vectors = [weight for weight in model.parameters() if weight.dim() == 1]
    groups: list[dict[str, object]] = [
        {"params": matrices, "weight_decay": 0.1},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95))


def take_step(
    model: LlamaForCausalLM, optimizer: torch.optim.AdamW, windows: torch.Tensor, *, rate: float
) -> torch.Tensor:
    """One optimizer step; the loss before it."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = loss_of(model, windows)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


def train(model: LlamaForCausalLM, stream: torch.Tensor, goal: Goal, *, seed: int) -> int:
    """Train until the goal; the number of steps taken."""
    optimizer = make_optimizer(model, goal.rate)
    source, started, step, mean = batches(stream, goal.batch, seed=seed), time.monotonic(), 0, 0.0
    while (done := goal.progress(step, time.monotonic() - started)) < 1:
        rate = goal.rate_at(done)
        loss = float(take_step(model, optimizer, next(source), rate=rate))
        mean, step = loss if not step else 0.95 * mean + 0.05 * loss, step + 1
        if step % 50 == 0:
            pace = step * goal.batch * CONTEXT / (time.monotonic() - started)
            print(f"{done:5.1%}  step {step:5}  loss {mean:.3f}  {pace:,.0f} tokens/s", flush=True)
    return step


@torch.no_grad()
def measure(model: LlamaForCausalLM, stream: torch.Tensor) -> float:
    """Loss on all whole windows of `stream`."""
    count = len(stream) // CONTEXT
    windows = stream[: count * CONTEXT].view(count, 1, CONTEXT)
    return math.fsum(float(loss_of(model, window)) for window in windows) / count


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """What was asked on the command line."""
    parser = argparse.ArgumentParser(description="Train the demo's base model.")
    parser.add_argument("--out", type=Path, required=True, help="the model folder to write")
    parser.add_argument("--minutes", type=float, default=20.0, help="training time")
    parser.add_argument("--steps", type=int, help="so many steps instead of a time: repeatable")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args(given)


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """The model in bf16 and its tokenizer, as transformers loads them."""
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main(given: Sequence[str] | None = None) -> None:
    """Read, check, train, save, and write the card."""
    asked = arguments(given)
    torch.set_num_threads(asked.threads)
    folder = library_folder()
    corpus = make_corpus(library_texts(folder), library_functions(folder))
    tokenizer = train_tokenizer(corpus.texts)
    stream = encode(corpus.texts, tokenizer, seed=asked.seed)
    print(f"{len(corpus.texts)} texts ({corpus.dropped} left out), {len(stream):,} tokens")
    apart = len(stream) // 100
    model = make_model(len(tokenizer), seed=asked.seed)
    goal, started = Goal(seconds=asked.minutes * 60, steps=asked.steps), time.monotonic()
    steps = train(model, stream[apart:], goal, seed=asked.seed)
    minutes = (time.monotonic() - started) / 60
    save(model, tokenizer, asked.out)
    loss = measure(model, stream[:apart])
    card = CARD.read_text(encoding="utf-8").format(
        **{"documents": len(corpus.texts), "tokens": len(stream), "dropped": corpus.dropped},
        **{"parameters": model.num_parameters(), "pieces": len(tokenizer), "context": CONTEXT},
        **{"layers": model.config.num_hidden_layers, "width": model.config.hidden_size},
        **{"rate": goal.rate, "batch": goal.batch, "steps": steps, "minutes": minutes},
        **{"threads": asked.threads, "seed": asked.seed, "loss": loss},
        python=platform.python_version(),
    )
    (asked.out / "README.md").write_text(card, encoding="utf-8")
    print(f"loss {loss:.3f} on the part kept apart, after {steps} steps; {asked.out}")


if __name__ == "__main__":
    main()

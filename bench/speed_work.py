"""The same work for every arm of bench/speed.py: models, rows, and the operations that they need.

In: a folder of real data. Out: fresh Llamas of three shapes with one tokenizer, rows as tokens and
labels, model operations by counting. Never: a trainer.
"""

import json
import random
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from shapes import SMALL as SHAPES

VOCABULARY = 4096
TOKENIZER_ROWS = 4000
BLOCK = 512
"""Tokens of every row of `blocks`: nothing to pad, all of them learnt."""
MAX_LENGTH = 1024
"""TRL's default."""
IGNORED = -100
LORA: dict[str, Any] = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0,
                        "target_modules": "all-linear", "task_type": "CAUSAL_LM"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens, and the labels that Hugging Face trainers take: -100 where nothing is learnt."""

    ids: list[int]
    labels: list[int]

    @property
    def learnt(self) -> int:
        """Tokens that are predicted; the first has nothing before it."""
        return sum(label != IGNORED for label in self.labels[1:])


def turns(data: Path, name: str) -> list[list[tuple[str, bool]]]:
    """Rows as pieces of text, each with whether it is learnt: answers, every second speaker."""
    if name == "self_dialogue":
        lines = (data / name / "self_dialogue_4000.jsonl").open(encoding="utf-8")
        return [
            [(said + "\n", place % 2 == 1) for place, said in enumerate(json.loads(line)["turns"])]
            for line in islice(lines, TOKENIZER_ROWS)
        ]  # fmt: skip
    lines = (data / "gsm8k" / "train.jsonl").open(encoding="utf-8")
    found = map(json.loads, islice(lines, TOKENIZER_ROWS))
    return [[(row["question"] + "\n", False), (row["answer"], True)] for row in found]


def tokenizer(folder: Path, data: Path) -> Any:
    """One byte-level tokenizer of 4,096 pieces, made from both sets of data once."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if not (folder / "tokenizer.json").exists():
        texts = (text for name in ("gsm8k", "self_dialogue") for row in turns(data, name)
                 for text, _ in row)  # fmt: skip
        pieces = Tokenizer(models.BPE())
        pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        pieces.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        wanted = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=["<s>", "</s>"],
                                     initial_alphabet=alphabet)  # fmt: skip
        pieces.train_from_iterator(texts, wanted)
        made = PreTrainedTokenizerFast(tokenizer_object=pieces, bos_token="<s>", eos_token="</s>",
                                       pad_token="</s>")  # fmt: skip
        made.save_pretrained(folder)
    return PreTrainedTokenizerFast.from_pretrained(folder)


def model(folder: Path, name: str, pieces: Any) -> Path:
    """A fresh Llama of this shape on the disk, with the tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM, logging, set_seed

    logging.disable_progress_bar()

    if not (folder / "config.json").exists():
        set_seed(1)
        shape = SHAPES[name]
        LlamaForCausalLM(LlamaConfig(
            vocab_size=shape.vocab, hidden_size=shape.hidden, intermediate_size=shape.inner,
            num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
            num_key_value_heads=shape.kv_heads, max_position_embeddings=shape.positions,
            tie_word_embeddings=shape.tied, bos_token_id=0, eos_token_id=1, pad_token_id=1,
        )).save_pretrained(folder)  # fmt: skip
        pieces.save_pretrained(folder)
    return folder


def rows(data: Path, name: str, pieces: Any, count: int) -> list[Row]:
    """So many rows, the same ones in the same order every time; `blocks` is gsm8k end to end."""
    if name == "blocks":
        whole = [token for text in turns(data, "gsm8k")
                 for token in _encoded(text, pieces).ids]  # fmt: skip
        cut = (whole[at : at + BLOCK] for at in range(0, count * BLOCK, BLOCK))
        return [Row(ids, list(ids)) for ids in cut]
    drawn = random.Random(7).sample(turns(data, name), count)
    return [_encoded(text, pieces) for text in drawn]


def _encoded(text: list[tuple[str, bool]], pieces: Any) -> Row:
    ids: list[int] = []
    labels: list[int] = []
    for said, learnt in text:
        tokens = pieces(said, add_special_tokens=False)["input_ids"]
        ids += tokens
        labels += tokens if learnt else [IGNORED] * len(tokens)
    ids, labels = [*ids, 1], [*labels, 1 if text[-1][1] else IGNORED]
    return Row(ids[:MAX_LENGTH], labels[:MAX_LENGTH])


def operations(name: str, method: str, lengths: list[int], learnt: int) -> float:
    """What these rows need, two for each multiply-add: no padding, nothing computed twice.

    A weight: 6 a token, 4 where it is frozen (its input's gradient, not its own); the head at
    learnt tokens only; attention over half of each row's square, three times as much in all.
    """
    shape = SHAPES[name]
    body = shape.layers * sum(wide * long for wide, long in shape.matrices)
    tokens = sum(lengths)
    adapters = LORA["r"] * shape.layers * sum(wide + long for wide, long in shape.matrices)
    each = 6 * body if method == "full" else 4 * body + 6 * adapters
    head = (6 if method == "full" else 4) * shape.vocab * shape.hidden * learnt
    pairs = sum(length * (length + 1) // 2 for length in lengths)
    return float(each * tokens + head + 3 * 4 * shape.hidden * shape.layers * pairs)

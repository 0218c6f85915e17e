"""What `overnight plan --gpu` says for six cards, three models and four priorities.

python bench/cards.py        prints docs/cards.md, a minute
"""

import datetime
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import overnight
from overnight.planning import search
from overnight.planning.imagined import imagined
from overnight.planning.question import Question
from overnight.probe import architecture, catalogue
from overnight.values.errors import NoPlanFits
from overnight.values.facts import ModelProfile
from overnight.values.plan import Plan
from overnight.values.request import Priority, Request

CARDS = ("T4", "RTX 2080 Ti", "RTX 4090", "A100-80GB", "H100", "H200")
WINDOW = 12 * 3600.0
ROWS, TOKENS = 8000, 500
"""Guide 4's data: 8,000 conversations of 500 tokens."""
MODELS = {
    "1B": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
           "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
           "max_position_embeddings": 131072, "head_dim": 64, "tie_word_embeddings": True,
           "model_type": "llama"},
    "8B": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
           "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
           "max_position_embeddings": 131072, "tie_word_embeddings": False, "model_type": "llama"},
    "12B": {"hidden_size": 5120, "intermediate_size": 14336, "num_hidden_layers": 40,
            "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 131072,
            "max_position_embeddings": 131072, "head_dim": 128, "tie_word_embeddings": False,
            "model_type": "mistral"},
}  # fmt: skip
"""Shapes of Llama 3.2 1B, Llama 3.1 8B and Mistral Nemo 12B, the base of guide 4's model."""


def profiles() -> dict[str, ModelProfile]:
    """The three models, counted from their configurations alone."""
    import json

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, config in MODELS.items():
            place = Path(folder) / name
            place.mkdir()
            full = config | {"architectures": [f"{config['model_type'].title()}ForCausalLM"],
                             "torch_dtype": "bfloat16"}  # fmt: skip
            (place / "config.json").write_text(json.dumps(full), encoding="utf-8")
            found[name] = replace(architecture.profile(str(place)), path=name)
    return found


def plans() -> Iterator[tuple[str, str, Priority, Question, Plan | NoPlanFits]]:
    """(card, model, priority, question, plan or why there is none), every combination."""
    models = profiles()
    for card in CARDS:
        for name, model in models.items():
            for priority in get_args(Priority):
                question = Question(
                    request=Request(data="", model=name, priority=priority),
                    dataset=imagined(ROWS, TOKENS),
                    model=model,
                    hardware=catalogue.find(card),
                    window_seconds=WINDOW,
                )
                try:
                    yield card, name, priority, question, search.choose(question)
                except NoPlanFits as error:
                    yield card, name, priority, question, error


def row(card: str, model: str, priority: str, made: Plan | NoPlanFits) -> str:
    """One line of the table."""
    if isinstance(made, NoPlanFits):
        return f"| {card} | {model} | {priority} | none fits | | | | | | |"
    chosen, time = made.candidate, made.time
    layers = {1: "every layer", 2: "every other layer"}[chosen.checkpoint_every]
    hours, pace = time.total.scaled(1 / 3600), time.tokens_per_second
    return (
        f"| {card} | {model} | {priority} | {chosen.method} {chosen.precision} | "
        f"{chosen.per_device_train_batch_size} x {chosen.gradient_accumulation_steps} | "
        f"{chosen.max_length} | {layers if chosen.gradient_checkpointing else 'no'} | "
        f"{pace.mid:,.0f} ({pace.low:,.0f}-{pace.high:,.0f}) | "
        f"{time.epochs:.1f} in {hours.mid:.1f} ({hours.low:.1f}-{hours.high:.1f}) | "
        f"{made.memory.peak_bytes / 2**30:.1f} + {made.memory.margin_bytes / 2**30:.1f} of "
        f"{made.memory_limit_bytes / 2**30:.1f} |"
    )


def main() -> None:
    """Prints the page."""
    print("# What a plan says for cards that are not here\n")
    print(
        f"Made by `python bench/cards.py` (overnight {overnight.__version__}, "
        f"{datetime.date.today()}): {ROWS:,} imagined rows of {TOKENS} tokens in the mean, a "
        "window of 12 hours. Nothing here was measured on the card: memory and pace are "
        "arithmetic with the priors whose errors `bench/results/memory.md` and "
        "`bench/results/pace.md` give; the figures in brackets hold nine times in ten. The first "
        "steps of a night replace them.\n"
    )
    print("| card | model | priority | method | rows x accumulation | max_length | checkpointing | "
          "tokens/s | epochs in hours | GiB: peak + margin of limit |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    for card, model, priority, _, made in plans():
        print(row(card, model, priority, made))


if __name__ == "__main__":
    main()

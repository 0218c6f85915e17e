"""What the rule that picks is worth: rates, batches, averages, LoRA against full, at equal time.

python bench/rule.py --part rates      every part keeps its runs in --work and goes on where it was
python bench/rule.py --report          writes bench/results/rule.md from all of them

Time is counted, not read: a step costs what was measured once for its model (processor seconds of
one thread: so much a step, so much a token), so that whatever else the machine does changes
nothing. Every run is our own session under a warm-up and a linear fall to zero.
"""

import hashlib
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import nights
import rule_page
from overnight.control.schedule import Schedule
from overnight.planning import rules
from overnight.planning.measure import fit
from overnight.story.foresight import decide
from overnight.story.look import Look, look, question
from overnight.training import methods
from overnight.training.session import Material, Session
from overnight.values.plan import Candidate
from overnight.values.request import Request, Settings

PARTS = (
    "rates-tiny", "batches-tiny", "pilots-tiny", "rates-small", "batches-small", "pilots-small",
    "methods-tiny", "methods-small", "untrained", "small",
)  # fmt: skip
LOOKED = 120
"""Rows of the test side that a run is judged by."""
AVERAGED = (0.1, 0.2)
"""Last shares of the steps whose weights are averaged."""
TIMED_ROWS = (2, 4, 8, 16, 32)
FRESH = {
    "fresh-tiny": (64, 5, 172),
    "fresh-5m": (256, 6, 688),
    "fresh-15m": (512, 4, 1376),
    "fresh-60m": (768, 8, 2048),
}
"""Hidden size, layers, inner size of Llamas that have learnt nothing."""

BASES = {"tiny": ("stories", "fresh-tiny"), "small": ("demo", "fresh-5m")}
TINY = {"precision": "fp32", "max_length": 128}
"""Of the tiny models: so small a one is quicker so, and its rows are cut."""
SECONDS = {"rates": (3.0, 12.0), "batches": (12.0,), "pilots": (0.4, 0.8, 1.6)}
ROWS = {"batches": (2, 4, 8, 16)}
RATES = {
    "fresh-tiny": (1e-3, 3e-3, 1e-2, 3e-2), "stories": (1e-3, 3e-3, 1e-2, 3e-2),
    "fresh-5m": (3e-3, 1e-3, 6e-3, 5e-4), "demo": (3e-4, 1e-3, 3e-3, 6e-3),
    "lora": (3e-3, 1e-3, 1e-2, 5e-4, 3e-2),
}  # fmt: skip
"""What is tried, by base or by method."""
NEAR = {"stories": (1e-3, 2e-3), "fresh-tiny": (3e-3, 5e-3)}
"""Near the best of four rows a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One run."""

    base: str
    data: str
    rate: float
    seconds: float
    rows: int = 4
    method: str = "full"
    seed: int = 42

    @property
    def name(self) -> str:
        """Tells it from all others."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]


def cells(part: str) -> Iterator[Cell]:
    """The runs of one part."""
    if part == "small":
        yield Cell(base="demo", data="gsm8k", rate=1e-3, seconds=3.0)
    if part == "untrained":
        for rate in RATES["fresh-5m"]:
            yield Cell(base="fresh-5m", data="gsm8k", rate=rate, seconds=24.0)
    if part.startswith("methods"):
        size = part.partition("-")[2]
        for base, rate in itertools.product(BASES[size], RATES["lora"]):
            seconds = SECONDS["batches"][0] * (2.0 if size == "small" else 1.0)
            yield Cell(base=base, data="gsm8k", rate=rate, seconds=seconds, method="lora")
    question, _, size = part.partition("-")
    for base, seconds in itertools.product(BASES.get(size, ()), SECONDS.get(question, ())):
        rates = NEAR.get(base, RATES[base]) if question == "batches" else RATES[base]
        for rows, rate in itertools.product(ROWS.get(question, (4,)), rates):
            yield Cell(base=base, data="gsm8k", rate=rate, seconds=seconds, rows=rows)


def path_of(data: Path, name: str) -> Path:
    """Where the data lies."""
    return {
        "gsm8k": data / "gsm8k" / "train.jsonl",
        "self_dialogue": data / "self_dialogue" / "self_dialogue_4000.jsonl",
        "irc": data / "ubuntu_irc" / "train",
    }[name]


def base_folder(name: str, data: Path, work: Path) -> Path:
    """The base model's folder; a fresh one is made with another's tokenizer."""
    demo = nights.ROOT / "src" / "overnight" / "assets" / "base"
    if name == "demo":
        return demo
    if name == "stories":
        return data / "stories260K" / "hf"
    folder = work / name
    if not (folder / "config.json").exists():
        donor = base_folder("stories", data, work) if name == "fresh-tiny" else demo
        _make(folder, donor, *FRESH[name])
    return folder


def _make(folder: Path, donor: Path, hidden: int, layers: int, inner: int) -> None:
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(donor)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=inner,
        num_hidden_layers=layers, num_attention_heads=max(hidden // 64, 4),
        max_position_embeddings=1024, tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where everything lies."""

    data: Path
    work: Path

    @cache  # noqa: B019  (one of them lives as long as the script)
    def looked(self, base: str, data: str) -> tuple[Look, Request, Candidate]:
        """The data in the model's tokens, and the plan's own candidate."""
        tiny = base in BASES["tiny"]
        settings = Settings(num_train_epochs=1, max_length=TINY["max_length"] if tiny else None)
        model = base_folder(base, self.data, self.work)
        request = Request(data=str(path_of(self.data, data)), model=str(model), settings=settings,
                          precision=TINY["precision"] if tiny else "auto")  # type: ignore[arg-type]  # fmt: skip
        seen = look(request)
        plan = decide(question(request, seen, None))
        return seen, request, plan.candidate

    def session(self, cell: Cell) -> Session:
        """A session on the base with the cell's settings."""
        seen, request, planned = self.looked(cell.base, cell.data)
        rows = seen.data.split.train
        tokens = cell.rows * float(seen.data.corpus.lengths[rows].mean())
        candidate = replace(
            planned, method=cell.method, per_device_train_batch_size=cell.rows, seed=cell.seed,
            gradient_accumulation_steps=1, adam_beta2=rules.beta2(tokens), optim="adamw_torch",
            max_tokens_per_micro_batch=0, gradient_checkpointing=False,
        )  # fmt: skip
        model = methods.load_base(request.model, candidate)
        return Session(model, candidate, Material(seen.data.corpus, rows, pad_id=1))

    def price(self, cell: Cell) -> tuple[float, float]:
        """Processor seconds of a step and of a token of this model, measured once."""
        file = self.work / "prices.jsonl"
        for known in nights.remembered(file):
            if (known["base"], known["data"], known["method"]) == (cell.base, cell.data,
                                                                   cell.method):  # fmt: skip
                return known["step"], known["token"]
        took = fit(*self._timed(cell))
        told = {"base": cell.base, "data": cell.data, "method": cell.method,
                "step": took.seconds_per_load * took.fixed_load,
                "token": took.seconds_per_load, "spread": took.spread}  # fmt: skip
        nights.remember(file, told)
        return told["step"], told["token"]

    def _timed(self, cell: Cell) -> tuple[list[float], list[float]]:
        seconds, tokens = [], []
        for rows in TIMED_ROWS:
            on = self.session(replace(cell, rows=rows))
            on.step(1e-9)
            for _ in range(4):
                begun = time.process_time()
                taken = on.step(1e-9)
                seconds.append(time.process_time() - begun)
                tokens.append(float(taken.tokens))
        return seconds, tokens


def loss_of(on: Session, rows: Sequence[int]) -> float:
    """Mean loss of the learnt tokens of these rows."""
    sums, counts = on.evaluate(rows)
    return float(sums.sum() / counts.sum())


class Averages:
    """Running means of the trained weights over the last shares of a run."""

    def __init__(self, on: Session, steps: int) -> None:
        self._on, self._from = on, {share: steps - math.ceil(share * steps) for share in AVERAGED}
        self._sums: dict[float, tuple[int, list[Any]]] = {}

    def after(self, step: int) -> None:
        """Takes the weights of this step in."""
        for share, first in self._from.items():
            if step > first:
                count, sums = self._sums.get(share, (0, []))
                now = [p.detach().clone() for p in self._on.parameters]
                sums = [a.add_(b) for a, b in zip(sums, now, strict=True)] if sums else now
                self._sums[share] = (count + 1, sums)

    def losses(self, rows: Sequence[int]) -> dict[str, float]:
        """What each mean is worth; the session is left with the last one."""
        found = {}
        for share, (count, sums) in self._sums.items():
            for parameter, total in zip(self._on.parameters, sums, strict=True):
                parameter.data.copy_(total / count)
            found[f"average-{share}"] = loss_of(self._on, rows)
        return found


def run(bench: Bench, cell: Cell) -> dict[str, Any]:
    """One run: its steps within the counted seconds, and what came of it."""
    step, token = bench.price(cell)
    on = bench.session(cell)
    horizon = max(5, int(cell.seconds / (step + token * on.tokens_per_step)))
    schedule = Schedule(peak=cell.rate, horizon=horizon,
                        warmup_steps=rules.warmup_steps(horizon, None))  # fmt: skip
    seen = bench.looked(cell.base, cell.data)[0]
    rows = list(seen.data.split.test)[:LOOKED]
    averages = Averages(on, horizon)
    for at in range(horizon):
        on.step(schedule.rate(at))
        averages.after(at + 1)
    losses = {"last": loss_of(on, rows)} | averages.losses(rows)
    epochs = horizon / on.order.steps_per_epoch
    rule = rules.learning_rate(cell.method, seen.model.hidden_size, horizon)
    return asdict(cell) | {"name": cell.name, "steps": horizon, "epochs": epochs, "rule": rule,
                           "step_tokens": on.tokens_per_step, "losses": losses}  # fmt: skip


def main() -> None:
    """Runs what is missing; prints and keeps each result."""
    import torch

    torch.set_num_threads(1)
    asked = nights.arguments(__doc__ or "", PARTS)
    asked.work.mkdir(parents=True, exist_ok=True)
    bench, file = Bench(asked.data, asked.work), asked.work / "rule.jsonl"
    todo = list(cells(asked.part))
    for at in () if asked.report else nights.mine(len(todo), asked.share):
        if todo[at].name not in {known["name"] for known in nights.remembered(file)}:
            result = run(bench, todo[at])
            nights.remember(file, result)
            print(result, flush=True)
    page = "\n".join(rule_page.page(list(nights.remembered(file))))
    if asked.report:
        (nights.RESULTS / "rule.md").write_text(page, "utf-8")
    print(page)


if __name__ == "__main__":
    main()

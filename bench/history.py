"""What five nights of history are worth to a plan that has measured nothing yet.

python bench/history.py            runs the nights that are missing (about a minute each), then
python bench/history.py --report   weighs them again and writes bench/results/history.md
"""

import json
import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import nights
from overnight.codec import from_json
from overnight.planning import search
from overnight.planning.lessons import lessons
from overnight.planning.question import Question
from overnight.story.remember import asked
from overnight.training.history import VARIABLE, History
from overnight.values.facts import DatasetProfile, Hardware, Interval, ModelProfile
from overnight.values.lessons import Remembered
from overnight.values.plan import Candidate
from overnight.values.request import Request

DATA = {
    "gsm8k": ("gsm8k/train.jsonl", 500),
    "dialogue": ("self_dialogue/self_dialogue_4000.jsonl", 400),
    "smilechat": ("smilechat_8000/smilechat_2000.jsonl", 150),
}
"""Name -> file, and how many of its first rows are used: looks at held-out parts stay short."""
CASES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("gsm8k", "stories", ("max_steps=60",)),
    ("dialogue", "llama-2m", ("max_steps=40",)),
    ("gsm8k", "qwen-7m", ("max_steps=30", "per_device_train_batch_size=4")),
    ("smilechat", "llama-2m", ("max_steps=25", "max_length=256")),
    ("gsm8k", "llama-2m", ("max_steps=60", "per_device_train_batch_size=4")),
    ("dialogue", "gpt2-4m", ("max_steps=40",)),
    ("dialogue", "stories", ("max_steps=90", "gradient_accumulation_steps=2")),
    ("gsm8k", "gpt2-4m", ("max_steps=50", "method=lora")),
    ("smilechat", "qwen-7m", ("max_steps=15", "max_length=192")),
    ("gsm8k", "llama-2m", ("max_steps=40", "method=lora", "lora_r=8")),
    ("dialogue", "qwen-7m", ("max_steps=25", "gradient_checkpointing=true")),
    ("smilechat", "gpt2-4m", ("max_steps=25", "max_length=384")),
)
"""Data, model, settings: no two alike. Fixed steps, so that a plan can be wrong about the end."""
KNOWN = (0, 1, 2, 3, 5)
"""Nights that a plan knows of."""
DRAWS = 12
"""Choices of so many among the other nights, for each."""
TARGET = 0.5


def small_data(folder: Path, data: Path) -> dict[str, Path]:
    """The first rows of each file."""
    made = {}
    for name, (path, rows) in DATA.items():
        made[name] = folder / f"{name}.jsonl"
        lines = (data / path).read_text("utf-8").splitlines(keepends=True)[:rows]
        made[name].write_text("".join(lines), "utf-8")
    return made


def models(folder: Path, data: Path) -> dict[str, Path]:
    """A real small model, and fresh ones of three architectures with a tokenizer of their own."""
    texts = [json.loads(line)["answer"] for line in (data / "gsm8k/train.jsonl").open()]
    llama = nights.small_model(folder / "llama-2m", texts)
    return {"stories": data / "stories260K" / "hf", "llama-2m": llama,
            "qwen-7m": _other(folder / "qwen-7m", llama, "qwen2"),
            "gpt2-4m": _other(folder / "gpt2-4m", llama, "gpt2")}  # fmt: skip


def _other(folder: Path, llama: Path, kind: str) -> Path:
    """An untrained model of another architecture with the same tokenizer."""
    if (folder / "config.json").exists():
        return folder
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    wide: dict[str, Any] = {
        "qwen2": {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 8,
                  "num_attention_heads": 4, "num_key_value_heads": 2,
                  "max_position_embeddings": 1024, "tie_word_embeddings": True},
        "gpt2": {"n_embd": 192, "n_layer": 6, "n_head": 6, "n_positions": 1024},
    }[kind]  # fmt: skip
    torch.manual_seed(2)
    config = AutoConfig.for_model(kind, vocab_size=4096, bos_token_id=0, eos_token_id=1, **wide)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(llama).save_pretrained(folder)
    return folder


def run(case: int, work: Path, files: dict[str, Path], bases: dict[str, Path]) -> None:
    """One night, which knows of those before it."""
    data, model, settings = CASES[case]
    out = work / f"night-{case:02d}"
    shutil.rmtree(out, ignore_errors=True)
    words = [word for each in settings for word in ("--set", each)]
    os.environ[VARIABLE] = str(work / "history.sqlite3")
    command = nights.command(files[data], bases[model], out, *words)
    status, took = nights.timed(command, work / f"night-{case:02d}.log")
    print(f"{data}, {model}, {' '.join(settings)}: exit {status}, {took:.0f} s", flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What a night asked for, and what history keeps of it."""

    case: int
    question: Question
    record: Remembered


def lived(work: Path) -> list[Night]:
    """Every night that came to its planned end."""
    records = {each.run: each for each in History(work / "history.sqlite3").records()}
    found = []
    for case in range(len(CASES)):
        out = work / f"night-{case:02d}"
        record = records.get(out.name)
        if record is not None and "total" in record.actual:
            asked_then = with_settings(question(out), record.candidate)
            # As the arithmetic is now: the page can be made again after it has changed.
            prior = search.choose(asked_then).prior
            found.append(Night(case=case, question=asked_then, record=replace(record, prior=prior)))
    return found


def question(out: Path) -> Question:
    """What that night's plan answered to, as plan.json has it."""
    written = json.loads((out / "plan.json").read_text("utf-8"))
    return Question(
        request=from_json(written["request"], Request),
        dataset=from_json(written["dataset"], DatasetProfile),
        model=from_json(written["model"], ModelProfile),
        hardware=from_json(written["hardware"], Hardware),
        window_seconds=None,
    )


def with_settings(asked_then: Question, chosen: Candidate) -> Question:
    """The same question with the settings given that the night went with."""
    given = replace(
        asked_then.request.settings,
        per_device_train_batch_size=chosen.per_device_train_batch_size,
        gradient_accumulation_steps=chosen.gradient_accumulation_steps,
        gradient_checkpointing=chosen.gradient_checkpointing,
        max_length=chosen.max_length,
    )
    request = replace(asked_then.request, settings=given, method=chosen.method,
                      precision=chosen.precision)  # fmt: skip
    return replace(asked_then, request=request)


def planned(night: Night, known: Sequence[Remembered]) -> dict[str, Interval]:
    """Total and pace as the plan gives them that knows of these nights."""
    taught = lessons(known, asked(night.question))
    time = search.choose(replace(night.question, lessons=taught)).time
    return {"total": time.total, "tokens_per_second": time.tokens_per_second}


Weighed = list[tuple[Night, dict[int, list[dict[str, Interval]]]]]
"""Each night with its plans, by how many nights they knew."""


def off(said: Interval, came: float) -> float:
    """Error as a share of what came."""
    return abs(said.mid / came - 1.0)


def plans(night: Night, others: Sequence[Night], count: int) -> list[dict[str, Interval]]:
    """The night's plan for each of several choices of nights known."""
    rng = random.Random(1000 * night.case + count)
    records = [other.record for other in others if other is not night]
    draws = DRAWS if 0 < count < len(records) else 1
    return [planned(night, rng.sample(records, min(count, len(records)))) for _ in range(draws)]


def figures(made: Weighed, key: str, count: int) -> tuple[float, float, float]:
    """Median error, share of intervals that held, median width of the intervals."""
    errors, held, widths = [], [], []
    for night, by_count in made:
        came = night.record.actual[key]
        for said in (plan[key] for plan in by_count[count]):
            errors.append(off(said, came))
            held.append(said.low <= came <= said.high)
            widths.append((said.high - said.low) / said.mid)
    return median(errors), sum(held) / len(held), median(widths)


def summary(made: Weighed) -> list[str]:
    """One line for each number of nights known."""
    lines = ["| nights known | total: median error | held | width | pace: median error | held "
             "| width |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for count in KNOWN:
        cells = [figures(made, key, count) for key in ("total", "tokens_per_second")]
        shown = " | ".join(f"{100 * error:.1f} % | {100 * held:.0f} % | {100 * wide:.0f} %"
                           for error, held, wide in cells)  # fmt: skip
        lines.append(f"| {count} | {shown} |")
    return lines


def row(night: Night, by_count: dict[int, list[dict[str, Interval]]]) -> str:
    """One night: what came, and the errors without history and with five other nights."""
    data, model, settings = CASES[night.case]
    cells = []
    for key, form in (("total", "{:.1f}"), ("tokens_per_second", "{:,.0f}")):
        came = night.record.actual[key]
        bare, five = (median(off(plan[key], came) for plan in by_count[count])
                      for count in (0, 5))  # fmt: skip
        then = night.record.predicted[key] / came - 1.0
        cells += [form.format(came), f"{100 * bare:.0f} %", f"{100 * five:.0f} %",
                  f"{100 * then:+.0f} %"]  # fmt: skip
    return f"| {data} | {model} | {' '.join(settings)} | {' | '.join(cells)} |"


def page(found: Sequence[Night]) -> str:
    """The page."""
    made = [(night, {count: plans(night, found, count) for count in KNOWN}) for night in found]
    met = []
    for key, name in (("total", "total time"), ("tokens_per_second", "pace")):
        bare, five = (figures(made, key, count)[0] for count in (0, 5))
        said = "met" if five < TARGET * bare else "NOT met"
        met.append(f"{name}: {100 * bare:.1f} % without, {100 * five:.1f} % with five nights, "
                   f"{five / bare:.2f} of it ({said})")  # fmt: skip
    head = (
        "| data | base | settings | took, s | off without | with five | then | tokens/s "
        "| off without | with five | then |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )
    return "\n".join((
        "# What history is worth before a rehearsal", "", nights.machine(), "",
        f"{len(found)} nights of different data, models and settings, one after the other in one "
        "history that began empty. Each night's plan is then made again from its own facts, as if "
        f"it knew of 0 to 5 of the other nights ({DRAWS} choices of them for each), and held "
        "against what came. The target is an error with five nights of under half of that "
        "without.", "", *(f"- Median error of the {line}" for line in met), "", *summary(made), "",
        "`held`: intervals that held what came (they mean to nine times in ten); `width`: of the "
        "interval, as a share of its middle. Below, `off without` and `with five` are medians of "
        "the absolute error; `then` is what the plan said when the night was begun, with the "
        "nights before it known.", "", head,
        *(row(night, by_count) for night, by_count in made), "",
        "Repeat: `python bench/history.py`", "",
    ))  # fmt: skip


def main() -> None:
    """Runs what is missing, then writes the page."""
    given = nights.arguments(__doc__ or "")
    work, data = (path.resolve() for path in (given.work, given.data))
    work.mkdir(exist_ok=True)
    if not given.report:
        files, bases = small_data(work, data), models(work, data)
        done = {night.case for night in lived(work)}
        for case in nights.mine(len(CASES), given.share):
            if case not in done:
                run(case, work, files, bases)
    text = page(lived(work))
    nights.RESULTS.mkdir(exist_ok=True)
    (nights.RESULTS / "history.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()

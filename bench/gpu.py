"""Memory and pace that were predicted, against those of a real card: twenty-four settings.

python bench/gpu.py                  every setting in a process of its own, about eight minutes
python bench/gpu.py --report         writes results/gpu.md
python bench/gpu.py --only 0         one setting, in this process

Models are built from configurations with random weights, so that nothing is downloaded. Without a
card the same runs on the processor with the smallest model, to see that the script works.
"""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, cast

import numpy as np

import nights
from overnight.planning import memory, pace
from overnight.probe import architecture, hardware
from overnight.story import tracing
from overnight.values.facts import Hardware, ModelProfile
from overnight.values.plan import Candidate

LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 128256,
         "max_position_embeddings": 8192, "torch_dtype": "bfloat16"}  # fmt: skip
MODELS: dict[str, dict[str, Any]] = {
    "0.1B": LLAMA | {"hidden_size": 640, "intermediate_size": 2048, "num_hidden_layers": 10,
                     "num_attention_heads": 10, "num_key_value_heads": 5, "vocab_size": 32000},
    "1B": LLAMA | {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
                   "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
                   "tie_word_embeddings": True},
    "3B": LLAMA | {"hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28,
                   "num_attention_heads": 24, "num_key_value_heads": 8,
                   "tie_word_embeddings": True},
    "8B": LLAMA | {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
                   "num_attention_heads": 32, "num_key_value_heads": 8},
}  # fmt: skip
Case = tuple[str, str, int, int, int]
"""Model, method, rows, length, and every how many layers are checkpointed (0: none)."""
CASES: tuple[Case, ...] = (
    ("0.1B", "full", 8, 512, 0), ("0.1B", "full", 32, 512, 0), ("0.1B", "lora", 16, 512, 0),
    ("0.1B", "full", 8, 2048, 1), ("0.1B", "lora", 4, 4096, 0), ("0.1B", "full", 1, 256, 0),
    ("1B", "full", 4, 512, 0), ("1B", "full", 4, 2048, 1), ("1B", "full", 4, 2048, 2),
    ("1B", "lora", 4, 512, 0), ("1B", "lora", 16, 512, 0), ("1B", "lora", 4, 2048, 1),
    ("1B", "lora", 1, 8192, 1), ("3B", "lora", 2, 512, 0), ("3B", "lora", 8, 512, 0),
    ("3B", "lora", 4, 2048, 1), ("3B", "lora", 4, 2048, 2), ("3B", "full", 2, 1024, 1),
    ("8B", "lora", 1, 512, 0), ("8B", "lora", 4, 512, 0), ("8B", "lora", 2, 2048, 0),
    ("8B", "lora", 4, 2048, 1), ("8B", "lora", 4, 2048, 2), ("8B", "lora", 1, 8192, 1),
)  # fmt: skip
STEPS, DROPPED = 8, 3
ROWS = 512
SHORTEST = 0.4
"""Of the length: rows are spread evenly from there to the whole, and bucketed as in a night."""


def candidate(case: Case, precision: str) -> Candidate:
    """The setting as a plan has it."""
    _, method, rows, length, every = case
    return Candidate(
        method=cast("Any", method), per_device_train_batch_size=rows,
        gradient_accumulation_steps=1, max_length=length, learning_rate=1e-5,
        precision=cast("Any", precision), gradient_checkpointing=every > 0,
        checkpoint_every=max(every, 1),
    )  # fmt: skip


def session(model: ModelProfile, chosen: Candidate, device: str) -> Any:
    """A live session on random weights and random rows."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from overnight.training.batches import Corpus
    from overnight.training.render import Encoded
    from overnight.training.session import Material, Session

    full = chosen.method == "full" or chosen.precision == "fp32"
    config = AutoConfig.from_pretrained(model.path)
    with torch.device(device):
        live = AutoModelForCausalLM.from_config(
            config, dtype=torch.float32 if full else getattr(torch, _dtype(chosen.precision))
        )
    random = np.random.default_rng(0)
    lengths = np.linspace(SHORTEST * chosen.max_length, chosen.max_length, ROWS).astype(np.int64)
    tokens = random.integers(2, model.vocab_size, int(lengths.sum()), dtype=np.int32)
    encoded = Encoded(
        tokens=tokens, learn=np.ones(len(tokens), dtype=np.bool_),
        offsets=np.concatenate([[0], np.cumsum(lengths)]), chat_template="none",
    )  # fmt: skip
    corpus = Corpus.cut(encoded, chosen.max_length)
    return Session(live, chosen, Material(corpus, np.arange(ROWS), 0))


def _dtype(precision: str) -> str:
    return {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}[precision]


def predicted(model: ModelProfile, chosen: Candidate, here: Hardware) -> dict[str, float]:
    """What the plan would say before anything is measured."""
    mean = (1 + SHORTEST) / 2 * chosen.max_length
    rate = pace.tokens_per_second(chosen, model, here, mean)
    closed = memory.estimate(chosen, model, device=here.device)
    traced = tracing.traced(chosen, model, here)
    return {"pace": rate.mid, "pace_low": rate.low, "pace_high": rate.high,
            "closed": closed.peak_bytes, "margin": closed.margin_bytes,
            "traced": traced.peak_bytes}  # fmt: skip


def measured(live: Any, device: str) -> dict[str, float]:
    """Tokens a second over the later steps, and the most memory of the whole process."""
    import torch

    fits = live.try_largest() is None
    rates = []
    for _ in range(STEPS if fits else 0):
        begun = time.perf_counter()
        taken = live.step(1e-6)
        if device == "cuda":
            torch.cuda.synchronize()
        rates.append(taken.tokens / (time.perf_counter() - begun))
    return {"pace": median(rates[DROPPED:]) if rates else 0.0, "peak": _peak(device, live),
            "fits": float(fits)}  # fmt: skip


def _peak(device: str, live: Any) -> float:
    """What the allocator has reserved and the context: all that no other program can have."""
    import torch

    if device != "cuda":
        return float(live.peak_bytes())
    free, total = torch.cuda.mem_get_info()
    beside = total - free - torch.cuda.memory_reserved()
    return float(torch.cuda.max_memory_reserved() + beside)


def run(number: int, work: Path) -> dict[str, Any]:
    """One setting, predicted and measured."""
    here = hardware.look()
    case = CASES[number] if here.device == "cuda" else ("0.1B", "lora", 1, 64, 0)
    folder = work / f"model-{case[0]}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(MODELS[case[0]]), encoding="utf-8")
    model = architecture.profile(str(folder))
    precision = "bf16" if here.flops.get("bf16") else "fp32"
    chosen = candidate(case, precision)
    said = predicted(model, chosen, replace(here, catalogue=""))
    found = measured(session(model, chosen, here.device), here.device)
    return {"case": number, "setting": list(case), "precision": precision, "card": here.name,
            "predicted": said, "measured": found}  # fmt: skip


def table(results: list[dict[str, Any]]) -> str:
    """The page."""
    fits = [one for one in results if one["measured"]["fits"]]
    lines = [
        "# Predicted and measured on a card", "", f"{nights.machine()}; {fits[0]['card']}", "",
        "Memory in GiB, whole process; pace in tokens/s, the interval is of 90 %.", "",
        "| model | method | rows x length | checkpointed | peak | by arithmetic | by trace | pace "
        "| by arithmetic | inside |", "|---|---|---|---|---|---|---|---|---|---|",
        *(_line(one) for one in fits), "",
    ]  # fmt: skip
    for name, key, real in (("arithmetic", "closed", "peak"), ("trace", "traced", "peak"),
                            ("pace", "pace", "pace")):  # fmt: skip
        errors = [one["predicted"][key] / one["measured"][real] - 1 for one in fits]
        lines.append(f"- {name}: median error {100 * median(map(abs, errors)):.1f} %, "
                     f"signed {100 * median(errors):+.1f} %, {len(errors)} settings")  # fmt: skip
    return "\n".join(lines) + "\n"


def _line(one: dict[str, Any]) -> str:
    model, method, rows, length, every = one["setting"]
    said, found = one["predicted"], one["measured"]
    inside = "yes" if said["pace_low"] <= found["pace"] <= said["pace_high"] else "no"
    gib = (f"{value / 2**30:.2f}" for value in (found["peak"], said["closed"], said["traced"]))
    return (f"| {model} | {method} {one['precision']} | {rows} x {length} | {every or 'no'} | "
            f"{' | '.join(gib)} | {found['pace']:,.0f} | {said['pace']:,.0f} "
            f"({said['pace_low']:,.0f}-{said['pace_high']:,.0f}) | {inside} |")  # fmt: skip


def main() -> None:
    """Runs what is missing, or one case, or writes the table."""
    if "--only" in sys.argv:
        number = int(sys.argv[sys.argv.index("--only") + 1])
        print(json.dumps(run(number, Path("bench-work"))))
        return
    asked = nights.arguments(__doc__ or "")
    asked.work.mkdir(parents=True, exist_ok=True)
    kept = asked.work / "gpu.jsonl"
    done = [json.loads(line) for line in kept.open()] if kept.exists() else []
    for number in () if asked.report else range(len(CASES)):
        if number not in {one["case"] for one in done}:
            child = subprocess.run([sys.executable, __file__, "--only", str(number)],
                                   capture_output=True, text=True, check=False)  # fmt: skip
            if child.returncode:
                print(f"case {number}: {child.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
                continue
            done.append(json.loads(child.stdout.splitlines()[-1]))
            with kept.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(done[-1]) + "\n")
    (nights.RESULTS / "gpu.md").write_text(table(done), encoding="utf-8")


if __name__ == "__main__":
    main()

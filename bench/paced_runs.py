"""Published runs with a pace -> what of them can be judged, and why the others cannot.

In: published_runs.csv. Out: `Run` values and the number of rows left out by reason. Never: a
correction of a figure; whatever a run needs is known before it starts.
"""

import csv
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import shapes
from overnight.planning.work import Work, micro_batch
from overnight.values.facts import ModelProfile
from overnight.values.plan import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a data sheet says: dense 16-bit FLOP/s with FP32 accumulation, bytes a second."""

    kind: str
    flops: float
    bandwidth: float
    hopper: bool = False


A100 = Card(kind="A100", flops=312e12, bandwidth=2039e9)
CARDS = {
    "A100-80GB": A100,
    "A100-SXM4-80GB": A100,
    "A100": A100,
    "A100-40GB": Card(kind="A100-40", flops=312e12, bandwidth=1555e9),
    "H100-80GB": Card(kind="H100", flops=989e12, bandwidth=3350e9, hopper=True),
    "H100 (96GB HBM2e variant, 500W limit)": Card(
        kind="H100", flops=989e12, bandwidth=2400e9, hopper=True
    ),
    "RTX 3090": Card(kind="RTX 3090", flops=71.2e12, bandwidth=936e9),
    "RTX 4090": Card(kind="RTX 4090", flops=165.2e12, bandwidth=1008e9),
    "RTX 2080 Ti": Card(kind="RTX 2080 Ti", flops=53.8e12, bandwidth=616e9),
}
NAMES = {
    "Llama-2-7B": "llama-2-7b", "LLaMA-7B": "llama-2-7b", "LLaMA-13B": "llama-2-13b",
    "Llama-2-70B": "llama-2-70b", "NousResearch/Llama-2-70b-hf": "llama-2-70b",
    "TheBloke/Llama-2-70B-GPTQ": "llama-2-70b", "Llama-3.1-8B": "llama-3-8b",
    "meta-llama/Meta-Llama-3-8B": "llama-3-8b", "TechxGenus/Meta-Llama-3-8B-GPTQ": "llama-3-8b",
    "Llama-3.2-3B": "llama-3.2-3b", "Mistral-7B-v0.2": "mistral-7b",
    "mistralai/Mistral-7B-v0.1": "mistral-7b", "TheBloke/Mistral-7B-v0.1-GPTQ": "mistral-7b",
    "mistralai/Mixtral-8x7B-Instruct-v0.1": "mixtral-8x7b",
    "TheBloke/Mixtral-8x7B-Instruct-v0.1-GPTQ": "mixtral-8x7b", "Yi-34B": "yi-34b",
    "Qwen-1.8B": "qwen-1.8b", "Qwen-1.8B-Chat-Int4": "qwen-1.8b", "Qwen-7B": "qwen-7b",
    "Qwen-7B-Chat-Int4": "qwen-7b", "Qwen-14B": "qwen-14b", "Qwen-14B-Chat-Int4": "qwen-14b",
    "Qwen-72B": "qwen-72b", "Qwen-72B-Chat-Int4": "qwen-72b", "ibm/PowerLM-3b": "powerlm-3b",
    "bigcode/gpt_bigcode-santacoder": "santacoder", "bigcode/starcoderbase-1b": "starcoderbase-1b",
    "TinyLlama-1.1B": "tinyllama-1.1b",
} | {f"MPT-{size}": f"mpt-{size}" for size in shapes.MPT}  # fmt: skip
FUSED = ("foak", "liger", "torch.compile", "+compile", "FSDP+compile", "chunked CE", "+activation",
         "+optimizer", "8-bit AdamW", "chunkedCE")  # fmt: skip
"""Words of the notes that say that norms, activations or the loss are fused or compiled: a feature
that is known before a run. overnight's own loop is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One published pace with what it needed."""

    source: str
    what: str
    card: Card
    work: Work
    accumulation: int
    devices: int
    fused: bool
    gptq: bool
    parameters: int
    full: bool
    tokens_per_second: float
    """Of one device."""


def read(path: Path) -> tuple[list[Run], Counter[str]]:
    """The runs that state enough, and the reasons against the others."""
    runs: list[Run] = []
    left: Counter[str] = Counter()
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            why = _unfit(row)
            if why:
                left[why] += 1
            else:
                runs.append(_run(row))
    return runs, left


def _unfit(row: dict[str, str]) -> str:
    """Why a row cannot be judged; empty where it can."""
    notes, cards = row["notes"], "no such card or model is known, or none is stated"
    checks = (
        (not (row["tokens_per_s"] or row["sec_per_step"]), "no pace is stated (memory only)"),
        ("SUSPECT" in notes, "the research marks the row as suspect"),
        (row["gpu"] not in CARDS and row["gpu"] != "A100 (Colab)", cards),
        (row["model"] not in NAMES, cards),
        (not row["seq_len"], "length of the rows not stated"),
        (not row["micro_batch"], "micro-batch not stated"),
        ("fp8" in row["precision"], "FP8"),
        ("baseline, unpacked" in notes, "the length is a cap, rows are shorter"),
        ("periodic eval" in notes, "the time includes evaluations"),
        ("; fsdp" in notes, "sharded over PCIe, or offloaded to the host"),
        ("2 nodes" in notes, "over two nodes"),
        ("ZeRO-3" in notes, "sharded by ZeRO-3"),
        (row["n_gpus"] == "8" and "CPU offload" in notes, "offloaded to the host"),
        ("must be the TOTAL" in notes, "8 cards, whether a total is not stated"),
        ("significant digit" in notes, "one significant digit"),
    )
    return next((why for wrong, why in checks if wrong), "")


def _run(row: dict[str, str]) -> Run:
    model = shapes.profile(NAMES[row["model"]])
    candidate = _candidate(row)
    return Run(
        source=row["source"],
        what=f"{row['model']} {row['method']}, {row['micro_batch']} x {row['seq_len']}",
        card=CARDS[row["gpu"]],
        work=_work(row, candidate, model),
        accumulation=candidate.gradient_accumulation_steps,
        devices=int(row["n_gpus"]),
        fused=any(word in row["notes"] for word in FUSED),
        gptq="gptq" in row["quant"],
        parameters=model.num_parameters,
        full=candidate.method == "full",
        tokens_per_second=float(row["tokens_per_s"]),
    )


def _candidate(row: dict[str, str]) -> Candidate:
    method = "lora" if row["method"] == "lora+emb" else row["method"]
    kept = row["grad_ckpt"]  # where it is not stated the recipes had it on
    return Candidate(
        method=cast("str", method),  # type: ignore[arg-type]
        per_device_train_batch_size=int(row["micro_batch"]),
        gradient_accumulation_steps=int(row["grad_accum"] or 1),
        max_length=int(row["seq_len"]),
        learning_rate=1e-4,
        precision="bf16",
        gradient_checkpointing=not kept.startswith("no"),
        checkpoint_every=2 if kept == "selective" else 1,
        lora_r=64 if row["source"].startswith("Qwen") else 16,
    )


def _work(row: dict[str, str], candidate: Candidate, model: ModelProfile) -> Work:
    """The work as these stacks do it: fused causal attention without a mask, own LoRA targets."""
    work = micro_batch(candidate, model, float(row["seq_len"]))
    several = candidate.per_device_train_batch_size > 1
    wide = 2.0 if "baseline-peft-bnb" in row["notes"] else 1.0  # an fp32 residual stream
    targets = "q_proj k_proj v_proj o_proj" in row["notes"] and not model.num_experts
    adapted = 4.0 * model.num_layers / len(model.linear_shapes) if targets else 1.0
    return replace(
        work,
        attention=work.attention / (2.0 if several else 1.0),
        stream=wide * work.stream,
        adapted=adapted * work.adapted,
    )

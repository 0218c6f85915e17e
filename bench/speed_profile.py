"""Where a step of ours goes: torch's profiler in groups, and what is left to Python.

python bench/speed_profile.py        three shapes, LoRA and full, bf16 and fp32: about five minutes

Each case is a process of its own. The seconds of a step are measured without the profiler; its
groups are shares of all operators' own time. Products are told apart by their sides: one of the
vocabulary's is the head.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import nights
import speed_arms as arms
import speed_work as work

STEPS, WARM = 8, 4
GROUPS = {
    "attention": ("flash_attention", "scaled_dot_product", "Blocks", "aten::bmm", "aten::_softmax",
                  "aten::softmax", "masked_fill", "triu"),
    "loss": ("log_softmax", "nll_loss", "cross_entropy"),
    "optimizer": ("adamw",),
    "clipping": ("foreach_norm", "clip_grad", "linalg_vector_norm", "foreach_mul"),
    "casts and copies": ("copy_", "_to_copy", "aten::to", "contiguous", "clone"),
    "embedding": ("embedding", "index_select"),
    "products": ("aten::mm", "aten::addmm", "aten::linear", "mkldnn", "Adapted"),
    "norms, rotations, activations": (
        "aten::mul", "aten::add", "aten::silu", "aten::pow", "aten::mean", "aten::rsqrt",
        "aten::neg", "aten::cat", "aten::sum", "aten::div", "aten::sub", "rms_norm"),
}  # fmt: skip
"""By what stands in an operator's name: the first that fits."""
OTHER = "others: views, allocations, autograd"


def group(name: str, shapes: list[list[int]]) -> str:
    """The group of an operator."""
    found = next((label for label, words in GROUPS.items()
                  if any(word in name for word in words)), OTHER)  # fmt: skip
    head = any(work.VOCABULARY in shape for shape in shapes)
    return "head" if head and found in ("products", OTHER) else found


def session(spec: dict[str, Any]) -> Any:
    """A live session of ours on the rows of the spec."""
    from overnight.training import methods
    from overnight.training.session import Session

    pieces = work.tokenizer(Path(spec["tokenizer"]), Path(spec["source"]))
    rows = work.rows(Path(spec["source"]), spec["data"], pieces, spec["rows"])
    candidate = arms.candidate(spec)
    model = methods.load_base(spec["model"], candidate)
    return Session(model, candidate, arms.material(rows))


def measured(spec: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds of a step, and the share of each group."""
    from torch.profiler import ProfilerActivity, profile

    live = session(spec)
    for _ in range(WARM):
        live.step(arms.RATE)
    took = []
    for _ in range(STEPS):
        begun = time.perf_counter()
        live.step(arms.RATE)
        took.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as seen:
        for _ in range(STEPS):
            live.step(arms.RATE)
        whole = time.perf_counter() - begun
    groups: dict[str, float] = defaultdict(float)
    for event in seen.key_averages(group_by_input_shape=True):
        shapes = [shape for shape in event.input_shapes if isinstance(shape, list)]
        groups[group(event.key, shapes)] += event.self_cpu_time_total / 1e6
    groups["Python between operators"] = max(whole - sum(groups.values()), 0.0)
    return {"step": median(took), "groups": {name: s / whole for name, s in groups.items()}}


def table(found: list[dict[str, Any]]) -> str:
    """Cases across, groups down."""
    heads = [f"{one['shape'].upper()} {one['method']} {one['precision']}" for one in found]
    names = [*GROUPS, "head", OTHER, "Python between operators"]
    rows = [["a step, ms", *(f"{1e3 * one['step']:.0f}" for one in found)]]
    rows += [[f"{name}, %", *(f"{100 * one['groups'].get(name, 0.0):.1f}" for one in found)]
             for name in names]  # fmt: skip
    lines = ["| " + " | ".join(row) + " |" for row in [["where", *heads], *rows]]
    return "\n".join(["## Where a step of ours goes", "", nights.machine(), "",
                      "Rows of `blocks`, four a step; `python bench/speed_profile.py`.", "",
                      lines[0], "|" + "---|" * (len(heads) + 1), *lines[1:], ""])  # fmt: skip


def cases(given: argparse.Namespace) -> list[dict[str, Any]]:
    """One spec for each column."""
    return [
        {"arm": "overnight", "shape": shape, "method": method, "precision": precision,
         "data": "blocks", "rows": 4 * (2 * STEPS + WARM), "threads": given.threads,
         "model": str(given.work / shape), "tokenizer": str(given.work / "tokenizer"),
         "source": str(given.data)}
        for shape in given.shapes.split(",") for precision in ("bf16", "fp32")
        for method in ("full", "lora")
    ]  # fmt: skip


def in_process(spec: dict[str, Any]) -> dict[str, Any]:
    """A case in a process of its own."""
    words = [sys.executable, __file__, "--case", json.dumps(spec)]
    told: dict[str, Any]
    said = subprocess.run(words, check=True, capture_output=True, text=True,
                          env=os.environ | {"OMP_NUM_THREADS": str(spec["threads"])})  # fmt: skip
    told = json.loads(said.stdout.splitlines()[-1])
    return spec | told


def main() -> None:
    """Every case; the table lies beside the runs, and on their page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=nights.ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("bench-work"))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--shapes", default="5m,15m,60m")
    parser.add_argument("--case", default="")
    given = parser.parse_args()
    if given.case:
        import torch

        spec = json.loads(given.case)
        torch.set_num_threads(spec["threads"])
        print(json.dumps(measured(spec)))
        return
    given.data, given.work = given.data.resolve(), given.work.resolve() / "speed"
    given.work.mkdir(parents=True, exist_ok=True)
    pieces = work.tokenizer(given.work / "tokenizer", given.data)
    for shape in given.shapes.split(","):
        work.model(given.work / shape, shape, pieces)
    page = table([in_process(spec) for spec in cases(given)])
    (given.work / "profile.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()

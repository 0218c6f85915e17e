"""Thirty real nights of a fixed number of steps: how true the plan is once it has rehearsed.

python bench/plans.py              runs what is missing, one night at a time, about 45 minutes
python bench/plans.py --cases 3    only so many of what is missing
python bench/plans.py --report     writes bench/results/plans.md

The nights run from a copy of the last commit that is made once and kept in the work folder, with
one thread. One case is run four times: what it differs by is the machine's own.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import nights

GSM, CHAT = "gsm8k/train.jsonl", "self_dialogue/self_dialogue_4000.jsonl"
ZH, ALPACA = "smilechat_8000/smilechat_2000.jsonl", "llamafactory_demo/alpaca_en_demo.json"
TOOLS = "llamafactory_demo/glaive_toolcall_en_demo.json"
B, A, L = "per_device_train_batch_size", "gradient_accumulation_steps", "max_length"
E, C = "eval_steps", "gradient_checkpointing"
Case = tuple[str, str, int, str]
CASES: tuple[Case, ...] = (
    # data, model, steps, other words
    (ALPACA, "llama-6m", 130, f"--method full --precision bf16 --set {B}=4 --set {E}=40"),
    (GSM, "stories", 200, f"--method full --precision bf16 --set {B}=2 --set {E}=100"),
    (GSM, "stories", 250, f"--method full --precision fp32 --set {B}=1 --set {E}=125"),
    (CHAT, "stories", 50, f"--method full --precision fp32 --set {B}=8 --set {E}=25"),
    (CHAT, "stories", 250, f"--method lora --precision bf16 --set {B}=4 --set {L}=256"),
    (ALPACA, "stories", 200, f"--method lora --precision fp32 --set {B}=4 --set {E}=50"),
    (TOOLS, "stories", 70, f"--method full --precision bf16 --set {B}=4 --set {A}=2"),
    (GSM, "gpt2", 400, f"--method full --precision fp32 --set {B}=4 --set {E}=100"),
    (ALPACA, "gpt2", 250, f"--method full --precision bf16 --set {B}=2 --set {E}=100"),
    (CHAT, "gpt2", 200, f"--method full --precision fp32 --set {B}=8 --set {L}=256"),
    (GSM, "llama-2m", 150, f"--method full --precision bf16 --set {B}=8 --set {E}=75"),
    (GSM, "llama-2m", 110, f"--method full --precision fp32 --set {B}=8 --set {E}=55"),
    (CHAT, "llama-2m", 70, f"--method lora --precision bf16 --set {B}=8 --set {L}=384"),
    (ALPACA, "llama-2m", 30, f"--method full --precision bf16 --set {B}=32"),
    (ZH, "llama-zh", 45, f"--method full --precision bf16 --set {B}=4 --set {E}=15"),
    (ZH, "llama-zh", 40, f"--method lora --precision fp32 --set {B}=4 --set {L}=512"),
    (GSM, "llama-6m", 60, f"--method lora --precision bf16 --set {B}=8 --set {E}=30"),
    (GSM, "llama-6m", 25, f"--method full --precision fp32 --set {B}=4 --set {A}=2"),
    (CHAT, "llama-6m", 24, f"--method full --precision bf16 --set {B}=8 --set {C}=true"),
    (ALPACA, "llama-12m", 60, f"--method full --precision bf16 --set {B}=4 --set {E}=20"),
    (GSM, "llama-12m", 30, f"--method full --precision bf16 --set {B}=4 --set {A}=2"),
    (TOOLS, "llama-12m", 40, f"--method lora --precision bf16 --set {B}=2 --set {L}=512"),
    (ALPACA, "qwen2-8m", 45, f"--method full --precision fp32 --set {B}=4 --set {E}=15"),
    (GSM, "qwen2-8m", 12, f"--method full --precision bf16 --set {B}=16 --set {A}=2"),
    (CHAT, "qwen2-8m", 80, f"--method lora --precision bf16 --set {B}=2 --set {L}=256"),
    (ALPACA, "qwen2-20m", 40, f"--method full --precision bf16 --set {B}=4 --set {E}=20"),
    (ALPACA, "qwen2-20m", 25, f"--method lora --precision bf16 --set {B}=8"),
    (ALPACA, "qwen2-20m", 15, f"--method lora --precision fp32 --set {B}=2 --set {C}=true"),
    (ALPACA, "llama-30m", 25, f"--method lora --precision bf16 --set {B}=4 --set {E}=12"),
    (ALPACA, "llama-30m", 40, f"--method full --precision bf16 --set {B}=2 --set {E}=20"),
)
SHAPES: dict[str, tuple[str, int, int, int]] = {
    # kind, hidden, layers, heads
    "llama-6m": ("llama", 256, 6, 4),
    "llama-12m": ("llama", 384, 6, 6),
    "llama-30m": ("llama", 512, 9, 8),
    "qwen2-8m": ("qwen2", 320, 6, 4),
    "qwen2-20m": ("qwen2", 512, 6, 8),
}
REPEATED, REPEATS = 0, 4
"""Which case is run again, and how often in all; the repetitions lie among the others."""


def arguments() -> argparse.Namespace:
    """The words of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=nights.ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("bench-work/plans"))
    parser.add_argument("--report", action="store_true", help="only write the table")
    parser.add_argument("--cases", type=int, default=1000, help="at most so many nights now")
    parser.add_argument("--out", type=Path, default=nights.RESULTS / "plans.md")
    return parser.parse_args()


def frozen(work: Path) -> Path:
    """A copy of the last commit, made once; later changes of the tree do not reach these nights."""
    copy = work / "checkout"
    if not copy.exists():
        packed = subprocess.run(["git", "archive", "HEAD"], cwd=nights.ROOT, check=True,
                                capture_output=True).stdout  # fmt: skip
        with tarfile.open(fileobj=io.BytesIO(packed)) as files:
            files.extractall(copy, filter="data")
    return copy


def model(name: str, data: Path, work: Path) -> Path:
    """A base model: a real small one, or a fresh one with a tokenizer made from the data."""
    given = {"stories": data / "stories260K" / "hf", "gpt2": data / "tiny_gpt2_full_checkpoint"}
    if name in given:
        return given[name]
    if name == "llama-zh":
        return nights.small_model(work / name, (data / ZH).open(encoding="utf-8"), positions=2048)
    english = (json.loads(line)["answer"] for line in (data / GSM).open(encoding="utf-8"))
    small = nights.small_model(work / "llama-2m", english)
    return small if name == "llama-2m" else _shaped(name, small, work / name)


def _shaped(name: str, small: Path, folder: Path) -> Path:
    """A fresh model of another shape with the small one's tokenizer."""
    if (folder / "config.json").exists():
        return folder
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, Qwen2Config

    kind, hidden, layers, heads = SHAPES[name]
    make: Callable[..., Any] = {"llama": LlamaConfig, "qwen2": Qwen2Config}[kind]
    torch.manual_seed(1)
    shape = make(vocab_size=4096, hidden_size=hidden, intermediate_size=8 * hidden // 3,
                 num_hidden_layers=layers, num_attention_heads=heads,
                 num_key_value_heads=heads if kind == "llama" else heads // 2,
                 max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=0,
                 eos_token_id=1)  # fmt: skip
    AutoModelForCausalLM.from_config(shape).save_pretrained(folder)
    AutoTokenizer.from_pretrained(small).save_pretrained(folder)
    return folder


def schedule() -> list[tuple[int, int]]:
    """(case, repetition) in the order in which they are run: the repeated one all along."""
    order = [(case, 0) for case in range(len(CASES))]
    for again in range(1, REPEATS):
        order.insert(round(again * len(CASES) / (REPEATS - 1)) + again - 1, (REPEATED, again))
    return order


def run(case: int, again: int, given: argparse.Namespace, checkout: Path) -> dict[str, Any]:
    """One night, begun in an empty folder; its highest memory as the system counted it."""
    path, name, steps, words = CASES[case]
    out = given.work / f"night-{case:02d}-{again}"
    shutil.rmtree(out, ignore_errors=True)
    own = {"OMP_NUM_THREADS": "1", "OVERNIGHT_HISTORY": "off", "PYTHONPATH": str(checkout / "src")}
    command = nights.command(given.data / path, model(name, given.data, given.work), out,
                             "--max-steps", str(steps), *words.split())  # fmt: skip
    begun = time.monotonic()
    with out.with_suffix(".log").open("wb") as log:
        night = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 env={**os.environ, **own})  # fmt: skip
        _, status, used = os.wait4(night.pid, 0)
        night.returncode = os.waitstatus_to_exitcode(status)
    return {"case": case, "again": again, "status": night.returncode,
            "took": time.monotonic() - begun, "highest": 1024 * used.ru_maxrss,
            "busy": os.getloadavg()[0]} | told(out)  # fmt: skip


def told(out: Path) -> dict[str, Any]:
    """What the night promised after its rehearsal, what it did."""
    ended = nights.events(out, "Ended") if (out / "events.jsonl").exists() else []
    if not ended:
        return {}
    written = json.loads((out / "plan.json").read_text("utf-8"))
    after, before = (_total(written[key]) for key in ("plan", "first_plan"))
    rehearsed = nights.events(out, "Rehearsed")[-1]
    return {
        "total": ended[-1]["t"], "promised": after, "first": before,
        "rehearsed_steps": rehearsed["steps"], "rehearsed_seconds": rehearsed["seconds"],
        "over": rehearsed["t"], "peak": sum(written["plan"]["memory"]["parts"].values()),
        "first_peak": sum(written["first_plan"]["memory"]["parts"].values()),
        "phases": {name: phase["mid"] for name, phase in written["plan"]["time"]["phases"].items()},
    }  # fmt: skip


def _total(plan: dict[str, Any]) -> list[float]:
    phases = plan["time"]["phases"].values()
    return [sum(phase[end] for phase in phases) for end in ("low", "mid", "high")]


def off(result: dict[str, Any], key: str = "promised") -> float:
    """Promised over actual total time, less one."""
    return float(result[key][1] / result["total"] - 1.0)


def row(result: dict[str, Any]) -> str:
    """One line of the table."""
    path, name, steps, words = CASES[result["case"]]
    if "total" not in result:
        return f"| {result['case']} | {path} | {name} | {words} | failed: {result['status']} |"
    low, mid, high = result["promised"]
    total, shown = result["total"], words.replace("--set ", "").replace("--", "")
    return (
        f"| {result['case']} | {path.split('/')[-1]} | {name} | {shown} | {steps} | "
        f"{total:.1f} | {mid:.1f} | {100 * off(result):+.1f} % | {low:.0f} to {high:.0f} | "
        f"{100 * (high - low) / mid:.0f} % | {'yes' if low <= total <= high else 'no'} | "
        f"{100 * off(result, 'first'):+.0f} % | {result['highest'] / 2**20:.0f} | "
        f"{100 * (result['peak'] / result['highest'] - 1):+.1f} % | {result['busy']:.1f} |"
    )


def share(values: list[float], part: float) -> float:
    """The value that this part of them does not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, -(-int(part * 100) * len(ranked) // 100) - 1))]


def verdict(results: list[dict[str, Any]]) -> str:
    """The figures that were promised of these nights."""
    one = [result for result in results if not result["again"]]
    time_off, first = [abs(off(r)) for r in one], [abs(off(r, "first")) for r in one]
    memory = [abs(r["peak"] / r["highest"] - 1.0) for r in one]
    held = sum(r["promised"][0] <= r["total"] <= r["promised"][2] for r in one)
    wide = median((r["promised"][2] - r["promised"][0]) / r["promised"][1] for r in one)
    within = sum(error <= 0.1 for error in memory)
    return (
        f"{len(one)} nights. Total time predicted after the rehearsal: off by "
        f"{_per(median(time_off))} in the median, {_per(share(time_off, 0.9))} at the 90th "
        f"percentile (before it: {_per(median(first))} and {_per(share(first, 0.9))}). The 90 % "
        f"intervals held for {held} of {len(one)} and were {_per(wide)} wide in the median. Peak "
        f"host memory: off by {_per(median(memory))} in the median, {_per(max(memory))} at most, "
        f"{within} of {len(memory)} within 10 %."
    )


def jitter(results: list[dict[str, Any]]) -> str:
    """What the machine did to one and the same night."""
    same = [result["total"] for result in results if result["case"] == REPEATED]
    if len(same) < 2:
        return ""
    mean = sum(same) / len(same)
    steps = [result["total"] - result["over"] for result in results if result["case"] == REPEATED]
    left = sum(steps) / len(steps)
    return (
        f"The machine's own: case {REPEATED} took {', '.join(f'{one:.1f}' for one in same)} s, "
        f"{_per((max(same) - min(same)) / mean)} from the shortest to the longest; what came after "
        f"its rehearsal differed by {_per((max(steps) - min(steps)) / left)}."
    )


def _per(part: float) -> str:
    return f"{100 * part:.1f} %"


def page(results: list[dict[str, Any]], checkout: str) -> str:
    """The whole page."""
    whole = [result for result in results if "total" in result]
    head = (
        "| case | data | base | asked | steps | took, s | after the rehearsal, s | off | interval "
        "| wide | held | before it, off | peak, MiB | peak off | load |\n|" + "---|" * 15
    )
    return "\n".join((
        "# Plans kept", "", f"{nights.machine()}, commit {checkout}", "", verdict(whole), "",
        jitter(whole), "",
        "Each night has a fixed number of steps and no window, one thread, and is alone in this "
        "script; `load` is the machine's load average at its end. `took` runs from the command's "
        "start to the last word of its journal. The peak is the largest process of the night as "
        "the system counted it.", "", head, *(row(result) for result in results), "",
        "Repeat: `python bench/plans.py`", "",
    ))  # fmt: skip


def main() -> None:
    """Runs what is missing, then writes the table."""
    given = arguments()
    given.work, given.data = given.work.resolve(), given.data.resolve()
    given.work.mkdir(parents=True, exist_ok=True)
    file, stamp = given.work / "plans.jsonl", given.work / "commit"
    if not stamp.exists():
        now = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=nights.ROOT, check=True,
                             capture_output=True, text=True).stdout  # fmt: skip
        stamp.write_text(now.strip())
    done = {(result["case"], result["again"]) for result in nights.remembered(file)}
    todo = [] if given.report else [one for one in schedule() if one not in done][: given.cases]
    checkout = frozen(given.work) if todo else given.work
    for case, again in todo:
        result = run(case, again, given, checkout)
        nights.remember(file, result)
        print(row(result), flush=True)
    results = sorted(nights.remembered(file), key=lambda one: (one["case"], one["again"]))
    if any("total" in result for result in results):
        given.out.parent.mkdir(exist_ok=True)
        given.out.write_text(page(results, stamp.read_text()), "utf-8")
        print(verdict([one for one in results if "total" in one]), file=sys.stderr)


if __name__ == "__main__":
    main()

"""Pace on a processor before anything is measured: real session steps over many shapes.

python bench/cpu_pace.py            takes the steps that are missing, about ten minutes
python bench/cpu_pace.py --report   fits, judges, writes bench/results/cpu_pace.md

Steps are timed by the processor's own seconds on one thread, so that a shared machine does not
count. Nights that bench/windows.py left in --work are predicted as well: they were in no fit.
"""

import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import fitting
import nights
from fitting import Constants
from overnight.planning import pace
from overnight.planning.pace import Machine, Rates
from overnight.planning.work import Work, micro_batch
from overnight.values.facts import DatasetProfile, Hardware, ModelProfile
from overnight.values.plan import Candidate

SHAPES = {
    "0.26 M": (64, 172, 5, 8, 4, 512),
    "1 M": (128, 344, 4, 4, 4, 1024),
    "7 M": (256, 688, 6, 8, 8, 4096),
    "17 M": (384, 1024, 8, 8, 8, 4096),
    "30 M": (512, 1376, 8, 8, 8, 4096),
    "39 M": (384, 1024, 8, 8, 8, 32000),
    "64 M": (640, 1728, 12, 10, 10, 4096),
}
"""Name -> hidden, inner, layers, heads, key-value heads, vocabulary; Llama shapes, untied."""
BATCHES = ((8, 128), (2, 64), (4, 512))
"""Rows and their length."""
STEPS = 3
LEARNT = 2 / 3
START = {"matrix_fp32": 0.6, "matrix_bf16": 0.2, "attention_fp32": 0.2, "attention_bf16": 0.1,
         "traffic_fp32": 3.0, "traffic_bf16": 6.0, "adapted": 1.0, "layer_seconds": 3e-4,
         "narrow_fp32": 100.0, "narrow_bf16": 200.0, "scores": 10.0}  # fmt: skip
LOOSE = dict.fromkeys(START, 0.6)

Job = tuple[str, str, str, int, int, bool]
"""Shape, method, precision, rows, length, checkpointing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """The processor seconds of one step."""

    job: Job
    work: Work
    machine: Machine
    seconds: float


def jobs() -> Iterator[Job]:
    """Every step that is timed."""
    for name in SHAPES:
        for method in ("full", "lora"):
            for precision in ("fp32", "bf16"):
                for rows, length in BATCHES:
                    yield name, method, precision, rows, length, False
        yield name, "full", "fp32", 8, 128, True
        yield name, "lora", "bf16", 8, 128, True


def candidate(job: Job) -> Candidate:
    """The candidate of a job; its accumulation is none."""
    _, method, precision, rows, length, again = job
    return Candidate(
        method=cast("Any", method), per_device_train_batch_size=rows,
        gradient_accumulation_steps=1, max_length=length, learning_rate=1e-3,
        precision=cast("Any", precision), gradient_checkpointing=again,
    )  # fmt: skip


def profile(name: str) -> ModelProfile:
    """The profile of a shape."""
    hidden, inner, layers, heads, kv, vocab = SHAPES[name]
    narrow = hidden * kv // heads
    shapes = ((hidden, hidden), (hidden, narrow), (hidden, narrow), (hidden, hidden),
              (hidden, inner), (hidden, inner), (inner, hidden))  # fmt: skip
    total = layers * sum(wide * long for wide, long in shapes) + 2 * vocab * hidden
    return ModelProfile(
        path=name, architecture="LlamaForCausalLM", num_parameters=total,
        embedding_parameters=vocab * hidden, hidden_size=hidden, intermediate_size=inner,
        num_layers=layers, num_heads=heads, num_kv_heads=kv, vocab_size=vocab,
        max_positions=2048, weight_bytes=4 * total, linear_shapes=shapes * layers,
    )  # fmt: skip


def _model(job: Job) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    hidden, inner, layers, heads, kv, vocab = SHAPES[job[0]]
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(
        hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=kv, vocab_size=vocab,
        max_position_embeddings=2048, pad_token_id=1, bos_token_id=0, eos_token_id=1,
    ))  # fmt: skip
    base = torch.bfloat16 if (job[1], job[2]) == ("lora", "bf16") else torch.float32
    return model.to(base)


def _session(job: Job) -> Any:
    import numpy as np
    from accelerate.state import AcceleratorState

    from overnight.training.batches import Corpus
    from overnight.training.render import Encoded
    from overnight.training.session import Material, Session

    AcceleratorState._reset_state(reset_partial_state=True)  # one process, one precision a job
    rows, length, vocab = job[3] * (STEPS + 3), job[4], SHAPES[job[0]][5]
    offsets = np.arange(rows + 1, dtype=np.int64) * length
    tokens = np.random.default_rng(0).integers(10, vocab - 1, offsets[-1]).astype(np.int32)
    learn = np.tile(np.arange(length) >= length // 3, rows)
    rendered = Encoded(tokens=tokens, learn=learn, offsets=offsets, chat_template="none")
    corpus = Corpus.cut(rendered, length)
    return Session(_model(job), candidate(job), Material(corpus, np.arange(rows), pad_id=1))


def take(job: Job) -> float:
    """Processor seconds of a step, the first two left out, the least of those that follow."""
    session = _session(job)
    seconds = []
    for _ in range(STEPS + 2):
        begun = time.process_time()
        session.step(1e-3)
        seconds.append(time.process_time() - begun)
    return min(seconds[2:])


def measure(file: Path) -> None:
    """Takes what is missing in the file."""
    from overnight.probe.hardware import look

    done = {tuple(one["job"]) for one in nights.remembered(file)}
    for job in jobs():
        if job not in done:
            nights.remember(file, {"job": job, "cpu": take(job), "flops": look().flops})


def timed(file: Path) -> list[Timed]:
    """All steps of the file; the machine's rates are the best that were measured."""
    found = list(nights.remembered(file))
    best = {name: max(one["flops"].get(name, 0.0) for one in found) for name in ("fp32", "bf16")}
    return [
        Timed(job=tuple(one["job"]), work=_work(tuple(one["job"])), seconds=one["cpu"],
              machine=Machine(flops=best[one["job"][2]], bandwidth=pace.HOST_BANDWIDTH))
        for one in found
    ]  # fmt: skip


def _work(job: Job) -> Work:
    """Rows of one length come without a mask: half of the scores are left out."""
    work = micro_batch(candidate(job), profile(job[0]), float(job[4]), learnt=LEARNT)
    return replace(work, attention=work.attention / 2.0, scores=work.scores / 2.0)


def rates(constants: Constants, precision: str) -> Rates:
    """The product's constants at a precision."""
    return Rates(
        matrix=constants[f"matrix_{precision}"], attention=constants[f"attention_{precision}"],
        traffic=constants[f"traffic_{precision}"], adapted=constants["adapted"], unpack=1.0,
        layer_seconds=constants["layer_seconds"], narrow=constants[f"narrow_{precision}"],
        scores=constants["scores"],
    )  # fmt: skip


def error(one: Timed, constants: Constants) -> float:
    """Logarithm of predicted over measured time."""
    micro = pace.micro_seconds(one.work, one.machine, rates(constants, one.job[2]))
    return math.log((micro + one.work.update / one.machine.bandwidth) / one.seconds)


def fitted(steps: Sequence[Timed]) -> Constants:
    """The constants with the least mean error; what is off beyond measure counts no more."""
    return fitting.fitted(
        START, lambda found: fmean(min(abs(error(one, found)), 1.5) for one in steps), loose=LOOSE
    )


def by_shape(steps: Sequence[Timed]) -> list[str]:
    """Each shape predicted from the others."""
    lines, errors, held = [], [], []
    for name, group in fitting.grouped(steps, lambda one: one.job[0]).items():
        constants = fitted([one for one in steps if one.job[0] != name])
        off = [error(one, constants) for one in group]
        inside = [abs(each) <= _wide(one) for each, one in zip(off, group, strict=True)]
        lines.append(fitting.line(name, off, inside))
        errors, held = errors + off, held + inside
    return [f"| shape held out {fitting.HEAD}", fitting.RULE, *sorted(lines),
            fitting.line("**all**", errors, held)]  # fmt: skip


def _wide(one: Timed) -> float:
    return pace.spread(one.work, one.machine, pace.CPU[one.job[2]], "cpu")


def _built(kind: type, found: dict[str, Any]) -> Any:
    """A value from a plan of any age: what it does not know keeps its default."""
    names = {field.name for field in fields(kind)}
    tuples = {key: _tuple(value) for key, value in found.items() if key in names}
    return kind(**tuples)


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value


def by_night(work: Path) -> list[str]:
    """Nights that are there: what is now predicted for their plans, against their own pace."""
    errors, held = [], []
    for file in sorted(work.glob("window-*/plan.json")):
        plan = json.loads(file.read_text("utf-8"))
        dataset = {key: value for key, value in plan["dataset"].items() if key != "findings"}
        said = pace.data_pace(
            _built(Candidate, plan["plan"]["candidate"] if "plan" in plan else plan["candidate"]),
            _built(ModelProfile, plan["model"]), _built(Hardware, plan["hardware"]),
            _built(DatasetProfile, dataset),
        )  # fmt: skip
        true = nights.told(file.parent)["pace"]
        errors.append(math.log(true / said.mid))
        held.append(said.low <= true <= said.high)
    if not errors:
        return ["No nights of bench/windows.py are in --work."]
    return [f"| in no fit {fitting.HEAD}", fitting.RULE, fitting.line("nights", errors, held)]


def report(file: Path, work: Path) -> str:
    """The whole page."""
    steps = timed(file)
    constants = fitted(steps)
    peaks = {one.job[2]: one.machine.flops for one in steps}
    lines = ["| constant | fitted | in planning/pace.py |", "|---|---|---|"]
    for name, value in constants.items():
        part, _, precision = name.rpartition("_")
        known = precision in pace.CPU
        used = getattr(pace.CPU[precision if known else "fp32"], part if known else name)
        lines.append(f"| {name} | {value:.3g} | {used:.3g} |")
    rated = ", ".join(f"{name} {rate / 1e9:.0f} GFLOP/s" for name, rate in sorted(peaks.items()))
    return "\n".join([
        "# Pace on a processor before anything is measured", "", nights.machine(), "",
        f"{len(steps)} steps of real sessions on one thread, in processor seconds; the products "
        f"measured here: {rated}. Errors are those of the time, predicted over measured.", "",
        *by_shape(steps), "",
        "Nights of bench/windows.py (two at a time on two processors), by the clock:", "",
        *by_night(work), "", "## Constants", "", *lines, "",
    ])  # fmt: skip


def main() -> int:
    """Measures what is missing, writes the page."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    options = nights.arguments(__doc__ or "")
    options.work.mkdir(parents=True, exist_ok=True)
    file = options.work / "cpu_pace.jsonl"
    if not options.report:
        measure(file)
    page = report(file, options.work)
    (nights.RESULTS / "cpu_pace.md").write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Peak memory foretold against others' measured peaks, in closed form and by trace and replay.

python bench/memory.py RUNS.csv               closed form, and traces of all but mixtures of experts
python bench/memory.py RUNS.csv --no-traces   closed form alone, in a second
"""

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles

import memory_rows
import memory_traces
import nights
from memory_rows import Row
from overnight.planning import allocator, memory

TOO_LOW = -0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row and what was foretold, in bytes; `told` and `traced` are against `row.measured`."""

    row: Row
    in_use: float
    """By the closed form, without what the allocator and the context add."""
    told: float
    traced_in_use: float | None = None
    traced: float | None = None
    seconds: float = 0.0

    @property
    def error(self) -> float:
        """Relative; negative is too low."""
        return self.told / self.row.measured - 1

    @property
    def kept_free(self) -> float:
        """The same of what is asked to be free: with the margin."""
        return self.told * (1 + memory.ERROR) / self.row.measured - 1

    @property
    def traced_error(self) -> float | None:
        """The trace's, where there is one."""
        return None if self.traced is None else self.traced / self.row.measured - 1


def in_use(row: Row) -> float:
    """The closed form's bytes in use at the peak."""
    parts = memory.estimate(row.candidate, row.model, device="cuda", stack=row.stack).parts
    return float(sum(parts.values()) - parts["context"] - parts.get("fragmentation", 0))


def foretold(row: Row) -> Result:
    """The closed form for one row; bytes of the device where those were measured."""
    whole = memory.estimate(
        row.candidate, row.model, device="cuda", stack=row.stack, capacity=row.capacity
    ).peak_bytes
    used = in_use(row)
    return Result(row=row, in_use=used, told=whole if row.taken else used)


def traced(result: Result) -> Result:
    """The same with its step traced and replayed."""
    begun = time.perf_counter()
    seen = memory_traces.traced(result.row)
    context = memory.CONTEXT_BYTES["cuda"]
    held = allocator.replay(seen.events, capacity=result.row.capacity - context)
    used = float(seen.peak_bytes)
    whole = float(held.reserved + context)
    took = time.perf_counter() - begun
    told = whole if result.row.taken else used
    return replace(result, traced_in_use=used, traced=told, seconds=took)


def figures(errors: Sequence[float]) -> str:
    """n, signed median, median and 90th percentile of the size, share too low."""
    size = sorted(abs(error) for error in errors)
    p90 = quantiles(size, n=10, method="inclusive")[8] if len(size) > 1 else size[0]
    low = sum(error < TOO_LOW for error in errors) / len(errors)
    return (
        f"{len(errors)} | {100 * median(errors):+.1f} % | {100 * median(size):.1f} % | "
        f"{100 * p90:.1f} % | {100 * low:.0f} %"
    )


def summary(results: Sequence[Result]) -> list[str]:
    """One line for each source and way."""
    head = [
        "| source | way | n | median, signed | median | 90th percentile | too low by > 10 % |",
        "|---|---|---|---|---|---|---|",
    ]
    sources = sorted({result.row.source for result in results})
    lines = [
        f"| {source or 'all'} | {way} | {figures(errors)} |"
        for source in (*sources, "")
        for way, errors in _errors([r for r in results if source in ("", r.row.source)])
        if errors
    ]
    return head + lines


def _errors(results: Sequence[Result]) -> list[tuple[str, list[float]]]:
    used = [(r.in_use / r.row.allocated - 1) for r in results if r.row.allocated]
    closely = [
        r.traced_in_use / r.row.allocated - 1
        for r in results
        if r.row.allocated and r.traced_in_use
    ]
    return [
        ("closed form", [r.error for r in results]),
        ("closed form with its margin", [r.kept_free for r in results]),
        ("trace and replay", [r.traced_error for r in results if r.traced_error is not None]),
        ("closed form, bytes in use alone", used),
        ("trace, bytes in use alone", closely),
    ]


def line(result: Result) -> str:
    """One row of the table of all."""
    row, c = result.row, result.row.candidate
    by_trace = result.traced_error
    shown = "-" if by_trace is None else f"{100 * by_trace:+.1f} %"
    return (
        f"| {row.source} | {row.title} | {c.per_device_train_batch_size} x {c.max_length} | "
        f"{row.measured / 2**30:.2f} | {result.told / 2**30:.2f} | {100 * result.error:+.1f} % | "
        f"{shown} |"
    )


def page(results: Sequence[Result], left_out: Sequence[tuple[str, str]]) -> str:
    """The whole table."""
    took = [r.seconds for r in results if r.seconds]
    return "\n".join((
        "# Peak memory foretold", "", nights.machine(), "",
        "A row counts where it says, with its source's own words or code, the model's shape, the "
        "method, the rows and the exact length of a micro-batch, checkpointing, and what the "
        "figure is. Errors are against the device's memory (nvidia-smi) where that was given, "
        "else against bytes in use. Nothing is fitted on these rows: the closed form's counts and "
        "its rules for blocks that lie idle come from traces and replays of our own step "
        "(memory_own.md), the context from elsewhere, so that every source is held out. The "
        "conventions of a source (bench/memory_rows.py) hold for all of its rows and follow from "
        "the code of the time (transformers 4.45.0 and 4.48.1, bitsandbytes 0.43.3, "
        "fms-acceleration, fms-hf-tuning, Qwen's modeling_qwen.py), but that code was read after "
        "a look at the errors: how many copies of the logits there are and in which precision; "
        "that GPTBigCode leaves its cache of keys and values on, and that its LayerNorm puts the "
        "stream between 4-bit layers into fp32; that constants are quantised twice; that torch's "
        "AdamW copies all weights once; that Qwen's G are 1e9 bytes. "
        f"Traces took {median(took):.1f} s in the middle, {max(took):.1f} s at most."
        if took else "Without traces.",
        "", *summary(results), "", "## Every row", "",
        "| source | what | rows x length | measured, GiB | closed form, GiB | error | by trace |",
        "|---|---|---|---|---|---|---|",
        *(line(result) for result in results), "", "## Left out", "",
        "| source | why | rows |", "|---|---|---|",
        *(f"| {source} | {why} | {n} |" for (source, why), n in sorted(Counter(left_out).items())),
        "", "Repeat: `python bench/memory.py RUNS.csv`", "",
    ))  # fmt: skip


def main() -> None:
    """Reads the runs, foretells them, writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--no-traces", action="store_true")
    given = parser.parse_args()
    rows, left_out = memory_rows.read(given.runs)
    results = [foretold(row) for row in rows]
    if not given.no_traces:
        results = [r if r.row.model.num_experts else traced(r) for r in results]
    written = page(results, left_out)
    if not given.no_traces:
        (nights.RESULTS / "memory.md").write_text(written, "utf-8")
    print(written)


if __name__ == "__main__":
    main()

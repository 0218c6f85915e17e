"""What it takes to know a file: time beside bare tokenising, memory beside the number of rows.

python bench/data.py            makes the files, measures what is missing, writes the table (15 min)
python bench/data.py --report   writes bench/results/data.md again

Bare tokenising is `tokenizer(texts)`, a thousand texts a call, of the very text that the profile
tokenises, already rendered and in memory: no file read, no template, nothing kept.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import nights

MODEL = nights.ROOT / "src" / "overnight" / "assets" / "base"
ROUNDS = 3
BATCH = 1000
SIZES = (10_000, 100_000, 1_000_000)
"""Rows whose memory is measured."""
TARGET = 1.3
LOOKING = """{% for m in messages %}{% set said = m.content.split('</think>')[-1].lstrip('\\n') %}\
{{ '<|' + m.role + '|>' + said }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}\
{% endfor %}"""
"""Looks at what is said, as the templates of reasoning models do: it is run for each row."""


@dataclass(frozen=True, slots=True)
class Case:
    """One file under one tokenizer's template."""

    name: str
    file: str
    rows: int
    template: str = ""


CASES = (
    Case("gsm8k, 100,000 rows", "gsm8k/train.jsonl", 100_000),
    Case("gsm8k, a template that looks at contents", "gsm8k/train.jsonl", 20_000, LOOKING),
    Case("dialogues of many turns", "self_dialogue/self_dialogue_4000.jsonl", 20_000),
    Case("Chinese talks", "smilechat_8000/smilechat_2000.jsonl", 8_000),
)
THREADS = {"all cores": "true", "one thread": "false"}
"""Of the tokenizer, in both."""


def make(source: Path, rows: int, out: Path) -> Path:
    """The rows of a file over and over, each with a number of its own."""
    if out.exists():
        return out
    found = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    with out.with_suffix(".part").open("w", encoding="utf-8") as file:
        for n in range(rows):
            row = _numbered(found[n % len(found)], n)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return out.with_suffix(".part").rename(out)


def _numbered(row: dict[str, Any], n: int) -> dict[str, Any]:
    if "question" in row:
        return row | {"question": f"{row['question']} (No. {n})"}
    if "turns" in row:
        return row | {"turns": [f"No. {n}. {row['turns'][0]}", *row["turns"][1:]]}
    first, *rest = row["messages"]
    return row | {"messages": [first | {"content": f"{n} {first['content']}"}, *rest]}


def _tokenizer(template: str = "") -> Any:
    import transformers
    from transformers import AutoTokenizer

    transformers.logging.set_verbosity_error()
    made = AutoTokenizer.from_pretrained(MODEL)
    made.chat_template = template or made.chat_template
    return made


def _texts(path: Path, tokenizer: Any) -> list[str]:
    """Every row as the template writes it."""
    from overnight.probe.sources import Source
    from overnight.training.templates import Scribe

    scribe = Scribe(tokenizer)
    return [scribe.render(row).text for row in Source(str(path))]


def _profile(path: Path, tokenizer: Any) -> Any:
    from overnight.story import intake
    from overnight.values.request import Request

    asked = Request(data=str(path), model=str(MODEL))
    return intake.survey(asked, max_positions=2**31, tokenizer=tokenizer).profile


def _bare(texts: list[str], tokenizer: Any) -> None:
    every = iter(texts)
    while batch := list(islice(every, BATCH)):
        tokenizer(batch)


def _timed(act: Callable[[], Any]) -> tuple[float, float]:
    """(seconds by the clock, seconds of all processors together)."""
    clock, processors = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - clock, time.process_time() - processors


def pace(case: Case, path: Path) -> Iterator[dict[str, Any]]:
    """Bare tokenising and the profile by turns."""
    tokenizer = _tokenizer(case.template)
    texts = _texts(path, tokenizer)
    for turn in range(ROUNDS):
        for threads, parallel in THREADS.items():
            os.environ["TOKENIZERS_PARALLELISM"] = parallel
            bare = _timed(lambda: _bare(texts, tokenizer))
            own = _timed(lambda: _profile(path, tokenizer))
            yield {"case": case.name, "threads": threads, "turn": turn, "rows": len(texts),
                   "characters": sum(map(len, texts)), "bare": bare, "profile": own}  # fmt: skip


def peak(path: Path) -> dict[str, Any]:
    """This process's peak memory before and after a profile, in MiB, and what was counted."""
    tokenizer = _tokenizer()
    before, begun = _peak(), time.perf_counter()
    found = _profile(path, tokenizer)
    return {"before": before, "peak": _peak(), "seconds": time.perf_counter() - begun,
            "rows": found.num_rows, "counted": found.counted_rows or found.num_rows}  # fmt: skip


def _peak() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def measure(data: Path, work: Path) -> None:
    """Everything that is not remembered yet."""
    times, peaks = work / "data-times.jsonl", work / "data-peaks.jsonl"
    _measure_peaks(data, work, peaks)  # first: a child's peak is never below its parent's
    done = {result["case"] for result in nights.remembered(times)}
    for case in CASES:
        if case.name not in done:
            stem = f"{Path(case.file).stem}-{case.rows}.jsonl"
            for result in list(pace(case, make(data / case.file, case.rows, work / stem))):
                nights.remember(times, result)


def _measure_peaks(data: Path, work: Path, peaks: Path) -> None:
    known = {result["size"] for result in nights.remembered(peaks)}
    for size in (size for size in SIZES if size not in known):
        path = make(data / CASES[0].file, size, work / f"train-{size}.jsonl")
        told = subprocess.run([sys.executable, __file__, "--peak", str(path)],
                              capture_output=True, text=True, check=True)  # fmt: skip
        nights.remember(peaks, {"size": size, **json.loads(told.stdout.splitlines()[-1])})


def _times(results: list[dict[str, Any]]) -> Iterator[str]:
    yield "| data | tokenizer | rows | bare | profile | by the clock | in processor seconds |"
    yield "|---|---|---|---|---|---|---|"
    for case in CASES:
        for threads in THREADS:
            these = [r for r in results if (r["case"], r["threads"]) == (case.name, threads)]
            if not these:
                continue
            clock, work = (median(r["profile"][n] / r["bare"][n] for r in these) for n in (0, 1))
            bare, own = (median(r[name][0] for r in these) for name in ("bare", "profile"))
            yield (f"| {case.name} | {threads} | {these[0]['rows']:,} | {bare:.1f} s | {own:.1f} s "
                   f"| **{clock:.2f}x** | {work:.2f}x |")  # fmt: skip


def _peaks(results: list[dict[str, Any]]) -> Iterator[str]:
    yield "| rows | tokens counted of | before | peak | the profile's own | a row | seconds |"
    yield "|---|---|---|---|---|---|---|"
    for r in sorted(results, key=lambda result: int(result["size"])):
        own = r["peak"] - r["before"]
        size, bytes_a_row = r["size"], own * 2**20 / r["size"]
        yield (f"| {size:,} | {r['counted']:,} rows | {r['before']:.0f} MiB | {r['peak']:.0f} MiB "
               f"| {own:.0f} MiB | {bytes_a_row:,.0f} bytes | {r['seconds']:.0f} |")  # fmt: skip


def report(work: Path) -> str:
    """The tables, with what they are of."""
    times = list(nights.remembered(work / "data-times.jsonl"))
    first = [r["profile"][0] / r["bare"][0] for r in times if r["case"] == CASES[0].name]
    held = "held" if first and median(first) <= TARGET else "missed"
    return "\n".join((
        "# Knowing a file before a plan", "", nights.machine(), "",
        f"Profiling 100,000 rows within {TARGET}x of bare tokenising: **{held}**. Bare is",
        "`tokenizer(texts)`, a thousand texts a call, of the same rendered text in memory; the",
        f"profile reads the file and does all that `overnight data` does. {ROUNDS} rounds by",
        "turns, medians of the ratios. The rows of the named files over and over, each with its",
        "own number. What tokenises and what renders are two threads: processor seconds are what",
        f"is paid where no second core is free (load average: {os.getloadavg()[2]:.1f}).",
        "", *_times(times), "",
        "Peak memory, each file in a process of its own; what stands before is Python with",
        "transformers and the tokenizer.", "",
        *_peaks(list(nights.remembered(work / "data-peaks.jsonl"))), "",
    ))  # fmt: skip


def main() -> None:
    """The measurements, or one process's own peak."""
    if "--peak" in sys.argv:
        print(json.dumps(peak(Path(sys.argv[-1]))))
        return
    given = nights.arguments(__doc__ or "")
    given.work.mkdir(parents=True, exist_ok=True)
    if not given.report:
        measure(given.data, given.work)
    (nights.RESULTS / "data.md").write_text(report(given.work), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Twenty windows between 45 s and 5 min on different data: none overrun, none wasted.

python bench/windows.py            runs what is missing, about 45 minutes
python bench/windows.py --report   writes bench/results/windows.md
"""

import json
import shutil
from pathlib import Path
from typing import Any

import nights

OVERHEAD = "The seconds are those of the whole command, from its first instruction to its exit."
CASES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("gsm8k/train.jsonl", "stories", "180", ()),
    ("self_dialogue/self_dialogue_4000.jsonl", "stories", "180", ()),
    ("llamafactory_demo/alpaca_en_demo.json", "stories", "180", ()),
    ("fastchat_sharegpt/dummy_conversation.json", "stories", "180", ()),
    ("llamafactory_demo/v1_sft_demo.jsonl", "stories", "180", ()),
    ("smilechat_8000/smilechat_2000.jsonl", "fresh-zh", "180", ()),
    ("gsm8k/train.jsonl", "fresh-en", "45", ()),
    ("gsm8k/train.jsonl", "stories", "45", ("--method", "lora")),
    ("self_dialogue/self_dialogue_4000.jsonl", "fresh-en", "50", ()),
    ("llamafactory_demo/alpaca_zh_demo.json", "fresh-zh", "60", ()),
    ("llamafactory_demo/alpaca_en_demo.json", "fresh-en", "60", ("--method", "lora")),
    ("smilechat_8000/smilechat_2000.jsonl", "fresh-zh", "75", ("--priority", "quality")),
    ("gsm8k/train.jsonl", "fresh-en", "75", ("--set", "per_device_train_batch_size=1")),
    ("self_dialogue/self_dialogue_4000.jsonl", "stories", "90", ("--priority", "fast")),
    ("llamafactory_demo/glaive_toolcall_en_demo.json", "fresh-en", "90", ()),
    ("gsm8k/train.jsonl", "fresh-en", "100", ("--set", "gradient_accumulation_steps=8")),
    ("self_dialogue/self_dialogue_4000.jsonl", "fresh-en", "120", ("--method", "lora")),
    ("smilechat_8000/smilechat_2000.jsonl", "fresh-zh", "120", ("--set", "max_length=256")),
    ("gsm8k/train.jsonl", "stories", "150", ("--priority", "quality")),
    ("gsm8k/train.jsonl", "fresh-en", "300", ("--priority", "quality")),
)


def models(data: Path, work: Path) -> dict[str, Path]:
    """The three base models: a real one, and two fresh ones with tokenizers of their own."""
    english = [json.loads(line)["answer"] for line in (data / "gsm8k/train.jsonl").open()]
    chinese = [line for line in (data / "smilechat_8000/smilechat_2000.jsonl").open()]
    return {
        "stories": data / "stories260K" / "hf",
        "fresh-en": nights.small_model(work / "fresh-en", english),
        "fresh-zh": nights.small_model(work / "fresh-zh", chinese),
    }


def run(case: int, data: Path, work: Path) -> dict[str, Any]:
    """One window, begun in an empty folder."""
    path, model, seconds, words = CASES[case]
    out = work / f"window-{case:02d}"
    shutil.rmtree(out, ignore_errors=True)
    words = (*words, "--within", f"{seconds}s")
    status, took = nights.timed(
        nights.command(data / path, models(data, work)[model], out, *words),
        work / f"window-{case:02d}.log",
    )
    result = {"case": case, "data": path, "model": model, "window": float(seconds), "took": took,
              "words": " ".join(words), "status": status}  # fmt: skip
    return result | nights.told(out)


def row(result: dict[str, Any]) -> str:
    """One line of the table."""
    unused = result["window"] - result["took"]
    base, test, gain = result.get("base"), result.get("test"), result.get("gain")
    shown = " | ".join(f"{one['loss']:.3f}" if one else "-" for one in (base, test))
    paired = f"{gain['loss']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})" if gain else "-"
    return (
        f"| {result['data'].split('/')[-1]} | {result['model']} | {result['words']} | "
        f"{result['took']:.1f} | {unused:.1f} | {100 * unused / result['window']:.0f} % | "
        f"{result['status']} | {(result.get('published') or {}).get('tested', '-')} | "
        f"{result.get('stopped', '-')} | {result.get('steps', '-')} | "
        f"{result.get('rehearsed_pace') or 0:,.0f} | {result.get('pace') or 0:,.0f} | "
        f"{shown} | {paired} |"
    )


def table(results: list[dict[str, Any]]) -> str:
    """The page."""
    overrun = [r for r in results if r["took"] > r["window"]]
    failed = [r for r in results if r["status"] != 0 or not r.get("test")]
    wasted = [
        r for r in results
        if r.get("stopped") != "horizon" and r["window"] - r["took"] > max(8.0, 0.1 * r["window"])
    ]  # fmt: skip
    head = (
        "| data | base | asked | took, s | unused, s | of window | exit | tested | ended by "
        "| steps | "
        "pace rehearsed, tokens/s | pace, tokens/s | base loss | test loss | gain, paired, 95 % |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    return "\n".join((
        "# Windows kept", "", nights.machine(), "",
        f"{len(results)} windows; overrun: {len(overrun)}; without a model or its test loss: "
        f"{len(failed)}; ended by the window with more than 10 % of it (or 8 s) unused: "
        f"{len(wasted)}. Two nights at a time, one thread each. {OVERHEAD} `exit`: the status; "
        "`tested`: the published model was load-tested. `horizon`: the planned epochs were "
        "done. `stories` is a real 260k-parameter Llama, `fresh-*` are untrained 2 M-parameter "
        "ones with a tokenizer made from the data.", "", head,
        *(row(r) for r in results), "", "Repeat: `python bench/windows.py`", "",
    ))  # fmt: skip


def main() -> None:
    """Runs what is missing, then writes the table."""
    given = nights.arguments(__doc__ or "")
    given.work.mkdir(exist_ok=True)
    file = given.work / "windows.jsonl"
    done = {result["case"] for result in nights.remembered(file)}
    for case in nights.mine(len(CASES), given.share) if not given.report else ():
        if case not in done:
            nights.remember(file, run(case, given.data.resolve(), given.work))
            print(row(list(nights.remembered(file))[-1]), flush=True)
    page = table(sorted(nights.remembered(file), key=lambda result: int(result["case"])))
    nights.RESULTS.mkdir(exist_ok=True)
    (nights.RESULTS / "windows.md").write_text(page, "utf-8")
    print(page)


if __name__ == "__main__":
    main()

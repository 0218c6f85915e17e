"""What the bench scripts share: real nights of the installed command, and what they leave behind.

In: data, a model, words of the command line. Out: figures read from the run folder. Never: a
figure that the run did not write itself, except whether the clock on the wall was kept.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"


def arguments(about: str, parts: tuple[str, ...] = ()) -> argparse.Namespace:
    """--data, --work and --report, the same for every script; --part where it has several."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("bench-work"))
    parser.add_argument("--report", action="store_true", help="only write the table")
    parser.add_argument("--share", default="0/1", help="k/n: every n-th case from the k-th on")
    if parts:
        parser.add_argument("--part", choices=parts, default=parts[0])
    return parser.parse_args()


def mine(cases: int, share: str) -> range:
    """The cases of one of several scripts that run side by side."""
    first, every = (int(number) for number in share.split("/"))
    return range(first, cases, every)


def machine() -> str:
    """One line: processor, cores, versions, date."""
    from overnight.probe.hardware import look

    here = look(measure=False)
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "transformers"))
    date = time.strftime("%Y-%m-%d")
    cores = f"{here.name}, {here.cpu_count} cores"
    return f"{cores}, Python {platform.python_version()}, {versions}, {date}"


def small_model(
    folder: Path,
    texts: Iterable[str],
    *,
    positions: int = 1024,
    hidden: int = 128,
    inner: int = 344,
) -> Path:
    """A fresh Llama with a byte-level tokenizer made from `texts`; as it is of 2 M parameters."""
    if (folder / "config.json").exists():
        return folder
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    pieces.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=4096, special_tokens=["<s>", "</s>"],
                                   initial_alphabet=alphabet))  # fmt: skip
    torch.manual_seed(1)
    config = LlamaConfig(vocab_size=4096, hidden_size=hidden, intermediate_size=inner,
                         num_hidden_layers=6, num_attention_heads=4, num_key_value_heads=4,
                         max_position_embeddings=positions, tie_word_embeddings=True,
                         bos_token_id=0, eos_token_id=1)  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=pieces, bos_token="<s>", eos_token="</s>"
                            ).save_pretrained(folder)  # fmt: skip
    return folder


def command(data: Path, model: Path, out: Path, *words: str) -> list[str]:
    """One `overnight train`, as a user would type it."""
    return [sys.executable, "-m", "overnight", "train", str(data), "--model", str(model),
            "--output-dir", str(out), *words]  # fmt: skip


def timed(words: list[str], log: Path) -> tuple[int, float]:
    """Exit status and seconds of a whole command, its words in `log`."""
    begun = time.monotonic()
    with log.open("ab") as file:
        status = subprocess.run(words, stdout=file, stderr=file, stdin=subprocess.DEVNULL,
                                check=False).returncode  # fmt: skip
    return status, time.monotonic() - begun


def events(out: Path, kind: str) -> list[dict[str, Any]]:
    """The journal's events of one kind."""
    lines = (out / "events.jsonl").read_text("utf-8").splitlines()
    return [event for line in lines if (event := json.loads(line))["kind"] == kind]


def told(out: Path) -> dict[str, Any]:
    """What a finished run says of itself."""
    if not (out / "report.json").exists() or not events(out, "Ended"):
        return {}
    report = json.loads((out / "report.json").read_text("utf-8"))
    ended, stopped = events(out, "Ended")[-1], events(out, "Stopped")
    chosen = (events(out, "Chosen") or [{"step": None, "loss": {}, "gain": None}])[-1]
    rehearsed = (events(out, "Rehearsed") or [{"tokens_per_second": None}])[-1]
    steps = events(out, "Stepped")
    return {
        "steps": chosen["step"],
        "base": chosen["loss"].get("base"),
        "test": chosen["loss"].get("test"),
        "gain": chosen["gain"],
        "stopped": stopped[-1]["reason"] if stopped else None,
        "deadline_kept": ended["deadline_kept"],
        "published": next(reversed(events(out, "Published")), None),
        "rehearsed_pace": rehearsed["tokens_per_second"],
        "pace": sum(s["tokens"] for s in steps) / max(sum(s["seconds"] for s in steps), 1e-9),
        "peak_bytes": max((s["peak_bytes"] for s in steps), default=0),
        "estimated_peak_gb": report["estimate"].get("peak_memory_gb"),
    }


def remember(file: Path, result: dict[str, Any]) -> None:
    """Appends one result."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(result) + "\n")


def remembered(file: Path) -> Iterator[dict[str, Any]]:
    """Every result so far."""
    if file.exists():
        yield from map(json.loads, file.read_text("utf-8").splitlines())

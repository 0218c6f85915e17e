"""Whole nights in processes of their own: a model of two layers, sums to learn, the command."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.training import small_tokenizer

from overnight.training import journal
from overnight.values.ledger import Entry

PATIENCE = 120.0
"""Seconds after which a process that should have ended is taken to hang."""
SIXTY_STEPS = ("--set", "max_steps=60", "--set", "save_steps=10",
               "--set", "per_device_train_batch_size=4")  # fmt: skip


@dataclass(frozen=True)
class Small:
    """What a night of seconds learns from, and a folder for its runs."""

    model: Path
    data: Path


def make(folder: Path) -> Small:
    """Writes the model's folder and 240 conversations about sums."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = small_tokenizer.make(small_tokenizer.CHATML)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    write_sums(folder / "sums.jsonl", range(240))
    return Small(folder / "model", folder / "sums.jsonl")


def write_sums(path: Path, numbers: range) -> Path:
    turns = ((f"What is {n} + {n % 7}?", f"It is {n + n % 7}.") for n in numbers)
    rows = [
        {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]}
        for q, a in turns
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def command(small: Small, run: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "overnight", "train", str(small.data),
            "--model", str(small.model), "--output-dir", str(run), *words]  # fmt: skip


def train(small: Small, run: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """The command from its start to its end."""
    return subprocess.run(
        command(small, run, *words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE, check=False, cwd=run.parent,
    )  # fmt: skip


def start(small: Small, run: Path, *words: str) -> "subprocess.Popen[bytes]":
    """The command under way, in a process group of its own; what it says lies in RUN.txt."""
    with open(f"{run}.txt", "ab") as said:
        return subprocess.Popen(
            command(small, run, *words), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True, cwd=run.parent,
        )  # fmt: skip


def wait_until(true: Callable[[], bool], process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Looks every few milliseconds; a process that has ended meanwhile is a failure."""
    ends = time.monotonic() + PATIENCE
    while not true():
        assert process is None or process.poll() is None, "it ended before its time"
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.01)


def told(run: Path, *kinds: type) -> list[Entry]:
    """The journal's entries of these kinds, or all."""
    return [one for one in journal.read(run) if not kinds or isinstance(one.event, kinds)]


def content(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return "Z" not in _state(pid)
    except OSError:
        return False


def _state(pid: int) -> str:
    if sys.platform == "linux":
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    os.kill(pid, 0)
    return ""

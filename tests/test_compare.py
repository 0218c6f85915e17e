"""`overnight compare` as a user types it: a verdict in time, also after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests import small_nights
from tests.small_nights import PATIENCE, Small

from overnight.training import journal
from overnight.values.ledger import Ended
from overnight.values.trials import Sliced, Weighed

SETTINGS = "gradient_accumulation_steps=4+per_device_train_batch_size=2,overnight"


def words(data: Path, model: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "overnight", "compare", str(data), "--model", str(model),
            "--output-dir", str(out), "--seeds", "1", *more]  # fmt: skip


def compare(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE, check=False, cwd=folder)  # fmt: skip


def told(out: Path, kind: type) -> list[journal.Entry]:
    return [one for one in journal.read(out) if isinstance(one.event, kind)]


@pytest.mark.tiny
def test_a_kill_in_the_middle_costs_time_and_nothing_that_was_measured(
    small: Small, tmp_path: Path
) -> None:
    command = words(small.data, small.model, tmp_path / "c", "--settings", SETTINGS,
                    "--within", "24s", "--precision", "fp32")  # fmt: skip
    began = time.monotonic()
    nowhere = subprocess.DEVNULL
    first = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere,
                             start_new_session=True, cwd=tmp_path)  # fmt: skip
    small_nights.wait_until(lambda: len(told(tmp_path / "c", Sliced)) >= 2, first)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    before = told(tmp_path / "c", Sliced)
    done = compare([*command, "--json"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 24.0
    assert told(tmp_path / "c", Sliced)[: len(before)] == before
    answer = json.loads(done.stdout)
    assert [one["name"] for one in answer["settings"]] == SETTINGS.split(",")
    assert all(one["at_time"] for one in answer["settings"]) and answer["verdict"]
    ended = told(tmp_path / "c", Ended)[-1].event
    assert isinstance(ended, Ended) and ended.deadline_kept
    again = compare(command, tmp_path)
    assert again.returncode == 0 and "Held-out loss" in again.stdout


@pytest.mark.tiny
def test_a_window_that_holds_nothing_is_refused_with_the_shortest(
    small: Small, tmp_path: Path
) -> None:
    command = words(small.data, small.model, tmp_path / "c", "--within", "6s")
    done = compare(command, tmp_path)
    assert done.returncode == 3, done.stderr
    assert "overnight: error: " in done.stderr and not (tmp_path / "c").exists()


@pytest.mark.tiny
def test_ctrl_c_ends_it_with_what_is_known(small: Small, tmp_path: Path) -> None:
    command = words(small.data, small.model, tmp_path / "c", "--settings", SETTINGS,
                    "--within", "5m", "--precision", "fp32")  # fmt: skip
    with open(tmp_path / "said", "w") as said:
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                   start_new_session=True, cwd=tmp_path)  # fmt: skip
    small_nights.wait_until(lambda: bool(told(tmp_path / "c", Sliced)), running)
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(PATIENCE) == 4
    assert "Speed and memory" in (tmp_path / "said").read_text()
    assert (tmp_path / "c" / "comparison.json").is_file()


@pytest.mark.tiny
def test_a_real_model_on_real_rows(shared_data: Path, tmp_path: Path) -> None:
    rows = (shared_data / "gsm8k/train.jsonl").read_text("utf-8").splitlines()[:400]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows) + "\n")
    command = words(tmp_path / "rows.jsonl", shared_data / "stories260K/hf", tmp_path / "c",
                    "--settings", "baseline,overnight", "--within", "30s")  # fmt: skip
    began = time.monotonic()
    done = compare(command, tmp_path)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 30.0
    assert "`overnight` is" in done.stdout and told(tmp_path / "c", Weighed)

"""`overnight compare` as a user types it: a verdict in time, also after a kill."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests import small_nights
from tests.small_nights import PATIENCE, Small

from overnight.training import journal
from overnight.values.ledger import Ended
from overnight.values.trials import Sliced, Tried

SETTINGS = "gradient_accumulation_steps=4+per_device_train_batch_size=2,overnight"


def words(data: Path, model: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "overnight", "compare", str(data), "--model", str(model),
            "--output-dir", str(out), "--seeds", "1", *more]  # fmt: skip


def compare(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE, check=False, cwd=folder)  # fmt: skip


def told(out: Path, kind: type) -> list[journal.Entry]:
    return [one for one in journal.read(out) if isinstance(one.event, kind)]


@pytest.fixture(scope="module")
def real(small: Small, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A real model and real rows where they lie beside the checkout, else the small ones."""
    data = root.parent / "shared" / "data"
    if not data.is_dir():
        return small
    rows = (data / "gsm8k/train.jsonl").read_text("utf-8").splitlines()[:400]
    path = tmp_path_factory.mktemp("real") / "rows.jsonl"
    path.write_text("\n".join(rows) + "\n")
    return Small(data / "stories260K/hf", path)


def start(command: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    """The command under way, in a process group of its own; what it says lies in `said`."""
    with open(folder / "said", "ab") as said:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                start_new_session=True, cwd=folder)  # fmt: skip


@pytest.mark.tiny
def test_a_kill_loses_nothing_that_was_measured_and_ctrl_c_tells_what_is_known(
    real: Small, tmp_path: Path, history: Path
) -> None:
    out = tmp_path / "c"
    command = words(real.data, real.model, out, "--settings", SETTINGS, "--within", "2m")
    first = start(command, tmp_path)
    small_nights.wait_until(lambda: bool(told(out, Sliced)), first)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    before = told(out, Sliced)
    again = start(command, tmp_path)
    small_nights.wait_until(lambda: len(told(out, Sliced)) > len(before), again)
    os.killpg(again.pid, signal.SIGINT)
    assert again.wait(PATIENCE) == 4
    after = told(out, Sliced)
    assert after[: len(before)] == before and len(told(out, Tried)) == 2
    said = (tmp_path / "said").read_text()
    assert "Speed and memory" in said and "ended it before everything" in said
    answer = json.loads((out / "comparison.json").read_text("utf-8"))
    assert [one["name"] for one in answer["settings"]] == SETTINGS.split(",")
    assert answer["verdict"] and answer["base_loss"] > 0
    assert isinstance(told(out, Ended)[-1].event, Ended)


@pytest.mark.tiny
def test_a_window_that_holds_nothing_is_refused_and_leaves_nothing(
    small: Small, tmp_path: Path
) -> None:
    done = compare(words(small.data, small.model, tmp_path / "c", "--within", "6s"), tmp_path)
    assert done.returncode == 3, done.stderr
    assert done.stderr.splitlines()[-1].startswith("overnight: error: the window")
    assert not (tmp_path / "c").exists()


@pytest.mark.tiny
def test_what_cannot_be_meant_is_one_line_and_2(small: Small, tmp_path: Path) -> None:
    command = words(small.data, small.model, tmp_path / "c", "--within", "5m", "--settings",
                    "baselin,overnight")  # fmt: skip
    done = compare(command, tmp_path)
    assert done.returncode == 2 and "near: baseline" in done.stderr and not done.stdout
    assert done.stderr.count("\n") == 1 and not (tmp_path / "c").exists()

"""Three real windows, kept: over by the deadline, with a tested model better than the base."""

import json

import pytest
from tests.small_nights import train

from overnight.training import journal
from overnight.values.ledger import Chosen, Ended, Published, Stopped

CASES = {
    "full, the window filled": ("45s", "--priority", "quality"),
    "lora, the window filled": ("45s", "--priority", "quality", "--method", "lora"),
    "single rows, accumulated": (
        "50s", "--set", "per_device_train_batch_size=1", "--set", "gradient_accumulation_steps=8",
        "--priority", "quality"),
}  # fmt: skip


@pytest.mark.tiny
@pytest.mark.alone
@pytest.mark.parametrize("case", CASES)
def test_a_window_is_kept_and_leaves_a_better_model(case, small, tmp_path):
    window, *words = CASES[case]
    run = tmp_path / "run"
    done = train(small, run, "--within", window, *words)
    assert done.returncode == 0, done.stderr
    last = {type(entry.event): entry.event for entry in journal.read(run)}
    assert last[Ended].deadline_kept
    assert last[Published].tested
    assert last[Stopped].reason == "window"
    assert last[Chosen].gain.low > 0
    assert json.loads((run / "report.json").read_text("utf-8"))["estimate"]["fits_in_window"]

"""Two processes take the same steps as one that holds all the rows."""

import pytest
from safetensors.torch import load_file
from tests.small_nights import told, train

from overnight.values.ledger import Saved, Stepped

SAME = ("--precision", "fp32", "--set", "max_steps=8", "--set", "learning_rate=1e-3")


@pytest.mark.tiny
def test_two_processes_equal_one(small, tmp_path):
    for processes, rows in ((1, 8), (2, 4)):
        run = tmp_path / f"run{processes}"
        words = ("--processes", str(processes), "--set", f"per_device_train_batch_size={rows}")
        done = train(small, run, *SAME, *words)
        assert done.returncode == 0, done.stderr
    one, two = tmp_path / "run1", tmp_path / "run2"
    assert [e.event.tokens for e in told(one, Stepped)] == [
        e.event.tokens for e in told(two, Stepped)
    ]
    assert len({entry.event.name for entry in told(two, Saved)}) == len(told(two, Saved))
    names = {path.name for path in (two / "checkpoint-8").iterdir()}
    assert {"rng_state_0.pth", "rng_state_1.pth"} <= names
    assert not list((two / "final").glob("rng_state*"))
    ours, theirs = (load_file(run / "final" / "model.safetensors") for run in (one, two))
    assert all((ours[name] - theirs[name]).abs().max() < 1e-5 for name in ours)

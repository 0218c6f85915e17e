"""Two processes take the same steps as one that holds all the rows, padded or packed."""

import pytest
from safetensors.torch import load_file
from tests.small_nights import told, train

from overnight.values.ledger import Saved, Stepped

SAME = ("--precision", "fp32", "--set", "max_steps=8", "--set", "learning_rate=1e-3")


@pytest.mark.tiny
def test_two_processes_equal_one(small, tmp_path):
    for name, processes, rows in (("one", 1, 8), ("two", 2, 4), ("packed", 2, 4)):
        words = ["--processes", str(processes), "--set", f"per_device_train_batch_size={rows}"]
        words += ["--set", "packing=true"] if name == "packed" else []
        done = train(small, tmp_path / name, *SAME, *words)
        assert done.returncode == 0, done.stderr
    one, two, packed = (tmp_path / name for name in ("one", "two", "packed"))
    tokens = [[entry.event.tokens for entry in told(run, Stepped)] for run in (one, two, packed)]
    assert tokens[0] == tokens[1] == tokens[2]
    assert len({entry.event.name for entry in told(two, Saved)}) == len(told(two, Saved))
    names = {path.name for path in (two / "checkpoint-8").iterdir()}
    assert {"rng_state_0.pth", "rng_state_1.pth"} <= names
    assert not list((two / "final").glob("rng_state*"))
    ours, *others = (load_file(run / "final" / "model.safetensors") for run in (one, two, packed))
    for theirs in others:
        assert all((ours[name] - theirs[name]).abs().max() < 1e-5 for name in ours)

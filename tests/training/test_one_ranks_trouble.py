"""What goes wrong on one of two processes is decided alike on both, and nobody waits for ever."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.training import same_path

pytestmark = pytest.mark.tiny

PROGRAM = """
import json, os, sys
from pathlib import Path

import torch
from tests.training import same_path, tiny
from overnight.control.recovery import smaller
from overnight.training.losses import Head
from overnight.training.room import MemoryGone, OptimizerMemoryGone

GONE = RuntimeError("DefaultCPUAllocator: can't allocate memory")
case = {name: values[0] for name, values in same_path.FACTORS.items()}
case |= {"processes": 2, "micro_batches": 1, "method": "lora", "remainder": False}
session = same_path.live(case, Path(sys.argv[1]))
rank = session.accelerator.process_index
real, broken = Head.token_losses, []


def losses(self, model, batch):
    if broken and rank == 1:
        kind = broken.pop()
        if kind == "nan":
            return real(self, model, batch) * torch.nan
        raise GONE
    return real(self, model, batch)


def exhausted():
    raise GONE


def step():
    try:
        taken = session.step(tiny.RATE)
    except MemoryGone as gone:
        return "gone", gone.tokens > 0
    except OptimizerMemoryGone:
        return "optimizer gone",
    return "taken" if taken.taken else "dropped", taken.loss


Head.token_losses = losses
told = [step()]
for kind in ("memory", "nan"):
    broken[:] = [kind]
    told.append(step())
    session.rebuild(smaller(session.candidate, ran_out=30))
    told.append(step())
broken[:] = ["memory"]
told.append(("largest", session.try_largest() is None, session.try_largest() is None))
broken[:] = ["memory"]
told.append(("looked", session.evaluate(list(range(14)))[0].tolist()))
told.append(step())
if rank == 1:
    session.optimizer.step = exhausted
told.append(step())
Path(f"said-{rank}").write_text(json.dumps(told))
os._exit(0)  # torch's own way out after gloo aborts now and then
"""
EXPECTED = ["taken", "gone", "taken", "dropped", "taken", "largest", "looked", "taken",
            "optimizer gone"]  # fmt: skip


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[list[list[object]]]:
    folder: Path = tmp_path_factory.mktemp("two")
    same_path.write_bases(folder)
    (folder / "two.py").write_text(PROGRAM)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
              "--no-python", "env", f"PYTHONPATH={ROOT}", sys.executable, "two.py",
              str(folder)]  # fmt: skip
    done = subprocess.run(
        launch, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"said-{rank}").read_text()) for rank in (0, 1)]


def test_both_processes_decide_alike(said) -> None:
    assert said[0] == said[1]


def test_memory_a_nan_and_an_optimizer_of_one_process_are_both_processes_own(said) -> None:
    assert [what for what, *_ in said[0]] == EXPECTED


def test_what_ran_out_on_one_is_known_on_the_other_by_its_tokens(said) -> None:
    assert said[0][1] == ["gone", True]
    assert said[0][5] == ["largest", False, True]

"""Two real processes agree, and each knows of the other's trouble."""

import subprocess
import sys

import pytest

from overnight.training import processes
from overnight.values.errors import OvernightError

PROGRAM = """
import torch
from accelerate import Accelerator
from overnight.training import processes

accelerator = Accelerator(cpu=True)
rank = accelerator.process_index
parameter = torch.nn.Parameter(torch.zeros(2))
if rank == 0:
    parameter.grad = torch.ones(2)
processes.sum_gradients([parameter])
told = processes.agreed(accelerator, f"from {rank}")
largest = processes.largest(accelerator, (5, 1) if rank else (0, 9))
brought = processes.random_states(accelerator, {"rank": rank, "state": torch.arange(rank + 1)})
states = [(one["rank"], one["state"].tolist()) for one in brought]
trouble = processes.anywhere(accelerator, rank == 1), processes.anywhere(accelerator, False)
with open(f"said-{rank}", "w") as file:  # two that print at once mix their letters
    print(told, *trouble, parameter.grad.tolist(), largest, states, file=file)
accelerator.end_training()
"""


class Alone:
    num_processes = 1


def test_one_process_agrees_with_itself():
    assert processes.agreed(Alone(), "word") == "word"
    assert [processes.anywhere(Alone(), trouble) for trouble in (True, False)] == [True, False]
    assert processes.largest(Alone(), (5, 1)) == (5, 1)
    assert processes.random_states(Alone(), {"torch": 1}) == [{"torch": 1}]


@pytest.mark.tiny
def test_two_processes_agree_know_each_others_trouble_and_add_their_gradients(tmp_path):
    (tmp_path / "two.py").write_text(PROGRAM)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2",
              "--standalone", "--no-python", sys.executable, "two.py"]  # fmt: skip
    told = subprocess.run(
        launch, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert told.returncode == 0, told.stderr
    said = [(tmp_path / f"said-{rank}").read_text() for rank in (0, 1)]
    assert said == ["from 0 True False [1.0, 1.0] (5, 1) [(0, [0]), (1, [0, 1])]\n"] * 2


def test_a_process_that_is_alone_where_two_were_asked_for_says_so():
    with pytest.raises(OvernightError, match="2 processes were asked for and 1"):
        processes.accelerator("no", 2)

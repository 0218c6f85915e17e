"""Memory that runs out for real: the allocator's refusal, and the kernel's (SIGKILL)."""

import os
import re
import resource
import signal
from pathlib import Path

import pytest
from tests.faults.needs import PATIENCE, the_child
from tests.small_nights import SIXTY_STEPS, Small, start, told, wait_until

from overnight.values.ledger import Ended, Replanned, Resumed, Stepped
from overnight.values.troubles import Crashed, Shrunk

pytestmark = pytest.mark.faults

WEIGHTS = "final/model.safetensors"
ROOM = 48 * 2**20
"""Bytes beyond what is taken when training begins; a step of WIDE takes twice as much."""
WIDE = ("--precision", "fp32", "--set", "max_steps=12", "--set", "per_device_train_batch_size=96",
        "--set", "gradient_accumulation_steps=1", "--set", "save_steps=4")  # fmt: skip


def data_bytes(pid: int) -> int:
    """What RLIMIT_DATA counts of a process by now."""
    found = re.search(r"VmData:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="NOT SHOWN: prlimit(2) is Linux's")
def test_an_allocator_that_refuses_shrinks_the_micro_batch_and_the_night_goes_on(wide, tmp_path):
    run = tmp_path / "run"
    process = start(wide, run, *WIDE)
    wait_until(lambda: bool(told(run, Replanned)), process)
    child = the_child(process.pid)
    most = data_bytes(child) + ROOM
    resource.prlimit(child, resource.RLIMIT_DATA, (most, most))
    assert process.wait(PATIENCE) == 0, Path(f"{run}.txt").read_text()
    shrunk = [one.event for one in told(run, Shrunk)]
    assert shrunk and shrunk[-1].where == "gradients"
    assert [one.event.step for one in told(run, Stepped)] == list(range(1, 13))
    assert not told(run, Crashed)


@pytest.fixture(scope="module")
def killed(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night whose training process alone is killed in its 26th step, its status torn."""
    run = tmp_path_factory.mktemp("killed") / "run"
    process = start(small, run, *SIXTY_STEPS)
    wait_until(lambda: len(told(run, Stepped)) >= 26, process)
    os.kill(the_child(process.pid), signal.SIGKILL)
    (run / "status.json").write_bytes(b'{"state": "trai')
    assert process.wait(PATIENCE) == 0, Path(f"{run}.txt").read_text()
    return run


def test_a_training_process_that_the_kernel_kills_is_started_again_by_itself(killed: Path):
    (crashed,) = told(killed, Crashed)
    assert crashed.event.why == "killed by SIGKILL"
    assert told(killed, Resumed)[0].event.step > 0
    assert told(killed, Ended)[-1].event.exit_status == 0


def test_after_it_the_weights_are_those_of_an_undisturbed_night(killed: Path, finished: Path):
    assert (killed / WEIGHTS).read_bytes() == (finished / WEIGHTS).read_bytes()


def test_a_torn_status_is_replaced(killed: Path):
    assert '"finished"' in (killed / "status.json").read_text()

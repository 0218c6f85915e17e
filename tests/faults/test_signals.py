"""SIGTERM and Ctrl-C in phases that other tests leave out: loading, publishing, twice."""

import os
import signal
from pathlib import Path

import pytest
from tests.faults.needs import the_child
from tests.small_nights import SIXTY_STEPS, Small, alive, start, told, train, wait_until

from overnight.values.ledger import Ended, Prepared, Started, Stepped, Stopped

pytestmark = pytest.mark.faults

WEIGHTS = "final/model.safetensors"
GRACE = 30.0


def test_sigterm_while_it_loads_leaves_a_night_that_the_same_command_goes_on_with(
    small: Small, finished: Path, tmp_path: Path
):
    run = tmp_path / "run"
    process = start(small, run, *SIXTY_STEPS)
    wait_until(lambda: bool(told(run, Started)), process)
    the_child(process.pid)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(GRACE) == 4
    assert not told(run, Prepared)
    assert "Traceback" not in Path(f"{run}.txt").read_text()
    again = train(small, run, *SIXTY_STEPS)
    assert again.returncode == 0, again.stderr
    assert (run / WEIGHTS).read_bytes() == (finished / WEIGHTS).read_bytes()


def test_sigterm_while_it_publishes_leaves_the_published_model(small, finished, tmp_path):
    run = tmp_path / "run"
    process = start(small, run, *SIXTY_STEPS)
    wait_until(lambda: bool(told(run, Stopped)), process)
    the_child(process.pid, "_publish")
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(GRACE) == 0
    assert (run / WEIGHTS).read_bytes() == (finished / WEIGHTS).read_bytes()


def test_ctrl_c_twice_leaves_at_once_and_nothing_is_lost(small, finished, tmp_path):
    run = tmp_path / "run"
    process = start(small, run, *SIXTY_STEPS)
    wait_until(lambda: len(told(run, Stepped)) >= 25, process)
    child = the_child(process.pid)
    os.kill(child, signal.SIGSTOP)  # it saves and ends too quickly to be left otherwise
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        wait_until(lambda: _heard(run) or process.poll() is not None)
    assert process.wait(GRACE) == 4
    assert not alive(child)
    assert told(run, Ended)[-1].event.why == "left at once"
    again = train(small, run, *SIXTY_STEPS)
    assert again.returncode == 0, again.stderr
    assert (run / WEIGHTS).read_bytes() == (finished / WEIGHTS).read_bytes()


def _heard(run: Path) -> bool:
    return "once more leaves at once" in Path(f"{run}.txt").read_text()

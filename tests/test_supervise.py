"""Nights that are killed, hung, interrupted, too short: real processes, the real command."""

import json
import os
import signal
from pathlib import Path

import psutil
import pytest
from tests.small_nights import (
    SIXTY_STEPS,
    Small,
    alive,
    start,
    told,
    train,
    wait_until,
)

from overnight import supervise
from overnight.probe.clock import SystemClock
from overnight.training import journal
from overnight.values.ledger import (
    Chosen,
    Ended,
    Promoted,
    Published,
    Resumed,
    Saved,
    Started,
    Stepped,
    Stopped,
)
from overnight.values.troubles import Crashed

MANY_STEPS = ("--set", "max_steps=200", "--set", "save_steps=50", "--set", "eval_steps=50",
              "--set", "per_device_train_batch_size=4")  # fmt: skip
FORTY_SECONDS = ("--within", "40s", "--set", "max_steps=9999", "--set", "save_steps=5",
                 "--set", "eval_steps=5", "--set", "per_device_train_batch_size=4")  # fmt: skip
WEIGHTS = "final/model.safetensors"


def steps(run: Path) -> list[int]:
    return [one.event.step for one in told(run, Stepped)]


def ending(run: Path) -> Ended:
    event = told(run)[-1].event
    assert isinstance(event, Ended)
    return event


def the_child(supervisor: int) -> int:
    """Process id of the training process."""
    return psutil.Process(supervisor).children()[0].pid


@pytest.fixture(scope="module")
def killed(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The night of sixty steps, killed whole in its 27th and started again."""
    run = tmp_path_factory.mktemp("killed") / "run"
    process = start(small, run, *SIXTY_STEPS)
    wait_until(lambda: len(steps(run)) >= 27, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = train(small, run, *SIXTY_STEPS)
    assert done.returncode == 0, done.stderr
    return run


@pytest.mark.tiny
def test_a_night_killed_whole_goes_on_from_its_last_checkpoint(killed: Path):
    (resumed,) = told(killed, Resumed)
    before = [one.event.step for one in told(killed, Saved) if one.t < resumed.t]
    assert resumed.event.step >= max(before) > 0
    assert resumed.event.name == f"checkpoint-{resumed.event.step}"
    after = [one.event.step for one in told(killed, Stepped) if one.t > resumed.t]
    assert after == list(range(resumed.event.step + 1, 61))
    assert ending(killed).exit_status == 0


@pytest.mark.tiny
def test_a_night_killed_whole_ends_with_the_weights_of_an_undisturbed_one(killed, finished):
    assert (killed / WEIGHTS).read_bytes() == (finished / WEIGHTS).read_bytes()


@pytest.mark.tiny
def test_a_night_killed_whole_chooses_by_the_same_figures(killed: Path, finished: Path):
    mine, theirs = told(killed, Chosen)[-1], told(finished, Chosen)[-1]
    assert mine.event == theirs.event


@pytest.fixture(scope="module")
def interrupted(small: Small, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A night of 200 steps after Ctrl-C in its 15th; what a second one said meanwhile."""
    run = tmp_path_factory.mktemp("interrupted") / "run"
    process = start(small, run, *MANY_STEPS)
    wait_until(lambda: bool(told(run, Started)), process)
    second = train(small, run, *MANY_STEPS)
    assert second.returncode == 2
    wait_until(lambda: len(steps(run)) >= 15, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to all of them
    assert process.wait(60.0) == 4
    return run, second.stderr


@pytest.mark.tiny
def test_a_second_night_in_the_same_folder_is_refused(interrupted: tuple[Path, str]):
    run, second = interrupted
    (line,) = second.splitlines()
    assert line.startswith(f"overnight: error: another night is running in {run} (process ")
    assert line.endswith("; wait for it, or name this one with --name")


@pytest.mark.tiny
def test_ctrl_c_saves_and_publishes_and_the_same_command_goes_on(small: Small, interrupted):
    run, _ = interrupted
    stopped = told(run, Stopped)[-1].event
    assert stopped.reason == "signal"
    assert (run / f"checkpoint-{stopped.step}").is_dir()
    assert (ending(run).exit_status, ending(run).why) == (4, "signal")
    assert (run / WEIGHTS).exists()
    assert json.loads((run / "status.json").read_text())["state"] == "stopped"
    done = train(small, run, *MANY_STEPS)
    assert done.returncode == 0, done.stderr
    assert steps(run) == list(range(1, 201))
    assert ending(run).exit_status == 0
    assert json.loads((run / "status.json").read_text())["state"] == "finished"


@pytest.fixture(scope="module")
def hung(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night whose training process stands still after its first promoted step."""
    run = tmp_path_factory.mktemp("hung") / "run"
    process = start(small, run, *FORTY_SECONDS)
    wait_until(lambda: any(one.event.step > 0 for one in told(run, Promoted)), process)
    child = the_child(process.pid)
    os.kill(child, signal.SIGSTOP)
    assert process.wait(90.0) == 4
    assert not alive(child)
    return run


@pytest.mark.tiny
def test_a_child_that_hangs_is_ended_and_the_last_good_one_is_published_in_time(hung: Path):
    (crashed,) = told(hung, Crashed)
    assert crashed.event.why == supervise.TOO_LATE
    published = told(hung, Published)[-1].event
    assert published.name == told(hung, Promoted)[-1].event.name
    assert ending(hung).deadline_kept
    begun = journal.started(told(hung))
    assert begun is not None and begun.deadline_utc is not None
    assert told(hung)[-1].utc <= begun.deadline_utc
    assert (hung / WEIGHTS).exists()


@pytest.mark.tiny
def test_after_the_deadline_the_same_command_trains_nothing_and_tests_what_it_leaves(small, hung):
    before, weights = steps(hung), (hung / WEIGHTS).read_bytes()
    wait_until(lambda: SystemClock().utc() > told(hung, Started)[0].event.deadline_utc)
    done = train(small, hung, *FORTY_SECONDS)
    assert done.returncode == 4
    assert "--renew grants 40 s again" in done.stdout
    assert steps(hung) == before
    assert told(hung, Published)[-1].event.tested
    assert (hung / WEIGHTS).read_bytes() == weights


@pytest.mark.tiny
@pytest.mark.parametrize("window", ["3s", "8s"])
def test_a_window_that_is_too_short_is_refused_with_one_that_works(small, tmp_path, window: str):
    done = train(small, tmp_path / "run", "--within", window)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"overnight: error: a window of {window[0]}.0 s leaves no time")
    assert "the shortest that works is about" in line
    assert not (tmp_path / "run").exists()

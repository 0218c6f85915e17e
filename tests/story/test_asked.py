"""What a training process is asked, and how soon it answers."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.fakes import FakeClock
from tests.small_nights import wait_until
from tests.training.nights import start, stepped

from overnight.control.deadline import ASKED
from overnight.story.asked import LEAVE_SECONDS, LOOK_SECONDS, Asked, left_over, still
from overnight.values.ledger import Ended, Entry, Event, Replanned

posix = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


@pytest.fixture
def asked(tmp_path: Path, clock: FakeClock) -> Asked:
    found = Asked(tmp_path, clock)
    found.phase = "training"
    return found


def told(*events: Event) -> list[Entry]:
    return [Entry(t=float(t), utc=0.0, event=event) for t, event in enumerate(events)]


def replanned(why: str) -> Replanned:
    return Replanned(step=5, horizon=6, anchor_step=5, anchor_progress=0.5, warmup_steps=1, why=why)


def test_nobody_asks_for_anything(asked: Asked):
    assert asked.take() == "" and not asked.leaving()
    assert asked.waits() == float("inf")


def test_a_file_named_stop_asks_for_an_end_until_it_comes(asked: Asked, tmp_path: Path):
    (tmp_path / "stop").touch()
    assert [asked.take() for _ in range(3)] == ["stop"] * 3
    assert not (tmp_path / "stop").exists()
    assert not asked.leaving()
    asked.go_on()
    assert asked.take() == ""


def test_a_file_named_save_asks_for_one_checkpoint(asked: Asked, tmp_path: Path):
    (tmp_path / "save").touch()
    assert [asked.take() for _ in range(2)] == ["save", ""]
    assert not (tmp_path / "save").exists()


def test_a_look_at_held_out_rows_takes_no_wish_away(asked: Asked, tmp_path: Path):
    (tmp_path / "save").touch()
    assert not asked.leaving()
    assert asked.take() == "save"


def test_the_folder_is_not_looked_at_for_every_step(asked: Asked, clock: FakeClock, tmp_path):
    asked.take()
    (tmp_path / "stop").touch()
    assert asked.take() == ""
    clock.advance(LOOK_SECONDS)
    assert asked.take() == "stop"


def test_of_several_processes_only_the_first_looks(tmp_path: Path, clock: FakeClock):
    (tmp_path / "stop").touch()
    assert Asked(tmp_path, clock, main=False).take() == ""
    assert (tmp_path / "stop").exists()


def test_a_look_at_many_rows_gives_signs_of_life(asked: Asked, clock: FakeClock, tmp_path: Path):
    status = tmp_path / "status.json"
    status.write_text("{}")
    seen = set()
    for _ in range(10):
        os.utime(status, (0, 0))
        asked.leaving()
        seen.add(status.stat().st_mtime > 0)
        clock.advance(1.0)
    assert seen == {True, False}


def test_a_signal_comes_before_every_file(asked: Asked, tmp_path: Path):
    (tmp_path / "stop").touch()
    asked.heard(signal.SIGINT)
    assert asked.take() == "signal" and asked.leaving()


def test_ctrl_c_has_somebody_who_waits_and_sigterm_has_not(asked: Asked, clock: FakeClock):
    asked.heard(signal.SIGINT)
    assert asked.waits() == float("inf")
    asked.heard(signal.SIGTERM)
    clock.advance(2.0)
    assert asked.waits() == pytest.approx(LEAVE_SECONDS - 2.0)


def test_what_was_asked_of_a_process_that_is_gone_is_taken_away_and_said(tmp_path: Path):
    assert left_over(tmp_path) == ""
    for name in ("stop", "extend"):
        (tmp_path / name).touch()
    assert left_over(tmp_path) == f"{tmp_path / 'stop'}: asked before this start, taken away"
    assert list(tmp_path.iterdir()) == []


def test_a_night_that_was_annealing_when_it_died_goes_on_annealing(clock: FakeClock):
    begun = start(clock)
    assert still(told(begun, replanned(ASKED), stepped(6)))
    assert not still(told(begun, replanned("the pace has moved"), stepped(6)))


def test_a_night_that_was_stopped_and_is_started_again_goes_on(clock: FakeClock):
    begun = start(clock)
    ended = Ended(exit_status=4, why="stop", deadline_kept=True)
    assert not still(told(begun, replanned(ASKED), ended))
    assert not still(told(begun, replanned(ASKED), ended, begun))


PROCESS = """
import sys, time
from pathlib import Path
from overnight.probe.clock import SystemClock
from overnight.story.asked import Asked
asked = Asked(Path(sys.argv[1]), SystemClock())
asked.listen()
asked.phase = sys.argv[2]
Path(sys.argv[1], "ready").touch()
{busy}
"""
ASLEEP = "time.sleep(600)"
ASKS = "\nwhile asked.take() != 'signal': time.sleep(0.01)\nsys.exit(7)"
SORTS = "import hashlib; hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)"


def answer(folder: Path, phase: str, busy: str, number: int) -> tuple[int, float]:
    """How a process in this phase ends after a signal, and within how many seconds."""
    program = PROCESS.format(busy=busy)
    process = subprocess.Popen([sys.executable, "-c", program, str(folder), phase])
    wait_until((folder / "ready").exists, process)
    begun = time.monotonic()
    process.send_signal(number)
    return process.wait(60.0), time.monotonic() - begun


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("phase", ["preparing", "safe"])
def test_with_nothing_to_lose_it_leaves_at_once(tmp_path: Path, phase: str, number: int):
    assert answer(tmp_path, phase, ASLEEP, number)[0] == 4


@posix
def test_it_leaves_at_once_also_where_it_is_deep_in_a_library(tmp_path: Path):
    assert answer(tmp_path, "preparing", SORTS, signal.SIGTERM)[0] == 4


@posix
def test_while_it_trains_the_loop_is_told(tmp_path: Path):
    assert answer(tmp_path, "training", ASKS, signal.SIGTERM)[0] == 7


@posix
def test_a_step_that_does_not_end_is_left_before_the_grace_is_over(tmp_path: Path):
    status, took = answer(tmp_path, "training", SORTS, signal.SIGTERM)
    assert status == 4
    assert took > LEAVE_SECONDS - 0.5

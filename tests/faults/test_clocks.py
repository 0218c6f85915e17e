"""Nights over which the machine sleeps, its clock is set, or summer time ends.

The machine's own clock is never touched: it is a fake one, or that of a time namespace.
"""

import os
import signal
import subprocess
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.fakes import FakeClock
from tests.faults.needs import later
from tests.small_nights import command, start, told, wait_until

from overnight.control.deadline import Deadline
from overnight.probe.clock import parse_instant
from overnight.story import begin
from overnight.values.decisions import Stop
from overnight.values.ledger import Ended, Promoted, Published, Stepped
from overnight.values.request import Request, Window

pytestmark = pytest.mark.faults

HOUR = 3600.0
DAY = 24 * HOUR
TEN_MINUTES = ("--within", "10m", "--set", "max_steps=9999", "--set", "save_steps=5",
               "--set", "eval_steps=5", "--set", "per_device_train_batch_size=4")  # fmt: skip
NIGHT = Request(data="chats.jsonl", model="base", window=Window(seconds=10 * HOUR, label="10h"))


def begun(folder: Path, clock: FakeClock, request: Request = NIGHT) -> begin.Night:
    return begin.night(request, folder, clock, renew=False)


def at_the_beginning(clock: FakeClock, ends_at: float) -> Deadline:
    return Deadline(started_at=clock.boot(), ends_at=ends_at, steps_wanted=None,
                    tokens_per_step=1.0, publish_seconds=10.0, horizon=10_000)  # fmt: skip


def test_a_machine_that_slept_over_its_deadline_in_a_restart_trains_no_more(small, tmp_path):
    asleep, run = later(HOUR), tmp_path / "run"
    process = start(small, run, *TEN_MINUTES)
    wait_until(lambda: any(one.event.step > 0 for one in told(run, Promoted)), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = len(told(run, Stepped))
    again = subprocess.run(
        [*asleep, *command(small, run, *TEN_MINUTES)], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert again.returncode == 4, again.stderr
    assert "its deadline has passed; --renew grants 10 m 00 s again from now" in again.stdout
    assert len(told(run, Stepped)) == before
    assert told(run, Published)[-1].event.tested
    assert told(run, Ended)[-1].t > HOUR


def test_a_machine_that_sleeps_over_its_deadline_stops_at_its_next_look(tmp_path: Path):
    clock = FakeClock()
    night = begun(tmp_path / "run", clock)
    assert night.ends_at is not None
    course = at_the_beginning(clock, night.ends_at)
    assert not isinstance(course.decide(clock.boot()), Stop)
    clock.advance(11 * HOUR)
    assert course.decide(clock.boot()) == Stop(reason="window")


def test_sleep_counts_and_what_is_left_is_kept(tmp_path: Path):
    clock = FakeClock()
    first = begun(tmp_path / "run", clock)
    clock.advance(6 * HOUR)
    again = begun(tmp_path / "run", clock)
    assert again.ends_at == first.ends_at
    assert first.ends_at is not None and first.ends_at - clock.boot() <= 4 * HOUR


@pytest.mark.parametrize("jump", [-DAY, DAY])
@pytest.mark.parametrize("restart", ["the same boot", "a reboot"])
def test_a_clock_that_is_set_by_a_day_never_makes_a_night_longer(tmp_path, jump, restart):
    clock = FakeClock()
    begun(tmp_path / "run", clock)
    clock.advance(HOUR)
    clock.set_wall(clock.utc() + jump)
    if restart == "a reboot":
        clock.reboot(down_seconds=0.0)
    again = begun(tmp_path / "run", clock)
    assert again.ends_at is not None
    assert again.ends_at - clock.boot() <= 10 * HOUR


@pytest.mark.parametrize(
    ("zone", "evening", "hours"),
    [
        ("Europe/Berlin", (2026, 10, 24, 22), 11.0),
        ("Europe/Berlin", (2027, 3, 27, 22), 9.0),
        ("America/New_York", (2026, 10, 31, 22), 11.0),
        ("Australia/Lord_Howe", (2027, 4, 3, 22), 10.5),
        ("Asia/Kolkata", (2026, 10, 24, 22), 10.0),
    ],
)
def test_a_night_until_eight_is_as_long_as_it_is(tmp_path: Path, zone, evening, hours):
    there = ZoneInfo(zone)
    clock = FakeClock(utc=datetime(*evening, tzinfo=there).timestamp())
    ends = parse_instant("sun 8am", now_utc=clock.utc(), zone=there)
    asked = Request(data="chats.jsonl", model="base", window=Window(ends_utc=ends, label="sun 8am"))
    night = begun(tmp_path / "run", clock, asked)
    assert night.ends_at == pytest.approx(clock.boot() + hours * HOUR, abs=1e-3)

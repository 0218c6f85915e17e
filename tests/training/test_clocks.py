"""What the journal makes of clocks that jump, sleep and begin anew."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes import FakeClock
from tests.training.nights import begun, start

from overnight.training.clocks import deadline_boot
from overnight.training.journal import Journal
from overnight.values.ledger import Entry, Noted

NOTE = Noted(text="a line")


def test_time_goes_on_over_a_restart_and_over_sleep(tmp_path: Path, clock: FakeClock) -> None:
    begun(tmp_path, clock).close()
    clock.advance(500.0)
    clock.set_wall(0.0)
    with Journal.open(tmp_path, clock) as one:
        assert one.append(NOTE).t == 500.0


def test_after_a_reboot_time_is_counted_by_utc(tmp_path: Path, clock: FakeClock) -> None:
    begun(tmp_path, clock).close()
    clock.advance(40.0)
    clock.reboot(down_seconds=60.0)
    with Journal.open(tmp_path, clock) as one:
        assert one.append(NOTE).t == 100.0


def test_after_a_reboot_with_the_clock_set_back_time_never_runs_backwards(
    tmp_path: Path, clock: FakeClock
) -> None:
    with begun(tmp_path, clock) as one:
        clock.advance(40.0)
        one.append(NOTE)
    clock.reboot()
    clock.set_wall(clock.utc() - 86_400.0)
    with Journal.open(tmp_path, clock) as one:
        clock.advance(2.0)
        assert one.append(NOTE).t == 42.0


def test_a_night_without_a_deadline_has_none(clock: FakeClock) -> None:
    assert deadline_boot(start(clock, window=None), clock) is None


def test_the_deadline_stands_still_on_the_boot_clock(clock: FakeClock) -> None:
    night = start(clock, window=100.0)
    clock.advance(30.0)
    assert deadline_boot(night, clock) == 1_100.0


@pytest.mark.parametrize("jump", [-86_400.0, -3_600.0, -1.0])
def test_a_clock_set_back_never_extends_the_night(clock: FakeClock, jump: float) -> None:
    night = start(clock, window=100.0)
    clock.set_wall(clock.utc() + jump)
    assert deadline_boot(night, clock) == 1_100.0


def test_a_clock_set_forward_brings_the_instant_nearer(clock: FakeClock) -> None:
    night = start(clock, window=100.0)
    clock.set_wall(clock.utc() + 60.0)
    assert deadline_boot(night, clock) == 1_040.0


def test_a_window_alone_is_counted_without_utc(clock: FakeClock) -> None:
    night = replace(start(clock, window=100.0), deadline_utc=None)
    clock.set_wall(0.0)
    assert deadline_boot(night, clock) == 1_100.0


def test_after_a_reboot_the_deadline_is_the_same_instant(clock: FakeClock) -> None:
    night = start(clock, window=100.0)
    clock.advance(30.0)
    clock.reboot(down_seconds=20.0)
    assert deadline_boot(night, clock) == 50.0


def test_after_a_reboot_with_the_clock_set_back_the_journal_bounds_the_night(
    clock: FakeClock,
) -> None:
    night = start(clock, window=100.0)
    clock.advance(30.0)
    last = Entry(t=30.0, utc=clock.utc(), event=NOTE)
    clock.reboot()
    clock.set_wall(clock.utc() - 86_400.0)
    assert deadline_boot(night, clock, last=last) == 70.0


def test_in_the_same_boot_a_stamp_of_a_wrong_clock_ends_nothing(clock: FakeClock) -> None:
    night = start(clock, window=100.0)
    clock.advance(10.0)
    wrong = Entry(t=10.0, utc=clock.utc() + 86_400.0, event=NOTE)
    assert deadline_boot(night, clock, last=wrong) == 1_100.0

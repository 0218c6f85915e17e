"""Clocks that are set, machines that sleep: what is told, and what is believed."""

import pytest

from overnight.control.jumps import Jumps, Reading
from overnight.values.troubles import Jumped

HOUR, DAY = 3600.0, 86_400.0
START = Reading(wall=1_800_000_000.0, boot=1_000.0, awake=900.0)


class Machine:
    """Three clocks to turn by hand, looked at after every turn."""

    def __init__(self) -> None:
        self.at = START
        self.jumps = Jumps(last=START)
        self.believed = 0

    def goes_on(self, seconds: float, *, set_by: float = 0.0, slept: float = 0.0) -> Jumped | None:
        self.at = Reading(
            wall=self.at.wall + seconds + set_by,
            boot=self.at.boot + seconds,
            awake=self.at.awake + seconds - slept,
        )
        self.jumps, told, holds = self.jumps.after(self.at)
        self.believed += holds
        return told


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_clocks_that_agree_say_nothing(machine: Machine):
    assert all(machine.goes_on(0.05) is None for _ in range(100))
    assert machine.believed == 0


def test_a_clock_that_is_slewed_is_not_set(machine: Machine):
    assert all(machine.goes_on(10.0, set_by=0.005) is None for _ in range(5_000))
    assert machine.believed == 0


@pytest.mark.parametrize("by", [-DAY, -HOUR, -2.5, 2.5, HOUR, DAY, 56 * 365 * DAY])
def test_a_clock_that_is_set_is_told_once(machine: Machine, by: float):
    told = machine.goes_on(1.0, set_by=by)
    assert told is not None and told.wall_seconds == pytest.approx(by)
    assert machine.goes_on(1.0) is None


def test_sleep_is_told_and_is_no_jump(machine: Machine):
    assert machine.goes_on(2 * HOUR, slept=2 * HOUR - 1) == Jumped(
        wall_seconds=0.0, slept_seconds=pytest.approx(2 * HOUR - 1)
    )
    assert machine.believed == 0


def test_a_forward_jump_is_believed_once_it_has_held(machine: Machine):
    machine.goes_on(1.0, set_by=HOUR)
    for _ in range(29):
        machine.goes_on(1.0)
        assert machine.believed == 0
    machine.goes_on(1.0)
    assert machine.believed == 1
    machine.goes_on(100.0)
    assert machine.believed == 1


def test_a_forward_jump_that_is_taken_back_was_a_mistake(machine: Machine):
    machine.goes_on(1.0, set_by=DAY)
    machine.goes_on(20.0, set_by=-DAY)
    machine.goes_on(60.0)
    assert machine.believed == 0


def test_a_clock_set_back_is_never_believed(machine: Machine):
    machine.goes_on(1.0, set_by=-HOUR)
    machine.goes_on(60.0)
    assert machine.believed == 0


def test_a_second_jump_forward_waits_anew(machine: Machine):
    machine.goes_on(1.0, set_by=HOUR)
    machine.goes_on(20.0, set_by=HOUR)
    machine.goes_on(20.0)
    assert machine.believed == 0
    machine.goes_on(20.0)
    assert machine.believed == 1

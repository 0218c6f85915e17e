"""A child that is dead and one that is only slow, by a fake clock."""

import os
from pathlib import Path

import pytest
from tests.fakes import FakeClock

from overnight.story.vigil import (
    BUSY,
    BUSY_PREPARING,
    LEAST_SILENCE,
    MOST_BETWEEN,
    PREPARING,
    WORK_SECONDS,
    Vigil,
    processor_seconds,
)


class Night:
    """A child as its supervisor sees it: files that grow, a processor that is used or not."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.folder = FakeClock(), folder
        self.processor = 0.0
        self.vigil = Vigil(folder, self.clock, lambda: self.processor)
        self.lines = 0

    def sign(self) -> None:
        self.lines += 1
        (self.folder / "events.jsonl").write_text("x\n" * self.lines)

    def silent(self, seconds: float, *, training: bool = True, computes: bool = False) -> str:
        """So long without a sign, looked at every second; what is said at its end, or before."""
        said = ""
        for _ in range(round(seconds)):
            self.clock.advance(1.0)
            self.processor += 0.5 if computes else 0.0
            said = self.vigil.look(training=training)
            if said:
                break
        return said

    def steps(self, count: int, seconds: float) -> None:
        for _ in range(count):
            assert self.silent(seconds, computes=True) == ""
            self.sign()


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path)


def test_a_child_that_stands_still_is_found_out_after_two_minutes_and_a_half(night: Night):
    night.steps(10, 2)
    assert night.silent(LEAST_SILENCE + WORK_SECONDS - 2) == ""
    assert night.silent(10) == "no sign of life for 2 m 30 s"


def test_slow_steps_are_given_ten_times_the_longest_of_them(night: Night):
    night.steps(3, 60)
    assert night.silent(625) == ""
    assert night.silent(10) == "no sign of life for 10 m 30 s"


def test_a_child_that_computes_is_given_five_times_longer(night: Night):
    night.steps(10, 2)
    assert night.silent(BUSY * LEAST_SILENCE - 2, computes=True) == ""
    assert night.silent(10, computes=True).startswith("no sign of life for 10 m")


def test_a_step_that_takes_far_longer_than_any_before_is_not_ended_while_it_computes(night: Night):
    night.steps(100, 1)
    assert night.silent(500, computes=True) == ""
    night.sign()
    assert night.silent(4_000, computes=True) == ""


def test_before_the_first_step_it_is_given_half_an_hour(night: Night):
    assert night.silent(PREPARING + WORK_SECONDS - 2, training=False) == ""
    assert night.silent(10, training=False) == "no sign of life for 30 m 30 s"


def test_a_large_file_is_tokenised_for_hours(night: Night):
    half_a_day = round(BUSY_PREPARING * PREPARING)
    assert night.silent(half_a_day - 5, training=False, computes=True) == ""


def test_a_renewed_status_is_a_sign_too(night: Night):
    night.steps(10, 2)
    for at in range(60):
        (night.folder / "status.json").write_text(str(at))
        assert night.silent(100) == ""


def test_what_nobody_was_awake_for_does_not_count(night: Night):
    night.steps(10, 2)
    for _ in range(int(LEAST_SILENCE / MOST_BETWEEN) - 2):
        night.clock.sleep(7 * 3600.0)
        assert night.vigil.look(training=True) == ""


def test_a_long_silence_while_it_prepared_makes_nobody_patient_later(night: Night):
    assert night.silent(1_000, training=False, computes=True) == ""
    night.sign()
    assert night.vigil.look(training=False) == ""
    night.steps(5, 1)
    assert night.silent(160) != ""


def test_a_child_that_computes_now_and_then_lives(night: Night):
    night.steps(10, 2)
    for _ in range(20):
        assert night.silent(20) == ""
        assert night.silent(5, computes=True) == ""


def test_a_process_that_is_gone_has_taken_nothing():
    assert processor_seconds(2**22 + 1) == 0.0


def test_a_process_that_lives_has_taken_something():
    assert processor_seconds(os.getpid()) > 0.0

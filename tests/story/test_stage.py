"""What is alive, and the two times that everybody asks it for."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.fakes import FakeClock
from tests.report import samples
from tests.training.nights import start

from overnight.story.stage import Stage
from overnight.story.teller import Teller
from overnight.training.journal import Journal
from overnight.values.plan import MemoryEstimate


@pytest.fixture
def stage(tmp_path: Path, clock: FakeClock):
    unused: Any = None
    with Journal.open(tmp_path, clock) as written:
        teller = Teller(tmp_path, written, clock, [written.note_start(start(clock))])
        yield Stage(teller, unused, unused, unused, unused, unused)


def test_the_first_start_stays_where_it_was_while_time_goes_by(stage: Stage, clock: FakeClock):
    clock.advance(500.0)
    assert stage.now == clock.boot()
    assert stage.started_at == pytest.approx(1_000.0, abs=1e-3)


def test_the_first_start_lies_before_this_boot_where_the_night_is_older(stage, clock, tmp_path):
    clock.advance(500.0)
    clock.reboot(down_seconds=60.0)
    with Journal.open(tmp_path, clock) as written:
        stage.teller.journal = written
        assert stage.started_at == pytest.approx(-560.0, abs=1e-3)


def test_nobody_asks_a_new_stage_to_stop_and_it_begins_with_the_rehearsal(stage: Stage):
    assert stage.wanted() == ""
    assert stage.rehearsing and stage.steps == []


@pytest.mark.parametrize(
    ("device", "limit", "processes", "tight"),
    [
        ("cpu", 100, 1, False),
        ("cpu", 99, 1, True),
        ("cpu", 100, 2, True),
        ("cuda", 10_000, 1, True),
    ],
)
def test_the_fullest_step_is_tried_where_memory_may_be_short(
    stage: Stage, device: str, limit: int, processes: int, tight: bool
):
    stage.found = SimpleNamespace(hardware=SimpleNamespace(device=device))
    stage.plan = replace(samples.PLAN, memory=MemoryEstimate(parts={"weights": 25}),
                         memory_limit_bytes=limit,
                         candidate=replace(samples.CANDIDATE, processes=processes))  # fmt: skip
    assert stage.tight == tight

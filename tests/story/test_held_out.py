"""How many held-out rows a window allows, and the base model's losses through a resumption."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.fakes import FakeClock

from overnight.story import held_out
from overnight.training import sealed


class Stage(SimpleNamespace):
    """A stage whose evaluations take a tenth of a second a row."""

    @property
    def now(self) -> float:
        return self.clock.boot()


@pytest.fixture
def stage(tmp_path: Path) -> Any:
    clock, notes = FakeClock(), []
    parts = {"select": tuple(range(100, 400)), "test": tuple(range(400, 700))}
    session = SimpleNamespace(
        agreed=lambda value: value,
        evaluate=lambda rows: clock.advance(0.1 * len(rows)),
        corpus=SimpleNamespace(learnt=np.arange(1000)),
    )
    keeper = SimpleNamespace(held_out=parts, rows={})
    teller = SimpleNamespace(main=True, run_folder=tmp_path, note=notes.append, notes=notes)
    return Stage(clock=clock, session=session, keeper=keeper, teller=teller, ends_at=None,
                 started_at=clock.boot())  # fmt: skip


def sizes(stage: Any) -> set[int]:
    return {len(rows) for rows in stage.keeper.held_out.values()}


def in_window(stage: Any, seconds: float) -> Any:
    stage.ends_at = stage.started_at + seconds
    return stage


def test_without_a_window_every_row_is_looked_at(stage: Any):
    held_out.limit(stage)
    assert sizes(stage) == {300}


def test_in_a_short_window_a_look_may_cost_its_share(stage: Any):
    held_out.limit(in_window(stage, 1000.0))
    assert sizes(stage) == {150}  # 1.5 % of 1,000 s at 0.1 s a row


def test_never_are_there_fewer_than_twenty_rows(stage: Any):
    held_out.limit(in_window(stage, 10.0))
    assert sizes(stage) == {held_out.LEAST_ROWS}


def test_a_long_window_cuts_nothing(stage: Any):
    held_out.limit(in_window(stage, 1e6))
    assert sizes(stage) == {300}


def remember(stage: Any, count: int) -> None:
    """The base was measured on the first `count` rows of both parts."""
    for part in stage.keeper.held_out:
        stage.keeper.rows[part, True] = (np.linspace(0.5, 2.5, count), np.ones(count))
    held_out.remember_base(stage)
    stage.keeper.rows = {}


def test_the_bases_losses_are_recalled_with_the_rows_that_they_belong_to(stage: Any):
    remember(stage, 30)
    held_out.recall_base(stage)
    sums, counts = stage.keeper.rows["test", True]
    assert sums.tolist() == np.linspace(0.5, 2.5, 30).tolist()
    assert counts.tolist() == list(range(400, 430))
    assert sizes(stage) == {30}
    assert stage.teller.notes == []


@pytest.mark.parametrize("damage", ["{", "[1]", '{"select": "x"}'])
def test_lost_losses_are_said_and_every_row_is_kept(stage: Any, tmp_path: Path, damage: str):
    (tmp_path / held_out.BASE).write_text(damage)
    held_out.recall_base(stage)
    assert len(stage.teller.notes) == 1 and "without interval" in stage.teller.notes[0]
    assert sizes(stage) == {300} and stage.keeper.rows == {}


def test_a_file_that_is_missing_is_said_too(stage: Any):
    held_out.recall_base(stage)
    assert len(stage.teller.notes) == 1


def test_only_the_first_process_writes(stage: Any, tmp_path: Path):
    stage.teller.main = False
    held_out.remember_base(stage)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.tiny
def test_a_night_remembers_its_base(finished: Path):
    written = sealed.read(finished / held_out.BASE)
    assert {part: len(rows) for part, rows in written.items()} == {"select": 20, "test": 20}

"""Equal work, read from journals made by hand."""

from pathlib import Path

import pytest
from tests.comparisons import entries, slices, trial, tried
from tests.fakes import FakeClock

from overnight.story import comparing_work
from overnight.story.comparing_stage import Comparing
from overnight.values.trials import Refused


class Ground:
    """Nothing but a clock."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock


@pytest.fixture
def on(tmp_path: Path, clock: FakeClock) -> Comparing:
    """Two settings after their first equal time: `b` did twice as much in as many steps."""
    told = [*tried("a"), *tried("b")]
    told += [*slices(trial("a"), [1000.0, 1000.0]), *slices(trial("b"), [2000.0, 2000.0])]
    return Comparing(
        ground=Ground(clock), folder=tmp_path, tell=lambda event: None, entries=entries(told),  # type: ignore[arg-type]
        questions={"a": None, "b": None}, window=100.0, ends_at=0.0, seeds=2,  # type: ignore[dict-item]
        wanted=str, at=lambda name: None, plans={"a": None, "b": None},  # type: ignore[dict-item]
    )  # fmt: skip


def test_who_learns_more_in_a_step_needs_fewer_of_them(on: Comparing) -> None:
    assert comparing_work.steps(on) == {"a": 40, "b": 20}


def test_one_that_is_left_out_later_leaves_equal_work_as_it_was(on: Comparing) -> None:
    on.entries += entries([Refused(setting="a", why="memory ran out in seed 2")])
    on.plans.pop("a")
    assert comparing_work.steps(on) == {"b": 20}


def test_what_is_left_takes_the_pace_of_the_first_equal_time(on: Comparing) -> None:
    one = trial("b", 1, "work")
    assert comparing_work.seconds(on, 20, one) == pytest.approx(10.0)
    on.entries += entries(slices(one, [2000.0], step=10, over=""))
    assert comparing_work.seconds(on, 20, one) == pytest.approx(5.0)


def test_one_that_gave_up_has_no_equal_work_to_do(on: Comparing) -> None:
    on.entries += entries(slices(trial("a"), [10.0], over="health"))
    assert comparing_work.steps(on) == {"b": 40}

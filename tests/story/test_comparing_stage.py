"""Everything alive in the process that compares, with nothing in it that trains."""

from pathlib import Path

import pytest
from tests.comparisons import entries, looked, trial, tried
from tests.fakes import FakeClock

from overnight.story.comparing_stage import Comparing
from overnight.values.ledger import Event
from overnight.values.trials import Refused


class Ground:
    """Nothing but a clock."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock


@pytest.fixture
def on(tmp_path: Path, clock: FakeClock) -> Comparing:
    return Comparing(
        ground=Ground(clock), folder=tmp_path, tell=lambda event: None, entries=[],  # type: ignore[arg-type]
        questions={"a": None, "b": None}, window=100.0, ends_at=clock.boot() + 60.0, seeds=1,  # type: ignore[dict-item]
        wanted=str, at=lambda name: None, plans={"b": None},  # type: ignore[dict-item]
    )  # fmt: skip


def tell(on: Comparing, *events: Event) -> None:
    on.entries += entries(events)


def test_time_goes_by(on: Comparing, clock: FakeClock) -> None:
    clock.advance(20.0)
    assert on.left == pytest.approx(40.0)


def test_what_is_told_is_the_journal_as_it_is_now(on: Comparing) -> None:
    assert on.told.base() is None
    tell(on, looked(None, 6.0))
    assert on.told.base() is not None


def test_only_settings_that_take_part_count_as_tried(on: Comparing) -> None:
    tell(on, *tried("a"), *tried("b"), Refused(setting="a", why="x"))
    assert [one.setting for one in on.tried()] == ["b"]
    assert list(on.told.tried()) == ["a", "b"] and on.told.refused() == {"a": "x"}


def test_each_trial_has_a_folder_of_its_own_whatever_its_setting_is_called(
    on: Comparing,
) -> None:
    places = {on.folder_of(trial(name, seed, kind))
              for name in ("a", "b") for seed in (1, 2) for kind in ("time", "work")}  # type: ignore[arg-type]  # fmt: skip
    assert len(places) == 8 and {place.parent for place in places} == {on.folder / "trials"}

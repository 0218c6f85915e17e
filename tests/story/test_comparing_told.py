"""A comparison's journal, read from journals made by hand."""

import pytest
from tests.comparisons import COUNTS, divided, entries, looked, slices, trial, tried

from overnight.story.comparing_told import Told
from overnight.values.ledger import Event
from overnight.values.trials import Divided, Refused, Tried

ENTERED = (*tried("a"), *tried("b"))
FIRST = (*slices(trial("a"), [1000.0, 1000.0]), *slices(trial("b"), [2000.0, 2000.0]))
"""The first equal time: `b` did twice as much in as many steps."""


def told(*events: Event) -> Told:
    return Told.of(entries(events))


def test_the_newest_slice_of_a_trial_counts() -> None:
    found = told(*slices(trial("b"), [1.0, 2.0]), *slices(trial("a"), [3.0]))
    newest = found.newest(trial("b"))
    assert newest is not None and newest.round == 2
    assert found.newest(trial("b", 2)) is None


def test_a_trial_is_seen_once_it_was_looked_at() -> None:
    assert told().base() is None
    found = told(looked(None, 6.0), looked(trial("b"), 5.0))
    base = found.base()
    assert base is not None and base.counts == COUNTS
    assert found.seen(trial("b")) and not found.seen(trial("a"))
    assert not found.seen(trial("b", 2))


def test_one_that_was_planned_and_not_tried_did_not_take_part() -> None:
    found = told(*tried("a"), tried("b")[0], Refused(setting="b", why="x"))
    assert list(found.entered()) == ["a"] and found.refused() == {"b": "x"}


def test_events_of_a_kind_come_in_order_and_the_first_division_is_the_plan() -> None:
    found = told(*ENTERED, divided(seconds=20.0), divided(seconds=15.0))
    assert [one.setting for one in found.every(Tried)] == ["a", "b"]
    assert [one.seconds for one in found.every(Divided)] == [20.0, 15.0]
    first = found.divided()
    assert first is not None and first.seconds == 20.0 and told().divided() is None


def test_the_work_is_what_the_slowest_did_and_so_it_has_done_it() -> None:
    found = told(*ENTERED, *FIRST)
    assert found.work() == 10_000.0 == found.done("a") and found.done("c") == 0.0
    assert found.does_it(trial("a", 1, "work")) and not found.does_it(trial("b", 1, "work"))


def test_before_anybody_is_over_there_is_no_equal_work() -> None:
    assert told(*ENTERED, *slices(trial("a"), [1000.0], over="")).work() == 0.0


def test_one_that_gave_up_sets_no_measure() -> None:
    assert told(*ENTERED, *FIRST, *slices(trial("a"), [10.0], over="health")).work() == 20_000.0


def test_one_that_is_left_out_in_seed_2_still_sets_the_measure() -> None:
    left_out = Refused(setting="a", why="memory ran out")
    found = told(*ENTERED, *FIRST, divided(seeds=2, work=True), left_out)
    assert found.work() == 10_000.0 and not found.does_it(trial("b", 2, "work"))


@pytest.mark.parametrize(("kind", "seeds"), [("time", {1, 2}), ("work", {1})])
def test_a_trial_counts_by_seed_once_it_was_looked_at(kind: str, seeds: set[int]) -> None:
    events: list[Event] = [*ENTERED, divided(seeds=2, work=True), *FIRST]
    events += slices(trial("b", 2), [2000.0, 2000.0])
    looks = [looked(one, 5.0) for one in (trial("b"), trial("b", 2), trial("b", 1, "work"))]
    assert set(told(*events, *looks).trials("b", kind)) == seeds  # type: ignore[arg-type]


def test_equal_time_that_did_the_work_counts_for_it() -> None:
    found = told(*ENTERED, divided(work=True), *FIRST, looked(trial("a"), 5.0))
    assert found.trials("a", "work") == {1: trial("a")} and found.trials("b", "work") == {}

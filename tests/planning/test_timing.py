"""A night's phases add up to its window."""

import pytest
from tests.planning.facts import DATA, question

from overnight.planning import search, timing
from overnight.planning.prices import Prices
from overnight.values.facts import Interval

EXACT = Interval.exactly
PRICES = Prices(imports=EXACT(6.0), tokenising=EXACT(1.0), loading=EXACT(3.0), settling=EXACT(0.0),
                save=EXACT(2.0), evaluation=EXACT(4.0), publish=EXACT(8.0))  # fmt: skip
CANDIDATE = search.choose(question()).candidate


def estimate(window: float | None, pace: float = 1000.0, **terms):
    given = timing.Terms(window=window, source="catalogue", **terms)
    return timing.estimate(CANDIDATE, DATA, PRICES, pace=EXACT(pace), terms=given)


def test_a_full_window_is_used_and_not_overdrawn():
    found = estimate(100.0)
    assert found.total.high == pytest.approx(100.0, abs=2.0)
    assert found.total.mid < found.total.high <= 100.0


def test_planned_epochs_end_before_a_long_window():
    found = estimate(100_000.0)
    assert found.epochs == pytest.approx(4.0, abs=0.05)
    assert found.fits_in_window
    assert found.total.mid < 1000.0


def test_only_epochs_that_were_asked_for_can_fail_to_fit():
    assert estimate(100.0).fits_in_window
    assert not estimate(40.0, asked=True, pace=100.0).fits_in_window


def test_steps_that_are_done_count_in():
    more = estimate(100.0, spent=20.0, steps_done=7)
    assert more.total_steps == estimate(100.0, spent=20.0).total_steps + 7


def test_no_room_is_told_as_no_steps():
    found = estimate(15.0)
    assert found.total_steps == 0
    assert not found.fits_in_window


def test_what_is_spent_takes_the_place_of_the_start():
    assert estimate(100.0, spent=60.0).total_steps < estimate(100.0).total_steps


def test_max_steps_go_before_epochs():
    from dataclasses import replace

    both = replace(CANDIDATE, max_steps=7)
    assert timing.steps_wanted(both, DATA) == 7
    assert timing.steps_wanted(replace(CANDIDATE, num_train_epochs=None), DATA) is None


def test_the_rehearsal_is_two_per_cent_or_five_steps_but_never_most_of_it():
    assert timing.rehearsal_seconds(0.1, 1000.0) == 20.0
    assert timing.rehearsal_seconds(10.0, 1000.0) == 50.0
    assert timing.rehearsal_seconds(100.0, 1000.0) == 150.0
    assert timing.rehearsal_seconds(2.0, None) == 10.0


def test_the_shortest_window_has_room_for_both_ends():
    reserve = timing.reserve(PRICES, 60.0)
    assert timing.shortest_window(20.0, reserve) > 20.0 + reserve.seconds

"""A night's phases add up to its window."""

from dataclasses import replace

import pytest
from tests.planning.facts import DATA, question

from overnight.planning import search, timing
from overnight.planning.prices import Prices
from overnight.values.facts import Interval

EXACT = Interval.exactly
PRICES = Prices(imports=EXACT(6.0), tokenising=EXACT(1.0), loading=EXACT(3.0), settling=EXACT(0.0),
                save=EXACT(2.0), evaluation=EXACT(4.0), publish=EXACT(8.0))  # fmt: skip
CANDIDATE = search.choose(question()).candidate


def estimate(window: float | None, pace: float = 1000.0, *, asked: bool = False, **settings):
    terms = timing.Terms(window=window, source="catalogue", asked=asked)
    candidate = replace(CANDIDATE, **settings)
    return timing.estimate(candidate, DATA, PRICES, pace=EXACT(pace), terms=terms)


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


def test_no_room_is_told_as_no_steps():
    found = estimate(15.0)
    assert found.total_steps == 0
    assert not found.fits_in_window


def test_every_phase_stands_on_its_own():
    phases = estimate(None, max_steps=100).phases
    assert list(phases) == ["imports", "tokenising", "loading", "first look", "settling",
                            "training", "evaluations", "saves", "ending", "publish"]  # fmt: skip
    assert phases["imports"].mid == 6.0 and phases["publish"].mid == 8.0
    assert phases["first look"].mid == 2.0 + 4.0


def test_looks_are_their_number_times_their_price():
    often = estimate(None, max_steps=100, eval_steps=10).phases["evaluations"].mid
    assert often == pytest.approx(9 * 2.0)  # half of the held-out rows are looked at, 9 times
    assert estimate(None, max_steps=100, eval_steps=50).phases["evaluations"].mid == 2.0


def test_between_two_looks_as_many_rows_are_trained_on_as_are_looked_at():
    assert timing.least_steps(replace(CANDIDATE, per_device_train_batch_size=8,
                                      gradient_accumulation_steps=1), DATA) == 7  # fmt: skip
    assert timing.least_steps(replace(CANDIDATE, per_device_train_batch_size=80), DATA) == 1


def test_a_window_bounds_what_a_look_may_take():
    assert estimate(60.0).phases["first look"].mid == pytest.approx(2.0 + 2 * 0.015 * 60.0)


def test_max_steps_go_before_epochs():
    both = replace(CANDIDATE, max_steps=7)
    assert timing.steps_wanted(both, DATA) == 7
    assert timing.steps_wanted(replace(CANDIDATE, num_train_epochs=None), DATA) is None


def test_the_rehearsal_is_two_per_cent_or_eight_steps_but_never_most_of_it():
    assert timing.rehearsal_seconds(0.1, 1000.0) == 20.0
    assert timing.rehearsal_seconds(10.0, 1000.0) == 80.0
    assert timing.rehearsal_seconds(100.0, 1000.0) == 150.0
    assert timing.rehearsal_steps(100) == 8
    assert timing.rehearsal_steps(1000) == 20


def test_the_shortest_window_has_room_for_both_ends():
    reserve = timing.reserve(PRICES, 60.0)
    assert timing.shortest_window(20.0, reserve) > 20.0 + reserve.seconds


@pytest.mark.parametrize("strategy", ["two-stage", "progressive", "progressive-guide"])
@pytest.mark.parametrize("window", [None, 400.0])
def test_stages_fill_the_window_or_the_epochs_like_one(strategy: str, window: float | None) -> None:
    plain = estimate(window, num_train_epochs=40.0)
    found = estimate(window, num_train_epochs=40.0, strategy=strategy, stage2_rows=100)
    assert found.total.mid == pytest.approx(plain.total.mid, rel=0.03) or window is None
    # Of the longest rows fewer are drawn in the same time.
    assert found.epochs == pytest.approx(plain.epochs, rel=0.03) or strategy == "two-stage"


def test_steps_of_two_stages_are_fewer_where_the_best_rows_are_longer() -> None:
    plain, two = (estimate(400.0, strategy=name, stage2_rows=100).total_steps
                  for name in ("one-stage", "two-stage"))  # fmt: skip
    assert 0.6 * plain < two < plain

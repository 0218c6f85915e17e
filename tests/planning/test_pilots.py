"""Which rates are tried, for how long, and which one they speak for."""

import math
from collections.abc import Callable

import pytest

from overnight.planning import pilots
from overnight.planning.pilots import Tried

FIRST = 1e-3


def bowl(best: float, bend: float = 0.05) -> Callable[[float], float]:
    """A loss that is a parabola in the logarithm of the rate."""
    return lambda rate: 4.0 + bend * math.log(rate / best) ** 2


def flown(loss: Callable[[float], float]) -> list[Tried]:
    """Every pilot that is wanted, one after another."""
    tried: list[Tried] = []
    while (rate := pilots.following(tried, FIRST)) is not None:
        tried.append(Tried(learning_rate=rate, loss=loss(rate)))
    return tried


@pytest.mark.parametrize("best", [1.2e-3, 2e-3, 7e-4])
def test_three_pilots_find_the_lowest_point_near_the_rule(best: float):
    tried = flown(bowl(best))
    assert len(tried) == 3
    assert pilots.concluded(tried) == pytest.approx(best, rel=0.02)


def test_where_the_best_is_at_an_edge_one_more_lies_beyond_it():
    tried = flown(bowl(9e-3))
    assert [one.learning_rate for one in tried] == pytest.approx([1e-3, 3e-3, 9e-3, 27e-3])
    assert pilots.concluded(tried) == pytest.approx(9e-3, rel=0.02)


def test_there_are_no_more_than_four_however_far_the_best_is():
    tried = flown(bowl(1.0))
    assert len(tried) == pilots.MOST
    assert pilots.concluded(tried) == max(one.learning_rate for one in tried)


def test_a_rate_that_diverges_leads_downwards():
    tried = flown(lambda rate: math.inf if rate > 5e-4 else bowl(3e-4)(rate))
    assert [one.learning_rate for one in tried] == pytest.approx([1e-3, 1e-3 / 3, 1e-3 / 9])
    assert pilots.concluded(tried) == pytest.approx(1e-3 / 3)


def test_where_all_diverge_they_speak_for_none():
    assert pilots.concluded([Tried(learning_rate=1.0, loss=math.inf)]) is None
    assert pilots.concluded([]) is None


def test_a_near_tie_goes_towards_the_lower_rate():
    tied = [Tried(learning_rate=1e-3, loss=2.001, tied=True), Tried(learning_rate=3e-3, loss=2.0)]
    assert pilots.concluded(tied) == pytest.approx(math.sqrt(3) * 1e-3)
    apart = [Tried(learning_rate=1e-3, loss=2.1), Tried(learning_rate=3e-3, loss=2.0)]
    assert pilots.concluded(apart) == 3e-3


def test_the_lowest_point_stays_between_rates_that_were_tried():
    flat = [Tried(learning_rate=rate, loss=2.0) for rate in (1e-3, 3e-3, 9e-3)]
    assert pilots.concluded(flat) == 1e-3
    steep = [Tried(learning_rate=r, loss=x) for r, x in ((1e-3, 9.0), (3e-3, 2.0), (9e-3, 2.001))]
    assert pilots.concluded(steep) == pytest.approx(3e-3 * math.sqrt(3), rel=0.01)


def test_a_longer_run_wants_a_lower_rate_but_not_without_end():
    assert pilots.for_horizon(1e-2, pilot_steps=100, steps=100) == 1e-2
    assert pilots.for_horizon(1e-2, pilot_steps=100, steps=1000) == pytest.approx(5.01e-3)
    assert pilots.for_horizon(1e-2, pilot_steps=100, steps=10**8) == 2.5e-3


def test_a_shorter_run_does_not_want_a_higher_one():
    assert pilots.for_horizon(1e-2, pilot_steps=100, steps=10) == 1e-2


ASKED = {"step_seconds": 0.1, "look_seconds": 1.0}


def test_a_window_that_cannot_pay_for_all_of_them_has_none():
    assert pilots.steps(horizon=10_000, **ASKED, room=48.0) == 150
    assert pilots.steps(horizon=10_000, **ASKED, room=47.0) == 0


def test_a_night_of_few_steps_has_none_however_much_time_there_is():
    assert pilots.steps(horizon=6000, **ASKED, room=1e6) == 0
    assert pilots.steps(horizon=7000, **ASKED, room=1e6) == 105

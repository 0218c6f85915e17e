"""The rate lands at its horizon and never jumps."""

from itertools import pairwise

import pytest

from overnight.control.schedule import Schedule, shape_factor

SHAPES = ("linear", "cosine", "wsd")


def schedule(**changes: object) -> Schedule:
    given = {"peak": 1.0, "horizon": 100, "warmup_steps": 10} | changes
    return Schedule(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_but_constant_ends_at_zero(shape):
    assert shape_factor(shape, 0.0) == 1.0
    assert shape_factor(shape, 1.0) == pytest.approx(0.0)
    assert shape_factor("constant", 1.0) == 1.0


def test_the_rate_is_that_of_the_middle_of_a_step():
    steady = schedule(warmup_steps=1)
    assert steady.rate(99) == pytest.approx(0.5 / 100)
    assert steady.rate(49) == pytest.approx(1 - 49.5 / 100)


def test_warm_up_rises_and_is_over_when_it_says():
    rates = [schedule().rate(step) for step in range(12)]
    assert rates[:9] == sorted(rates[:9])
    assert rates[0] < 0.1 < rates[9]
    assert rates[11] == pytest.approx(1 - 11.5 / 100)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("horizon", [60, 100, 400])
def test_the_rate_does_not_jump_when_the_horizon_moves(shape, horizon):
    before = schedule(shape=shape)
    after = before.replanned(50, horizon)
    falls = sum(abs(one.rate(50) - one.rate(51)) for one in (before, after))
    assert abs(after.rate(50) - before.rate(50)) <= falls + 1e-9


def test_after_a_replan_it_still_lands_at_zero():
    moved = schedule().replanned(50, 70).replanned(60, 90)
    assert moved.rate(89) < 0.02
    assert moved.rate(89) > 0.0


def test_a_warm_up_that_is_set_anew_goes_on_from_where_it_is():
    early = schedule(warmup_steps=50)
    moved = early.replanned(5, 30, warmup_steps=10)
    assert moved.rate(5) == pytest.approx(0.1 + 0.9 * 0.1, abs=0.03)
    assert moved.rate(11) > 0.7


def test_a_rewind_halves_the_rate_and_warms_up_again():
    back = schedule().rewound(40, 0.5)
    assert back.rate(40) < 0.1
    assert back.rate(55) == pytest.approx(0.5 * (1 - 55.5 / 100))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", [20, 50, 90, 100])
def test_a_longer_schedule_goes_on_from_where_the_rate_is(shape: str, step: int):
    before = schedule(shape=shape)
    after = before.lengthened(step, 300)
    assert after.rate(step) == pytest.approx(before.rate(step), abs=0.1)
    rates = [after.rate(each) for each in range(step, 300)]
    assert max(abs(a - b) for a, b in pairwise(rates)) < 0.11
    assert rates[-1] < 0.02


def test_a_schedule_that_had_landed_is_what_the_longer_one_would_have_been():
    landed = schedule().lengthened(100, 200)
    known = schedule(horizon=200)
    assert landed.rate(100) < 0.05
    assert landed.rate(110) == pytest.approx(known.rate(110))
    assert landed.rate(199) == pytest.approx(known.rate(199))


def test_a_horizon_that_comes_nearer_only_falls_faster():
    before = schedule()
    assert before.lengthened(50, 60) == before.replanned(50, 60)


def test_during_the_first_warm_up_nothing_is_warmed_anew():
    before = schedule()
    assert before.lengthened(5, 300) == before.replanned(5, 300)

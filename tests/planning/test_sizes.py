"""Which sizes are timed, and which is taken."""

import pytest
from tests.planning.facts import CARD, LARGE, question

from overnight.planning import ranking, sizes
from overnight.planning.sizes import Timed

SIZES = (4, 6, 8, 12, 16, 24, 32, 48, 64)


def timed(fixed: float, *rows: int, row_tokens: int = 100) -> list[Timed]:
    """Steps of a machine on which one takes as long as `fixed` tokens before it has any."""
    return [
        Timed(rows=one, tokens=one * row_tokens, seconds=(one * row_tokens + fixed) / 1000.0)
        for one in rows
        for _ in range(2)
    ]


def chosen(fixed: float, share: float = 0.95, ahead: float | None = 1e6) -> sizes.Choice:
    return sizes.chosen(timed(fixed, 4, 16, 64), SIZES, row_tokens=100.0, share=share, ahead=ahead)


def test_the_planned_size_is_tried_first_then_the_ends():
    assert sizes.tried(SIZES, 8, afford=100.0) == (8, 4, 64)
    assert sizes.tried(SIZES, 4, afford=100.0) == (4, 64)


def test_what_cannot_be_afforded_is_not_tried():
    assert sizes.tried(SIZES, 4, afford=20.0) == (4, 16)
    assert sizes.tried(SIZES, 16, afford=5.0) == (16, 4)


@pytest.mark.parametrize("afford", [0.0, 3.0, 8.0])
def test_where_only_the_planned_size_can_be_nothing_is_tried(afford: float):
    assert sizes.tried(SIZES, 4, afford=afford) == ()


def test_where_a_step_costs_nothing_besides_its_tokens_the_smallest_is_taken():
    found = chosen(0.0)
    assert found.rows == 4 and found.tokens_per_second == pytest.approx(1000.0, rel=0.05)


def test_what_a_step_costs_besides_is_found():
    assert chosen(300.0).fixed_tokens == pytest.approx(300.0, rel=0.1)


def test_the_dearer_a_step_is_besides_the_larger_it_gets():
    rows = [chosen(fixed).rows for fixed in (0.0, 100.0, 600.0, 3000.0)]
    assert rows == sorted(rows) and rows[-1] > rows[0]


def test_a_size_is_never_larger_than_the_pace_asks_for():
    found = chosen(100.0)
    pace = found.rows / (found.rows + 1.0)
    assert pace <= 0.99 and "best pace" in found.why


def test_a_priority_that_keeps_more_of_the_pace_takes_no_smaller_steps():
    assert chosen(100.0, share=0.99).rows >= chosen(100.0, share=0.8).rows


def test_time_to_a_target_is_lowest_at_the_root_of_noise_and_fixed_tokens():
    best = (400.0 * 3000.0) ** 0.5
    assert sizes.needed(best, 400.0, 3000.0) < sizes.needed(1.5 * best, 400.0, 3000.0)
    assert sizes.needed(best, 400.0, 3000.0) < sizes.needed(best / 1.5, 400.0, 3000.0)


def test_a_longer_night_takes_larger_steps_but_never_more_than_the_pace_asks_for():
    rows = [chosen(100.0, ahead=ahead).rows for ahead in (1e5, 1e7, 1e9, 1e13)]
    assert rows == sorted(rows) and rows[0] < rows[-1]
    assert "smallest that keeps 95 %" in chosen(100.0, ahead=None).why
    assert "come less far" in chosen(100.0, ahead=1e5).why


def test_paces_are_told_by_size():
    assert sizes.paces(timed(0.0, 8, 4)) == ((4, pytest.approx(1000.0)), (8, pytest.approx(1000.0)))


def test_all_sizes_of_a_plan_are_like_it_but_for_their_rows():
    asked = question(model=LARGE, hardware=CARD)
    planned = ranking.chosen(asked)[0].candidate
    kin = sizes.alike(asked, planned)
    rows = [one.rows_per_step for one in kin]
    assert planned.rows_per_step in rows and rows == sorted(set(rows))
    assert {one.learning_rate for one in kin} == {planned.learning_rate}
    assert len({one.adam_beta2 for one in kin}) > 1

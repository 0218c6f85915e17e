from dataclasses import replace

import pytest
from tests.planning.facts import DATA

from overnight.planning.curriculum import (
    fullest,
    legs,
    load_of,
    longer,
    row_shares,
    rows_of,
    steps_for,
    told,
)
from overnight.values.curriculum import Curriculum, Leg
from overnight.values.plan import Candidate

ONE = Candidate(method="lora", per_device_train_batch_size=8, gradient_accumulation_steps=1,
                max_length=300, learning_rate=1e-3, precision="fp32",
                gradient_checkpointing=False)  # fmt: skip
TWO = replace(ONE, strategy="two-stage", stage2_rows=100)
RISING = replace(ONE, strategy="progressive")
GUIDE = replace(ONE, strategy="progressive-guide")
EVERY = (ONE, TWO, RISING, GUIDE)


def begins(candidate: Candidate, steps: int, **more: float) -> tuple[int, ...]:
    return Curriculum(later=legs(candidate, **more)[1:]).to(0, steps).borders


def test_without_a_strategy_there_is_one_stage() -> None:
    assert legs(ONE) == (Leg(rows_per_step=8),)


def test_two_stages_take_two_thirds_and_one_third_of_the_work() -> None:
    assert begins(TWO, 300) == (200,)
    first = begins(TWO, 300, longer=2.0)[0]
    assert first == 2 * 2 * (300 - first)
    assert [leg.pool for leg in legs(TWO)] == ["all", "best"]


def test_progressive_batches_double_by_thirds_of_the_work() -> None:
    assert [leg.rows_per_step for leg in legs(RISING)] == [4, 8, 16]
    one, two = begins(RISING, 700)
    assert (4 * one, 8 * (two - one), 16 * (700 - two)) == (1600, 1600, 1600)


def test_a_batch_of_one_row_is_not_halved() -> None:
    single = replace(RISING, per_device_train_batch_size=1)
    assert [leg.rows_per_step for leg in legs(single)] == [1, 1, 2]


@pytest.mark.parametrize(("steps", "borders"), [
    (9000, (500, 1500)), (3000, (500, 1500)), (1000, (170, 500)), (100, (17, 50)),
])  # fmt: skip
def test_the_guides_batches_descend_at_its_steps_or_a_sixth_and_a_half(steps, borders) -> None:
    assert [leg.rows_per_step for leg in legs(GUIDE)] == [64, 32, 16]
    assert begins(GUIDE, steps) == borders


def test_the_guides_63_000_rows_never_see_its_third_stage() -> None:
    assert rows_of(legs(GUIDE), 9000) > 64_000
    assert 500 * 64 + 1000 * 32 > 63_000


@pytest.mark.parametrize("candidate", EVERY, ids=lambda one: one.strategy)
@pytest.mark.parametrize("rows", [1, 8, 901, 7473, 200_000])
def test_the_fewest_steps_that_draw_so_many_rows(candidate: Candidate, rows: int) -> None:
    stages = legs(candidate, longer=1.7)
    steps = steps_for(stages, rows)
    assert rows_of(stages, steps) >= rows
    assert steps == 1 or rows_of(stages, steps - 1) <= rows


def test_one_stage_draws_what_steps_times_rows_are() -> None:
    assert rows_of(legs(ONE), 10) == 80
    assert [steps_for(legs(ONE), rows) for rows in (80, 81)] == [10, 11]
    assert load_of(legs(ONE), 10, longer=3.0) == 8


def test_longer_rows_weigh_more_in_their_stage_only() -> None:
    assert load_of(legs(TWO), 300, longer=1.0) == 8
    assert load_of(legs(TWO), 300, longer=2.0) == pytest.approx(8 * 4 / 3)


def test_the_best_by_length_are_longer_than_the_mean() -> None:
    assert longer(ONE, DATA) == 1.0
    assert 1.5 < longer(TWO, DATA) < 3.0
    assert longer(replace(TWO, stage2_rows=10_000), DATA) == 1.0
    assert longer(TWO, replace(DATA, engagement="likes")) == 1.0


def test_a_strategy_is_told_with_its_figures() -> None:
    assert "then the best 100 (the longest)" in told(TWO, DATA)
    assert "then the best 900 (by `likes`)" in told(
        replace(TWO, stage2_rows=5000), replace(DATA, engagement="likes")
    )
    assert "4, 8 and 16 rows a step" in told(RISING, DATA)
    assert "64, 32 and 16" in told(GUIDE, DATA)
    assert "drawn from all" in told(ONE, DATA)


def test_the_rows_of_a_night_are_shared_out_among_its_stages() -> None:
    assert row_shares(legs(ONE)) == ((0.0, 1.0),)
    edges = [pytest.approx(third / 3) for third in range(4)]
    assert row_shares(legs(RISING)) == ((edges[0], edges[1]), (edges[1], edges[2]),
                                        (edges[2], edges[3]))  # fmt: skip


def test_what_must_fit_is_the_stage_whose_steps_hold_most() -> None:
    assert fullest(ONE) is ONE and fullest(TWO) is TWO
    assert fullest(RISING).gradient_accumulation_steps == 2
    assert fullest(GUIDE).gradient_accumulation_steps == 8
    assert fullest(replace(RISING, per_device_train_batch_size=3)).rows_per_step == 6

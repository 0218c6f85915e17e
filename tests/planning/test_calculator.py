import doctest
import math
from typing import Any

import pytest

from overnight.planning import calculator
from overnight.planning.calculator import Assumptions, compare, loop_steps, steps, true_hours
from overnight.values.errors import InputError

GUIDE = Assumptions()


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(calculator) == (0, 5)


def test_the_guides_worked_figures_come_out() -> None:
    found = compare(GUIDE)
    assert [each.name for each in found] == ["baseline", "optimized", "aggressive"]
    assert [each.steps for each in found] == [3938, 1969, 984]
    assert [round(each.hours, 1) for each in found] == [32.8, 12.6, 6.3]
    assert [round(each.days, 1) for each in found] == [1.4, 0.5, 0.3]
    assert [round(each.saved_hours, 1) for each in found] == [0.0, 20.2, 26.5]


def test_a_loop_counts_the_last_short_step_too() -> None:
    assert [each.loop_steps for each in compare(GUIDE)] == [3938, 1969, 985]
    assert loop_steps(10, batch=3, accumulation=2) == 2


def test_a_half_step_is_rounded_to_the_even_number() -> None:
    assert [steps(rows, batch=1, accumulation=2) for rows in (3, 5, 7)] == [2, 2, 4]
    assert steps(1, batch=8, accumulation=4) == 1


def test_accumulation_does_not_change_the_true_hours() -> None:
    by_count = [true_hours(GUIDE, accumulation=count, speed_factor=1.0).mid
                for count in (1, 16, 64, 1024)]  # fmt: skip
    assert by_count == pytest.approx([32.81] * 4, rel=1e-3)
    assert sorted(by_count, reverse=True) == by_count


def test_full_fine_tuning_saves_at_most_a_tenth_by_accumulating() -> None:
    alone = true_hours(GUIDE, accumulation=1, speed_factor=1.0)
    many = true_hours(GUIDE, accumulation=10_000, speed_factor=1.0)
    assert alone.low <= alone.mid <= alone.high
    assert 0.89 < many.low / alone.high < 0.91


def test_the_baseline_is_what_the_guides_say_it_is() -> None:
    baseline = compare(GUIDE)[0]
    assert baseline.true_hours.mid == pytest.approx(baseline.hours, rel=1e-3)
    assert baseline.true_saved_hours == 0


def test_what_half_precision_saves_stays_and_what_accumulation_saves_is_gone() -> None:
    _, optimized, aggressive = compare(GUIDE)
    assert round(optimized.true_hours.mid, 1) == round(aggressive.true_hours.mid, 1) == 25.2
    assert round(optimized.true_saved_hours, 1) == 7.6


def test_settings_without_a_name_get_a_line_of_their_own() -> None:
    found = compare(Assumptions(accumulation=8))
    assert [each.name for each in found] == ["baseline", "optimized", "aggressive", "asked"]
    assert [each.asked for each in found] == [False, False, False, True]
    assert [each.asked for each in compare(GUIDE)] == [False, True, False]


@pytest.mark.parametrize("wrong", [
    {"samples": 0}, {"samples": 2.5}, {"samples": True}, {"batch": -1}, {"accumulation": 0},
    {"seconds_per_step": 0.0}, {"seconds_per_step": math.nan}, {"speed_factor": math.inf},
    {"speed_factor": -1.3}, {"samples": 10**13}, {"seconds_per_step": "30"},
])  # fmt: skip
def test_what_is_no_positive_number_is_refused_by_its_name(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(InputError, match=f"^{name} is .*; expected"):
        Assumptions(**wrong)

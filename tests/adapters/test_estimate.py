import doctest
import math
from dataclasses import replace
from typing import Any

import pytest
from tests.adapters.cards import estimate, job

from overnight.adapters import estimate as module
from overnight.adapters.estimate import Job
from overnight.adapters.profiles import PROFILES, OptimizationProfile
from overnight.values.errors import ArgumentError
from overnight.values.plan import WhatIf

BALANCED, QUALITY, FAST = PROFILES["balanced"], PROFILES["quality"], PROFILES["fast"]


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(module).failed == 0


def test_the_guides_worked_figures_come_out() -> None:
    found = estimate()
    assert (found.total_steps, round(found.estimated_hours, 2)) == (750, 4.17)
    assert found.total_tokens == 12_000_000 and found.fits_in_window
    assert round(job().hours(QUALITY), 2) == 8.33
    assert round(job(num_samples=16_000).hours(BALANCED), 2) == 8.33


def test_where_the_guides_examples_contradict_its_formula_the_formula_wins() -> None:
    large = job(num_samples=20_000, epochs=2)
    high = job(num_samples=5_000, row=600, epochs=4)
    assert round(large.hours(FAST), 2) == 4.63
    assert round(high.hours(QUALITY), 2) == 8.33


def test_half_an_hour_of_the_window_is_kept() -> None:
    hours = job().hours(BALANCED)
    assert job().available_hours == 11.5
    assert job(hours=hours + 0.5).fits(BALANCED)
    assert not job(hours=hours + 0.49).fits(BALANCED)


def test_conservative_counts_with_seven_tenths() -> None:
    careful = job(conservative=True)
    assert careful.pace(BALANCED) == pytest.approx(560.0)
    assert careful.hours(BALANCED) == pytest.approx(job().hours(BALANCED) / 0.7)


def test_rows_are_cut_at_max_length() -> None:
    assert job(row=1500).tokens(FAST) == 8000 * 1024 * 3


def test_the_last_step_of_an_epoch_may_be_short() -> None:
    assert job(num_samples=33, epochs=2).steps(BALANCED) == 4
    assert job(num_samples=33, epochs=0.1).steps(BALANCED) == 1


def test_too_fast_is_under_half_of_the_window() -> None:
    assert job().too_fast(BALANCED)
    assert not job(hours=8.33).too_fast(BALANCED)


def test_it_reads_as_a_mapping_too() -> None:
    found = estimate()
    assert found["total_steps"] == 750 and found["fits_in_window"] is True
    for name in ("no_such_figure", "__class__"):
        with pytest.raises(KeyError):
            found[name]


def test_for_people_it_is_a_few_lines() -> None:
    more = WhatIf(what="num_epochs 4 in place of 3", effect="4.17 h -> 5.56 h")
    said = str(replace(estimate(), suggestions=(more,), adjustments=(more,))).splitlines()
    assert said[0].startswith("balanced: 750 steps, 4.17 h, fits into 11.5 h (guide 4's own")
    assert said[1:] == [f"{word}num_epochs 4 in place of 3: 4.17 h -> 5.56 h"
                        for word in ("changed  ", "could    ")]  # fmt: skip
    assert "does not fit into" in str(replace(estimate(), fits_in_window=False))


def test_its_figures_bear_their_source() -> None:
    assert "nobody measured" in estimate().source


@pytest.mark.parametrize("wrong", [
    {"num_samples": 0}, {"num_samples": 8000.5}, {"avg_tokens_per_sample": -1},
    {"num_epochs": math.nan}, {"max_hours": 0}, {"max_hours": math.inf}, {"max_hours": "12"},
])  # fmt: skip
def test_a_wrong_figure_is_named(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    good: dict[str, Any] = {"num_samples": 8000, "avg_tokens_per_sample": 500, "num_epochs": 3,
                            "max_hours": 12.0}  # fmt: skip
    with pytest.raises(ArgumentError, match=f"^{name} is .*; expected"):
        Job(**good | wrong)


def test_a_profile_of_ones_own_is_counted_by_its_own_throughput() -> None:
    own = OptimizationProfile(6, 6, 3072, estimated_throughput=600.0)
    assert job().hours(own) == pytest.approx(12e6 / 600 / 3600)

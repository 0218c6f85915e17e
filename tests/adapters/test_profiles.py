import doctest
import math
from typing import Any

import numpy
import pytest

from overnight.adapters import profiles
from overnight.adapters.profiles import PROFILES, OptimizationProfile, for_length, for_size, named
from overnight.values.errors import ArgumentError


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(profiles).failed == 0


@pytest.mark.parametrize("name, figures", [
    ("fast", (8, 4, 1024, 1200.0, 75.0)),
    ("balanced", (4, 8, 2048, 800.0, 60.0)),
    ("quality", (2, 16, 4096, 400.0, 70.0)),
    ("memory_efficient", (1, 32, 2048, 300.0, 45.0)),
])  # fmt: skip
def test_the_four_have_the_guides_figures(name: str, figures: tuple[float, ...]) -> None:
    one = named(name)
    assert (one.batch_size, one.gradient_accumulation_steps, one.max_length,
            one.estimated_throughput, one.memory_usage_gb) == figures  # fmt: skip
    assert one.rows == 32 and one.name == name


def test_the_guides_own_profile_can_be_written_down() -> None:
    one = OptimizationProfile(batch_size=6, gradient_accumulation_steps=6, max_length=3072,
                              num_workers=4, use_gradient_checkpointing=True, use_bf16=True,
                              use_fused_optimizer=True, estimated_throughput=600.0,
                              memory_usage_gb=65.0)  # fmt: skip
    assert one.estimated_throughput == 600.0 and one.name == "custom"


def test_three_fields_are_enough_and_what_is_unknown_is_slow() -> None:
    one = OptimizationProfile(batch_size=1, gradient_accumulation_steps=32, max_length=2048)
    slowest = min(profile.estimated_throughput for profile in PROFILES.values())
    assert one.estimated_throughput == slowest and one.memory_usage_gb is None


@pytest.mark.parametrize("wrong", [
    {"batch_size": 0}, {"batch_size": 1.5}, {"gradient_accumulation_steps": True},
    {"max_length": "2048"}, {"num_workers": -1}, {"estimated_throughput": math.nan},
    {"estimated_throughput": -800}, {"memory_usage_gb": math.inf},
])  # fmt: skip
def test_a_wrong_field_is_named(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    fields: dict[str, Any] = {"batch_size": 4, "gradient_accumulation_steps": 8, "max_length": 2048}
    with pytest.raises(ArgumentError, match=f"^{name} is .*; expected"):
        OptimizationProfile(**fields | wrong)


def test_a_numpy_number_is_a_number() -> None:
    assert profiles.whole("n", numpy.int64(7)) == 7
    assert profiles.positive("n", numpy.float32(0.5)) == 0.5


def test_an_unknown_priority_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ArgumentError, match=r"^priority is 'quick'; expected one of fast, bal"):
        named("quick")


def test_the_rule_for_sizes_is_the_guides() -> None:
    small, large = for_size(100), for_size(20_000)
    assert (small.epochs, small.profile.max_length) == (4, 4096)
    assert for_size(8000).epochs == 3 and for_size(8000).profile is PROFILES["balanced"]
    assert (large.epochs, large.profile.max_length) == (2, 1024)


def test_long_rows_get_a_smaller_batch_and_the_same_rows_a_step() -> None:
    found = for_length(PROFILES["balanced"], 801)
    assert (found.batch_size, found.gradient_accumulation_steps, found.max_length) == (2, 16, 4096)


@pytest.mark.parametrize("tokens", [300, 800])
def test_rows_between_the_guides_bounds_change_nothing(tokens: float) -> None:
    assert for_length(PROFILES["quality"], tokens) is PROFILES["quality"]


def test_a_batch_of_one_cannot_become_smaller() -> None:
    assert PROFILES["memory_efficient"].with_batch(0.5).batch_size == 1

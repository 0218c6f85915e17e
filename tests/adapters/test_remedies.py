import doctest

import pytest
from tests.adapters.cards import job

from overnight.adapters import remedies
from overnight.adapters.profiles import PROFILES, OptimizationProfile
from overnight.adapters.remedies import adjusted, against_fast, against_memory, against_slow

BALANCED, FAST = PROFILES["balanced"], PROFILES["fast"]


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(remedies).failed == 0


def test_what_fits_is_left_alone() -> None:
    assert adjusted(job(), BALANCED) == ((job(), BALANCED), ())


def test_the_fast_profile_comes_first_and_is_enough_if_it_fits() -> None:
    (after, profile), taken = adjusted(job(num_samples=24_000), BALANCED)
    assert (after.num_epochs, profile) == (3, FAST)
    assert [each.effect for each in taken] == ["12.50 h -> 8.33 h"]


def test_then_only_as_many_epochs_go_as_must() -> None:
    (after, profile), taken = adjusted(job(num_samples=40_000), BALANCED)
    assert (after.num_epochs, profile) == (2, FAST) and after.fits(profile)
    assert [each.what for each in taken] == ["profile fast in place of balanced",
                                             "num_epochs 2 in place of 3"]  # fmt: skip


def test_then_rows_are_cut_and_last_comes_the_batch() -> None:
    (after, profile), taken = adjusted(job(num_samples=400_000, row=1500), BALANCED)
    assert (after.num_epochs, profile.max_length) == (1, 512)
    assert [each.what.split()[0] for each in taken] == ["profile", "num_epochs", "max_length",
                                                        "batch_size"]  # fmt: skip
    assert "cuts rows at 1024" in taken[0].what and "75 of 80 GB" in taken[3].what
    assert taken[3].effect == remedies.UNCOUNTED


def test_rows_that_are_short_are_not_cut_for_nothing() -> None:
    _, taken = adjusted(job(num_samples=10**6, row=400), BALANCED)
    assert not any(each.what.startswith("max_length") for each in taken)


def test_a_larger_batch_is_taken_where_memory_is_known_to_allow_it() -> None:
    small = OptimizationProfile(2, 16, 2048, estimated_throughput=2000.0, memory_usage_gb=30.0)
    (_, profile), taken = adjusted(job(num_samples=10**6), small)
    assert (profile.batch_size, profile.gradient_accumulation_steps) == (4, 8)
    assert profile.memory_usage_gb == 60.0 and taken[-1].what.startswith("batch_size 4")


def test_what_nobody_knows_to_fit_is_not_taken() -> None:
    unknown = OptimizationProfile(2, 16, 2048, estimated_throughput=2000.0)
    (_, profile), taken = adjusted(job(num_samples=10**6), unknown)
    assert profile.batch_size == 2 and "nobody knows" in taken[-1].what


def test_a_window_that_would_do_is_named_with_each_remedy_alone() -> None:
    slow = job(num_samples=24_000, hours=12.0)
    *alone, longer = against_slow(slow, BALANCED)
    assert [each.effect for each in alone[:2]] == ["12.50 h -> 8.33 h", "12.50 h -> 8.33 h"]
    assert longer.what == "max_hours 13 in place of 12"
    assert job(num_samples=24_000, hours=13.0).fits(BALANCED)


def test_a_run_that_is_too_fast_is_given_the_guides_four() -> None:
    found = against_fast(job(), BALANCED)
    assert [(each.what, each.effect) for each in found[:2]] == [
        ("profile quality in place of balanced", "4.17 h -> 8.33 h"),
        ("num_epochs 4 in place of 3", "4.17 h -> 5.56 h"),
    ]
    assert [each.effect for each in found[2:]] == [remedies.UNCOUNTED] * 2


def test_a_longer_max_length_counts_where_rows_were_cut() -> None:
    found = against_fast(job(num_samples=500, row=3000), BALANCED)
    assert "max_length 4096" in found[2].what and "->" in found[2].effect


def test_against_memory_the_guides_order_is_kept() -> None:
    bare = OptimizationProfile(8, 4, 1024, use_gradient_checkpointing=False)
    assert [each.what.split()[0] for each in against_memory(bare)] == [
        "profile", "batch_size", "max_length", "use_gradient_checkpointing=True"]  # fmt: skip
    assert [each.what.split()[0] for each in against_memory(PROFILES["memory_efficient"])] == [
        "max_length"]  # fmt: skip


@pytest.mark.parametrize("epochs, left", [(2.5, 2), (1.0, 1.0), (0.5, 0.5)])
def test_epochs_go_down_to_whole_ones_and_never_below_one(epochs: float, left: float) -> None:
    (after, _), _ = adjusted(job(num_samples=38_000, epochs=epochs, hours=9.8), FAST)
    assert after.num_epochs == left

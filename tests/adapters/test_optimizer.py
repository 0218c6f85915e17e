import doctest
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.cards import H100
from transformers import TrainingArguments

from overnight import H100OptimizationProfile, InputError, OptimizationProfile
from overnight.adapters.estimate import Estimate
from overnight.adapters.optimizer import PROFILES, against_memory, optimize_for_dataset

Found = tuple[OptimizationProfile, Estimate, TrainingArguments]


def ask(**given: Any) -> Found:
    rows, tokens = given.pop("num_samples", 8000), given.pop("avg_tokens_per_sample", 500)
    return optimize_for_dataset(rows, avg_tokens_per_sample=tokens, **{"card": H100} | given)


def test_the_guides_first_example() -> None:
    profile, estimate, arguments = ask(num_epochs=3, priority="balanced", max_hours=12.0)
    assert profile is PROFILES["balanced"]
    assert (estimate.total_steps, round(estimate.estimated_hours, 2)) == (750, 4.17)
    assert estimate.fits_in_window and isinstance(arguments, TrainingArguments)


@pytest.mark.parametrize("given, hours", [
    ({"priority": "quality"}, 8.33),
    ({"num_samples": 16_000}, 8.33),
    ({"num_samples": 20_000, "num_epochs": 2, "priority": "fast"}, 4.63),
    ({"num_samples": 5_000, "avg_tokens_per_sample": 600, "num_epochs": 4,
      "priority": "quality"}, 8.33),
    ({"num_epochs": 2, "priority": "fast"}, 1.85),
])  # fmt: skip
def test_the_guides_other_examples_by_its_own_formula(given: dict[str, Any], hours: float) -> None:
    assert round(ask(**given)[1].estimated_hours, 2) == hours


def test_the_arguments_are_those_of_the_profile_that_comes_back() -> None:
    profile, estimate, arguments = ask(num_samples=40_000, adjust=True, output_dir="here")
    assert (profile.name, estimate.num_epochs, arguments.num_train_epochs) == ("fast", 2, 2)
    assert arguments.per_device_train_batch_size == profile.batch_size == 8
    assert [each.what for each in estimate.adjustments] == [
        "profile fast in place of balanced", "num_epochs 2 in place of 3"]  # fmt: skip
    assert arguments.output_dir == "here"


def test_unasked_nothing_is_adjusted_and_the_remedies_are_suggestions() -> None:
    profile, estimate, _ = ask(num_samples=40_000)
    assert profile.name == "balanced" and not estimate.fits_in_window
    assert estimate.adjustments == ()
    assert estimate.suggestions[0].what == "profile fast in place of balanced"


def test_a_run_under_half_of_the_window_is_told_what_it_could_do() -> None:
    assert "quality" in ask()[1].suggestions[0].what
    assert ask(priority="quality")[1].suggestions == ()


def test_where_nothing_fits_into_the_card_the_remedies_against_it_come_first() -> None:
    small = replace(H100, memory_free_bytes=2**30)
    assert ask(card=small)[1].suggestions == against_memory(PROFILES["balanced"])
    slow = ask(card=small, num_samples=40_000)[1].suggestions
    assert "memory_efficient" in slow[0].what and slow[-1].what.startswith("max_hours")


def test_a_profile_of_ones_own_is_taken() -> None:
    own = H100OptimizationProfile(batch_size=6, gradient_accumulation_steps=6, max_length=3072,
                                  estimated_throughput=600.0)  # fmt: skip
    profile, estimate, arguments = ask(profile=own)
    assert profile is own and estimate.profile_name == "custom"
    assert round(estimate.estimated_hours, 2) == 5.56
    assert arguments.gradient_accumulation_steps == 6


def test_conservative_is_seven_tenths() -> None:
    estimate = ask(conservative=True)[1]
    assert estimate.tokens_per_second == pytest.approx(560)
    assert round(estimate.estimated_hours, 2) == 5.95


@pytest.mark.parametrize("rows, tokens, name, epochs, length", [
    (4_000, 500, "quality", 4, 4096),
    (8_000, 500, "balanced", 3, 2048),
    (20_000, 500, "fast", 2, 1024),
    (8_000, 200, "balanced", 3, 1024),
    (20_000, 900, "fast", 2, 4096),
])  # fmt: skip
def test_auto_takes_the_guides_rules_and_says_so(
    rows: int, tokens: float, name: str, epochs: int, length: int
) -> None:
    profile, estimate, _ = ask(num_samples=rows, avg_tokens_per_sample=tokens, priority="auto",
                               num_epochs=None)  # fmt: skip
    assert (profile.name, estimate.num_epochs, profile.max_length) == (name, epochs, length)
    assert profile.rows == 32
    assert estimate.adjustments[0].what == f"profile {name}"
    assert len(estimate.adjustments) == (1 if tokens == 500 else 2)


def test_what_is_true_stands_beside_the_estimate() -> None:
    estimate = ask()[1]
    assert estimate.truth.likely.hours.high < estimate.estimated_hours


def test_the_report_is_written_before_anything_is_trained(tmp_path: Path) -> None:
    ask(report=tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert told["estimate"] == {"total_steps": 750, "estimated_hours": 4.17,
                                "fits_in_window": True}  # fmt: skip
    assert [way["method"] for way in told["truth"]["ways"]] == ["lora", "qlora", "full"]


@pytest.mark.parametrize("given, said", [
    ({"priority": "quick"}, "priority is 'quick'; expected one of fast, balanced, quality"),
    ({"num_samples": 0}, "num_samples is 0; expected a whole number from 1 to"),
    ({"num_samples": 80.5}, "num_samples is 80.5"),
    ({"avg_tokens_per_sample": -500}, "avg_tokens_per_sample is -500; expected a number above 0"),
    ({"num_epochs": math.nan}, "num_epochs is nan"),
    ({"max_hours": "12"}, "max_hours is '12'"),
    ({"priority": ["fast"]}, "priority is ['fast']; expected one of"),
    ({"profile": {"batch_size": 4}}, "profile is a dict; expected an OptimizationProfile"),
    ({"profil": None}, "profil is no argument of optimize_for_dataset; did you mean profile?"),
    ({"xyz": 1}, "xyz is no argument of optimize_for_dataset; known are profile"),
])  # fmt: skip
def test_a_wrong_argument_is_one_line_that_begins_with_its_name(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        ask(**given)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


def test_the_examples_in_the_docs_run(root: Path) -> None:
    page = root / "docs" / "guides.md"
    assert doctest.testfile(str(page), module_relative=False) == (0, 11)


def test_the_names_load_no_torch_before_they_are_called() -> None:
    program = ("import sys; from overnight import optimize_for_dataset, OptimizationProfile, "
               "H100OptimizationProfile as H; print('torch' in sys.modules, "
               "H is OptimizationProfile)")  # fmt: skip
    command = [sys.executable, "-c", program]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.split() == ["False", "True"]

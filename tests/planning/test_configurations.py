from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest

from overnight.planning import configurations
from overnight.planning.configurations import BARE, CONFIGURATIONS, find, names
from overnight.values.request import Request, Settings

DESIGNED = [
    "colab/original",
    "colab/optimized",
    "colab/more-vram",
    "colab/low-memory",
    "colab/maximum-speed",
    "colab/one-epoch",
    "bot/baseline",
    "bot/recommended",
    "bot/aggressive",
    "bot/today",
    "bot/prompt-work",
    "dimtda/before",
    "dimtda/after",
]


def named(name: str) -> Mapping[str, Any]:
    found = find(name)
    assert found is not None
    return found.settings


def test_the_names_are_those_of_the_design() -> None:
    assert sorted(names()) == sorted(DESIGNED)


@pytest.mark.parametrize("name", [*DESIGNED, *BARE])
def test_every_key_is_one_that_can_be_given(name: str) -> None:
    keys = {each.name for each in (*fields(Settings), *fields(Request))}
    assert set(named(name)) <= keys


@pytest.mark.parametrize(("bare", "whole"), BARE.items())
def test_guide_fives_bare_names_are_guide_twos(bare: str, whole: str) -> None:
    assert named(bare) == named(whole)


def test_the_bots_three_differ_as_guide_fives_table_says() -> None:
    rates = [named(name)["learning_rate"] for name in BARE]
    steps = [named(name)["gradient_accumulation_steps"] for name in BARE]
    assert rates == [2e-4, 2.5e-4, 3e-4]
    assert steps == [16, 32, 64]
    assert [named(name)["fp16"] for name in BARE] == [False, True, True]


def test_guide_ones_table_of_epochs_and_batches() -> None:
    cells = [("colab/original", 5, 4), ("colab/optimized", 3, 8), ("colab/maximum-speed", 2, 12),
             ("colab/one-epoch", 1, 16)]  # fmt: skip
    for name, epochs, batch in cells:
        found = named(name)
        assert (found["num_train_epochs"], found["per_device_train_batch_size"]) == (epochs, batch)


def test_guide_threes_steps_hold_as_many_rows_before_and_after() -> None:
    sizes = [named(f"dimtda/{when}") for when in ("before", "after")]
    rows = [one["per_device_train_batch_size"] * one["gradient_accumulation_steps"]
            for one in sizes]  # fmt: skip
    assert rows == [32, 32]


def test_what_a_guide_does_not_say_is_said() -> None:
    for one in CONFIGURATIONS:
        assert "learning_rate" in {**one.settings, **one.lacks}, one.name
        assert one.source.startswith("guide")


def test_an_unknown_name_is_told_what_is_near() -> None:
    assert find("bot/recomended") is None
    assert "near: bot/rec" in configurations.near("bot/recomended")
    assert "there are colab/original" in configurations.near("zzz")

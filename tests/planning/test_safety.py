from typing import Any

import pytest
from tests.planning.facts import LARGE, question

from overnight.planning import search
from overnight.planning.safety import notes
from overnight.values.request import Settings


def told(**given: Any) -> tuple[str, ...]:
    asked = question(settings=Settings(**given), method="full", window=None)
    return notes(search.choose(asked), asked)


def test_nothing_given_is_nothing_said() -> None:
    assert told(num_train_epochs=2.0) == ()


@pytest.mark.parametrize(("micro_batches", "level"), [
    (32, "safe to use (no risk)"), (64, "test first (low risk)"), (128, "test first (low risk)"),
    (129, "not recommended"),
])  # fmt: skip
def test_accumulation_has_the_guides_level_and_what_was_measured(micro_batches, level) -> None:
    (note,) = told(gradient_accumulation_steps=micro_batches, per_device_train_batch_size=1,
                   num_train_epochs=1.0)  # fmt: skip
    assert note.startswith(f"gradient_accumulation_steps={micro_batches}: guide 2 says {level};")
    assert "no hour is saved" in note and len(note) < 200


@pytest.mark.parametrize(("rate", "level"), [
    (2.5e-6, "safe to use"), (3e-4, "test first"), (5e-4, "test first"), (6e-4, "not recommended"),
])  # fmt: skip
def test_a_rate_has_the_guides_level_and_stands_beside_the_rules(rate: float, level: str) -> None:
    (note,) = told(learning_rate=rate, num_train_epochs=1.0)
    assert f"guide 2 says {level}" in note
    assert "full fine-tuning" in note and "steps" in note


def test_a_safe_rate_near_the_rules_is_not_worth_a_word() -> None:
    asked = question(model=LARGE, method="lora", window=None,
                     settings=Settings(learning_rate=2.4e-4, max_steps=2000))  # fmt: skip
    assert notes(search.choose(asked), asked) == ()


def test_less_than_one_epoch_is_not_recommended_there_and_lands_here() -> None:
    (note,) = told(num_train_epochs=0.5)
    assert note.startswith("num_train_epochs=0.5: guide 2 says not recommended")

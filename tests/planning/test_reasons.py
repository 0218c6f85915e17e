"""Every setting has its reason, in words."""

import pytest
from tests.planning.facts import question

from overnight.planning import search
from overnight.values.request import Settings


def test_no_reason_is_empty_and_no_setting_is_named_twice():
    reasons = search.choose(question()).reasons
    assert all(reason.why and reason.value for reason in reasons)
    names = [reason.setting for reason in reasons]
    assert len(names) == len(set(names))


def test_more_than_four_epochs_are_called_wasteful():
    plan = search.choose(question(window=None, settings=Settings(num_train_epochs=9.0)))
    assert any("more than about four passes" in note for note in plan.notes)


def test_a_plain_plan_has_nothing_to_warn_of():
    plain = question(window=None, settings=Settings(num_train_epochs=1.0))
    assert search.choose(plain).notes == ()


def test_where_the_epochs_are_done_long_before_the_window_is_over_the_plan_says_what_to_do():
    (note,) = search.choose(question(window=36_000.0)).notes
    assert note.startswith("4 epochs are done after about") and "--priority quality" in note
    filled = search.choose(question(window=36_000.0, priority="quality"))
    assert all("are done after" not in note for note in filled.notes)


def test_adapters_have_their_reasons_and_full_fine_tuning_has_none():
    def named(method: str) -> dict[str, str]:
        plan = search.choose(question(method=method))
        return {reason.setting: reason.value for reason in plan.reasons}

    lora = named("lora")
    assert (lora["lora_r"], lora["lora_alpha"]) == ("16", "32")
    assert lora["lora_target_modules"] == "all linear layers"
    assert "lora_r" not in named("full")


def test_a_strategy_is_told_with_what_it_does_though_it_was_given():
    asked = question(settings=Settings(strategy="progressive"))
    (reason,) = [one for one in search.choose(asked).reasons if one.setting == "strategy"]
    assert reason.given and "rows a step, each for a third" in reason.why
    assert "strategy" not in {one.setting for one in search.choose(question()).reasons}


@pytest.mark.parametrize(("settings", "told"), [
    (Settings(strategy="two-stage"), "the second stage holds all 900 rows"),
    (Settings(stage2_rows=10), "stage2_rows is for --strategy two-stage alone"),
])  # fmt: skip
def test_a_second_stage_that_picks_nothing_is_told(settings: Settings, told: str):
    assert [note for note in search.choose(question(settings=settings)).notes if told in note]


def test_a_second_stage_that_picks_is_not_worth_a_note():
    asked = question(settings=Settings(strategy="two-stage", stage2_rows=100))
    assert not [note for note in search.choose(asked).notes if "stage" in note]

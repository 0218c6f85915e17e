"""Every setting has its reason, in words."""

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
    assert search.choose(question(window=36_000.0)).notes == ()

import pytest
from tests.planning.facts import question

from overnight.planning import search, trials
from overnight.planning.batch_rates import MEASURED, by_rule, guide, scaled, words
from overnight.values.request import Settings


def test_the_guides_three_rates_are_its_own_and_others_lie_on_the_lines_through_them() -> None:
    assert [guide(rows) for rows in (16, 32, 64)] == [2e-4, 2.5e-4, 3e-4]
    assert 2e-4 < guide(24) < 2.5e-4 < guide(48) < 3e-4
    assert guide(1) < guide(8) < 2e-4 and 3e-4 < guide(128) < 4e-4


def test_the_guides_own_alternative_is_the_square_root_it_works_out() -> None:
    assert scaled(2e-4, rows=32, known=16, exponent=0.5) == pytest.approx(2.8e-4, rel=0.02)


def test_all_rules_agree_at_sixteen_rows_and_part_beyond() -> None:
    assert {by_rule(rule, 16) for rule in ("guide", "sqrt", "measured")} == {2e-4}
    assert by_rule("guide", 256) < by_rule("measured", 256) < by_rule("sqrt", 256)
    assert MEASURED.low < MEASURED.mid < MEASURED.high


@pytest.mark.parametrize("rule", ["guide", "sqrt", "measured"])
def test_a_rule_that_was_asked_for_sets_the_rate_and_says_so(rule) -> None:
    given = Settings(learning_rate_rule=rule, per_device_train_batch_size=8,
                     gradient_accumulation_steps=4)  # fmt: skip
    asked = question(settings=given)
    plan = search.choose(asked)
    assert plan.candidate.learning_rate == by_rule(rule, 32)
    (reason,) = [one for one in plan.reasons if one.setting == "learning_rate"]
    assert reason.why == words(rule)
    assert not trials.pilots_wanted(asked)


def test_a_rate_that_was_given_counts_over_a_rule() -> None:
    asked = question(settings=Settings(learning_rate_rule="sqrt", learning_rate=1e-3))
    assert search.choose(asked).candidate.learning_rate == 1e-3

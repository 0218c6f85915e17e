import pytest
from tests.planning.remembered import ASKED, candidate, night

from overnight.planning import rules
from overnight.planning.lessons import lessons
from overnight.planning.rates import best_rate, rate_for
from overnight.values.lessons import Remembered

RULE = rules.learning_rate("full", 64, 200)


def tried(rate: float, gain: float, **changed: object) -> Remembered:
    return night(gain=gain, candidate=candidate(learning_rate=rate), **changed)


def test_a_rate_that_beat_the_rules_is_taken_and_carried_over_to_other_horizons() -> None:
    nights = [tried(RULE, 0.5), tried(2 * RULE, 0.6)]
    assert best_rate(nights, ASKED) == (2 * RULE, 200)
    known = lessons(nights, ASKED)
    same = rate_for(known, method="full", hidden_size=64, steps=200)
    assert same == pytest.approx(2 * RULE, rel=0.01)
    longer = rate_for(known, method="full", hidden_size=64, steps=20_000)
    assert longer == pytest.approx(2 * rules.learning_rate("full", 64, 20_000), rel=0.01)


@pytest.mark.parametrize("better", [
    tried(2 * RULE, 0.501),  # within what a seed changes
    tried(2 * RULE, 0.6, well=False),
    tried(2 * RULE, 0.6, data="poems"),
    tried(2 * RULE, 0.6, num_parameters=10**7),
    tried(2 * RULE, 0.6, actual={"steps": 2000.0}),
    tried(2 * RULE, None),
    night(gain=0.6, candidate=candidate(learning_rate=2 * RULE, strategy="progressive")),
])  # fmt: skip
def test_a_rate_that_was_not_fairly_better_changes_nothing(better: Remembered) -> None:
    assert best_rate([tried(RULE, 0.5), better], ASKED) == (None, 0)


def test_a_rate_that_was_never_set_against_the_rules_changes_nothing() -> None:
    known = lessons([tried(RULE / 50, 0.5)] * 3, ASKED)
    assert known.learning_rate is None
    assert rate_for(known, method="full", hidden_size=64, steps=200) is None


def test_a_rate_that_pilots_spoke_for_needs_no_pilots_again() -> None:
    nights = [tried(RULE / 50, 0.6, piloted=True), tried(RULE / 20, 0.5, piloted=True)]
    assert best_rate(nights, ASKED) == (RULE / 50, 200)


def test_where_the_rules_own_rate_was_better_than_what_pilots_said_it_stands() -> None:
    assert best_rate([tried(RULE / 50, 0.4, piloted=True), tried(RULE, 0.5)], ASKED) == (None, 0)

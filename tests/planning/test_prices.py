"""What the parts of a night cost before one of them was paid."""

from dataclasses import replace

from tests.planning.facts import CPU, DATA, MODEL, question

from overnight.planning import search
from overnight.planning.prices import prior_prices
from overnight.values.facts import Interval

CANDIDATE = search.choose(question()).candidate
PACE = Interval(low=500.0, mid=1000.0, high=2000.0)


def test_evaluation_grows_with_what_is_held_out():
    few = prior_prices(CANDIDATE, MODEL, DATA, PACE, hardware=CPU)
    more = prior_prices(CANDIDATE, MODEL, replace(DATA, num_test=500), PACE, hardware=CPU)
    assert more.evaluation.mid > few.evaluation.mid


def test_the_start_is_imports_tokenising_and_loading():
    found = prior_prices(CANDIDATE, MODEL, DATA, PACE, hardware=CPU)
    parts = (found.imports, found.tokenising, found.loading)
    assert found.start.mid == sum(part.mid for part in parts)

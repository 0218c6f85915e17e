"""What a comparison is made of."""

from typing import get_args

from overnight.values import trials
from overnight.values.ledger import Event
from overnight.values.trials import Sliced, Trial


def test_a_trial_is_named_by_what_it_trains_to_what_end_and_with_which_seed() -> None:
    assert Trial(setting="baseline", seed=2, kind="work").title == "baseline, equal work, seed 2"


def test_everything_but_the_trial_itself_is_an_event_that_the_journal_can_hold() -> None:
    kinds = [kind for kind in vars(trials).values() if isinstance(kind, type)]
    here = {kind for kind in kinds if kind.__module__ == trials.__name__}
    assert here - {Trial} and here - {Trial} <= set(get_args(Event))


def test_a_slice_goes_on_unless_it_says_why_not() -> None:
    told = Sliced(trial=Trial(setting="a", seed=1, kind="time"), round=1, name="checkpoint-1",
                  step=1, spent=1.0, learnt=1, steps=1, seconds=1.0, tokens=1, learnt_tokens=1,
                  loss=1.0, peak_bytes=0)  # fmt: skip
    assert not told.over and told.troubles == {}

"""What is tried before the first step, and what it is expected to take."""

from dataclasses import replace

import pytest
from tests.planning.facts import question

from overnight.planning import pilots, ranking, search, trials
from overnight.planning.question import Question
from overnight.values.choices import Rated, Sized
from overnight.values.lessons import Lessons
from overnight.values.plan import Plan
from overnight.values.request import Settings

SIZED = Sized(per_device_train_batch_size=4, gradient_accumulation_steps=1, paces=(), why="",
              tokens_per_second=900.0, fixed_tokens=90.0, seconds=7.0,
              learning_rate=1e-3)  # fmt: skip
RATED = Rated(learning_rate=1e-3, best=2e-3, steps=100, pilots=3, seconds=9.0, why="")


def planned(asked: Question) -> Plan:
    return search.choose(asked)


def test_in_a_long_window_both_are_in_the_plan_within_their_share():
    plan = planned(question(window=3600.0))
    tried = plan.time.phases["trials"]
    assert 0.0 < tried.mid <= tried.high <= pilots.SHARE * 3600.0
    assert plan.time.total.mid <= 3600.0


def test_without_a_window_nothing_is_tried():
    asked = question(window=None, settings=Settings(num_train_epochs=1))
    assert "trials" not in planned(asked).time.phases


@pytest.mark.parametrize("settings", [
    Settings(learning_rate=1e-3), Settings(per_device_train_batch_size=4),
], ids=str)  # fmt: skip
def test_what_the_user_gave_is_not_tried(settings: Settings):
    asked = question(settings=settings)
    open_ = (trials.sizing_wanted(asked, ranking.chosen(asked)[0].candidate),
             trials.pilots_wanted(asked))  # fmt: skip
    assert sorted(open_) == [False, True]


def test_a_rate_that_history_knows_is_not_looked_for():
    assert not trials.pilots_wanted(replace(question(), lessons=Lessons(learning_rate=1e-3)))


def test_rows_that_memory_has_cut_up_are_not_sized():
    asked = question()
    candidate = ranking.chosen(asked)[0].candidate
    assert not trials.sizing_wanted(asked, replace(candidate, max_tokens_per_micro_batch=512))


def test_what_is_over_counts_with_what_it_took():
    asked = replace(question(), sized=SIZED, rated=RATED)
    plan = planned(asked)
    found = trials.seconds(asked, plan.candidate, plan.time, 1.0)
    assert found.mid == found.high == SIZED.seconds

"""What is expected of a night before anything is measured."""

from dataclasses import replace

from tests.planning.facts import question

from overnight.planning import outlook, ranking
from overnight.values.facts import Interval
from overnight.values.lessons import Lesson, Lessons
from overnight.values.request import Settings


def test_prices_that_history_knows_are_corrected_and_the_others_are_not():
    twice = Lesson(ratio=Interval(low=1.8, mid=2.0, high=2.2), nights=4)
    asked = question()
    judged, _ = ranking.chosen(asked)
    learnt = outlook.of(replace(asked, lessons=Lessons(by_key={"save": twice})), judged)
    assert learnt.prices.save.mid == 2.0 * learnt.prior.save.mid
    assert learnt.prices.evaluation == learnt.prior.evaluation


def test_the_raw_figures_have_a_key_for_every_price():
    asked = question()
    judged, _ = ranking.chosen(asked)
    raw = outlook.raw(judged, outlook.of(asked, judged).prior)
    assert {"tokens_per_second", "peak_bytes", "imports", "tokenising", "loading", "settling",
            "save", "evaluation", "publish"} == set(raw)  # fmt: skip


def test_epochs_that_were_asked_for_are_told_from_those_of_a_priority():
    asked = question(settings=Settings(num_train_epochs=2.0))
    assert outlook.terms(asked, "catalogue").asked
    assert not outlook.terms(question(), "catalogue").asked

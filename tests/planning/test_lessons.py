import math
import random
from dataclasses import replace
from statistics import median

import pytest
from tests.planning.remembered import ASKED, DAY, candidate, night

from overnight.planning.lessons import corrected, lessons
from overnight.values.facts import Interval
from overnight.values.lessons import Lesson, Lessons, Remembered

PACE = "tokens_per_second"


def learnt(*nights: Remembered, key: str = PACE) -> Lesson:
    lesson = lessons(nights, ASKED).about(key)
    assert lesson is not None
    return lesson


def width(lesson: Lesson) -> float:
    return lesson.ratio.high / lesson.ratio.low


def test_without_nights_there_is_nothing_to_learn() -> None:
    assert lessons([], ASKED) == Lessons()


def test_another_machine_teaches_nothing() -> None:
    assert lessons([night(2.0, machine="there")], ASKED) == Lessons()


def test_a_figure_that_was_not_measured_or_not_foretold_is_passed_over() -> None:
    silent = [night(prior={}), night(actual={}), night(0.0), night(prior={PACE: 0.0})]
    assert lessons(silent, ASKED) == Lessons()


@pytest.mark.parametrize("ratio", [0.2, 0.7, 1.0, 3.0])
def test_five_nights_alike_teach_their_ratio(ratio: float) -> None:
    assert learnt(*[night(ratio)] * 5).ratio.mid == pytest.approx(ratio, rel=0.03)


def test_one_night_is_believed_less_than_five() -> None:
    one, five = learnt(night(2.0)), learnt(*[night(2.0)] * 5)
    assert 1.0 < one.ratio.mid < five.ratio.mid < 2.0
    assert width(one) > width(five)
    assert (one.nights, five.nights) == (1, 5)


@pytest.mark.parametrize("bad", [0.2, 5.0])
@pytest.mark.parametrize("at", range(5))
def test_a_bad_night_poisons_nothing(bad: float, at: int) -> None:
    ratios = [0.7, 0.72, 0.68, 0.71]
    nights = [night(ratio, when_utc=day * DAY) for day, ratio in enumerate(ratios)]
    spoilt = [*nights[:at], night(0.7 * bad, when_utc=at * DAY), *nights[at:]]
    assert learnt(*spoilt).ratio.mid == pytest.approx(0.7, rel=0.06)
    assert width(learnt(*spoilt)) < 1.5 * width(learnt(*nights))


def test_of_two_nights_that_contradict_each_other_the_milder_counts_and_the_doubt_is_wide() -> None:
    lesson = learnt(night(0.8), night(0.16))
    assert 0.75 < lesson.ratio.mid < 1.0
    assert width(lesson) > 2 * width(learnt(night(0.8), night(0.8)))


def test_what_differs_counts_less_than_what_is_alike() -> None:
    alike = [night(0.5), night(0.5)]
    unlike = [night(2.0, num_parameters=10**9, architecture="GPT2",
                    candidate=candidate(method="lora", precision="bf16"))] * 5  # fmt: skip
    assert learnt(*alike, *unlike).ratio.mid < 0.6
    assert learnt(*unlike).ratio.mid > 1.2  # but where there is nothing else, it is something


def test_imports_take_what_they_take_whatever_the_model_is() -> None:
    other = night(0.5, key="imports", num_parameters=10**9, candidate=candidate(method="lora"))
    assert learnt(other, key="imports") == learnt(night(0.5, key="imports"), key="imports")


def test_new_nights_outweigh_old_ones() -> None:
    old = [night(3.0, when_utc=0.0)] * 4
    new = [night(1.5, when_utc=365 * DAY)] * 2
    assert learnt(*old, *new).ratio.mid < 1.7


def test_what_is_not_settled_yet_is_like_everything() -> None:
    open_question = replace(ASKED, method=None, precision=None, tokens=None)
    assert lessons([night(2.0)], open_question) == lessons([night(2.0)], ASKED)


def _drawn(rng: random.Random, bad: float) -> tuple[float, list[Remembered]]:
    """A machine's true log ratio, and five nights on it, some five times too slow."""
    true = rng.gauss(0.0, 0.45)
    slow = [math.log(5.0) if rng.random() < bad else 0.0 for _ in range(5)]
    return true, [night(math.exp(true + rng.gauss(0.0, 0.12) - each)) for each in slow]


@pytest.mark.parametrize("bad", [0.0, 0.2])
def test_over_many_machines_five_nights_halve_the_error_and_the_intervals_hold(bad: float) -> None:
    rng = random.Random(4)
    without, with_them, held = [], [], 0
    for _ in range(300):
        true, nights = _drawn(rng, bad)
        ratio, coming = learnt(*nights).ratio, true + rng.gauss(0.0, 0.12)
        without.append(abs(coming))
        with_them.append(abs(coming - math.log(ratio.mid)))
        held += ratio.low <= math.exp(coming) <= ratio.high
    assert median(with_them) < 0.5 * median(without)
    assert held >= 0.85 * 300


def test_a_prior_is_scaled_and_its_interval_becomes_the_lessons() -> None:
    lesson = Lesson(ratio=Interval(low=0.4, mid=0.5, high=0.6), nights=5)
    prior = Interval(low=10.0, mid=100.0, high=1000.0)
    assert corrected(prior, lesson) == Interval(low=40.0, mid=50.0, high=60.0)
    assert corrected(prior, None) is prior


def test_the_ratio_of_two_tiny_figures_is_not_carried_over_to_a_large_one() -> None:
    tiny = night(key="loading", prior={"loading": 0.002}, actual={"loading": 0.2})
    lesson = learnt(*[tiny] * 5, key="loading")
    assert corrected(Interval.exactly(0.002), lesson).mid == pytest.approx(0.2, abs=0.05)
    assert corrected(Interval.exactly(10.0), lesson).mid < 20.0


def test_what_took_no_time_at_all_is_a_lesson_where_seconds_are_compared() -> None:
    nothing = night(key="settling", prior={"settling": 1.0}, actual={"settling": 0.0})
    assert learnt(*[nothing] * 5, key="settling").ratio.mid < 0.6
    assert lessons([night(actual={PACE: math.nan})], ASKED) == Lessons()


def test_what_is_corrected_never_falls_below_nothing() -> None:
    lesson = Lesson(ratio=Interval(low=0.1, mid=0.5, high=1.0), nights=1, offset=0.25)
    assert corrected(Interval.exactly(0.1), lesson).low == 0.0


def test_one_night_that_is_off_beyond_belief_leaves_more_doubt_than_five() -> None:
    one, five = learnt(night(0.02)), learnt(*[night(0.02)] * 5)
    assert width(one) > 5 * width(learnt(night(0.7)))
    assert width(five) < 1.5 * width(learnt(*[night(0.7)] * 5))


def test_nights_unlike_the_one_asked_for_leave_more_doubt_however_many() -> None:
    unlike = [night(0.5, num_parameters=10**9)] * 50
    assert width(learnt(*unlike)) > 1.3 * width(learnt(*[night(0.5)] * 50))

from overnight.values.facts import Interval
from overnight.values.lessons import Lesson, Lessons


def test_a_lesson_is_found_under_its_key() -> None:
    pace = Lesson(ratio=Interval(low=0.8, mid=1.0, high=1.2), nights=3)
    assert Lessons(by_key={"tokens_per_second": pace}).about("tokens_per_second") == pace


def test_without_history_there_is_no_lesson() -> None:
    assert Lessons().about("tokens_per_second") is None

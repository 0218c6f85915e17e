import pytest

from overnight.report.finish import Finish, finish_of, spare_words
from overnight.report.words import Clock

from .test_live import NOW, STATUS


@pytest.mark.parametrize(
    ("deadline", "held"), [(None, None), (300.0, "on track"), (150.0, "tight"), (50.0, "late")]
)
def test_a_deadline_inside_the_interval_is_tight(deadline, held):
    finish = Finish(low=100.0, high=200.0, deadline=deadline, clock=Clock(near=0.0))
    assert finish.held == held


def test_without_a_deadline_only_the_finish_is_told():
    finish = Finish(low=0.0, high=3600.0, deadline=None, clock=Clock(near=0.0))
    assert finish.words().plain == "finishes 00:00-01:00"


@pytest.mark.parametrize(
    ("seconds", "told"), [(59.0, "59 s"), (1741.0, "29 min"), (5400.0, "1 h 30 m")]
)
def test_spare_time_is_no_finer_than_a_forecast(seconds, told):
    assert spare_words(seconds) == told


def test_a_status_tells_the_finish_once_it_is_foreseen():
    found = finish_of(STATUS, now_utc=NOW)
    assert (found.low, found.high, found.held) == (NOW + 100, NOW + 4000, "on track")

from datetime import datetime

import pytest

from overnight.probe.clock_words import read_wish
from overnight.values.errors import InputError

FRIDAY_NIGHT = datetime(2026, 11, 20, 22, 15)


def test_a_bare_time_is_today_or_one_of_the_next_days() -> None:
    walls = read_wish("8:00", now=FRIDAY_NIGHT).walls
    assert [wall.day for wall in walls] == [20, 21, 22]


def test_a_weekday_that_is_today_is_today_first() -> None:
    assert read_wish("friday 23:00", now=FRIDAY_NIGHT).walls[0] == datetime(2026, 11, 20, 23)


@pytest.mark.parametrize("text", ["sat 8am", "8am sat", "SAT at 08:00", "on saturday 8 am"])
def test_the_day_may_stand_before_or_behind_and_be_spelled_in_many_ways(text: str) -> None:
    assert read_wish(text, now=FRIDAY_NIGHT).walls[0] == datetime(2026, 11, 21, 8)


@pytest.mark.parametrize("text, hour", [("12am", 0), ("12pm", 12), ("noon", 12), ("midnight", 0)])
def test_twelve_o_clock_is_the_right_one(text: str, hour: int) -> None:
    assert read_wish(text, now=FRIDAY_NIGHT).walls[0].hour == hour


def test_an_offset_makes_it_an_instant() -> None:
    wish = read_wish("2026-11-21T08:00+02:00", now=FRIDAY_NIGHT)
    assert wish.instants == (datetime.fromisoformat("2026-11-21T06:00+00:00").timestamp(),)


@pytest.mark.parametrize("text, mend", [
    ("7", "07:00"),
    ("sat 8", "am or pm"),
    ("sat", "no time of day"),
    ("2026-11-21", "2026-11-21 08:00"),
    ("25:00", "no time of day"),
    ("sat 13pm", "no time of day"),
    ("sat midnight", "00:00 or 23:59"),
    ("next friday 8am", "two days"),
    ("5/6/2026 8:00", "year first"),
    ("8h", "--within"),
    ("in 8 hours", "--within"),
    ("banana", "sat 8am"),
    ("", "sat 8am"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_how_to_write_it(text: str, mend: str) -> None:
    with pytest.raises(InputError, match=mend):
        read_wish(text, now=FRIDAY_NIGHT)


def test_other_words_go_to_dateparser() -> None:
    assert datetime(2026, 11, 22, 8) in read_wish("in two days at 8am", now=FRIDAY_NIGHT).walls
    assert datetime(2026, 11, 21, 8) in read_wish("21 Nov 08:00", now=FRIDAY_NIGHT).walls

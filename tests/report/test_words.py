import math
import time

import pytest

from overnight.report import words
from overnight.report.words import Clock
from overnight.values.facts import Interval

NOON = 1_795_262_400.0  # Sat 21 Nov 2026 12:00 UTC


@pytest.mark.parametrize("wild", ["\x1b", "\x07", "\x00", "\x9b", "\u202e", "\u2066", "\ud800"])
def test_characters_that_could_act_are_shown_as_numbers(wild):
    told = words.inert(f"a{wild}b")
    assert wild not in told
    assert told in {f"a\\x{ord(wild):02x}b", f"a\\u{ord(wild):04x}b"}


def test_every_script_and_its_joiners_stay_as_they_are():
    text = "naïve 你好 می‌خواهم 👩\u200d🔬\n\ttab"
    assert words.inert(text) == text


def test_a_long_text_becomes_one_short_line():
    assert words.inert_line("one\ntwo\r\n  three", limit=10) == "one two t…"


def test_a_clock_names_the_day_only_where_it_is_another():
    clock = Clock(near=NOON)
    assert clock.show(NOON + 60) == "12:01"
    assert clock.show(NOON - 13 * 3600) == "Fri 23:00"


def test_a_day_a_week_off_is_named_by_its_date():
    assert Clock(near=NOON).show(NOON + 7 * 86400) == "28 Nov 12:00"


def test_in_a_list_of_nights_every_date_is_named():
    assert words.date(NOON) == "21 Nov"


def test_a_short_night_is_told_to_the_second():
    assert Clock(near=NOON, exact=True).span(NOON, NOON + 61) == "12:00:00 to 12:01:01"


def test_a_span_names_its_day_once_and_one_time_where_both_are_the_same():
    clock = Clock(near=NOON)
    assert clock.span(NOON + 86400, NOON + 86460) == "Sun 12:00 to 12:01"
    assert clock.span(NOON + 1, NOON + 2) == "12:00"


def test_a_span_over_midnight_names_both_days():
    clock = Clock(near=NOON)
    low, high = NOON + 35 * 3600, NOON + 37 * 3600
    assert clock.span(low, high) == "Sun 23:00 to Mon 01:00"


def test_times_are_those_of_the_machines_zone(monkeypatch):
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    assert words.day_clock(NOON) == "Sat 21 Nov 13:00 CET"
    assert words.iso(NOON) == "2026-11-21T13:00:00+01:00"


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.0, "0"), (2.5e-4, "2.5e-4"), (1e-3, "1e-3"), (1.234567e-5, "1.23e-5"),
     (math.nan, "not a number")],
)  # fmt: skip
def test_a_learning_rate_is_short(value, told):
    assert words.rate(value) == told


def test_figures_that_are_none_are_said_to_be():
    assert words.in_unit(math.inf, "bytes") == "infinite"
    assert words.in_unit(math.nan, "seconds") == "not a number"


@pytest.mark.parametrize(("epochs", "told"), [(2.2981, "2.3"), (3.0, "3"), (0.00803, "0.008")])
def test_epochs_are_no_finer_than_anybody_asks(epochs, told):
    assert words.in_unit(epochs, "epochs") == told


def test_an_interval_is_told_with_its_unit_once():
    assert words.between(Interval(low=600, mid=650, high=700), "pace") == "600 to 700 tokens/s"
    assert words.between(Interval.exactly(2**30), "bytes") == "1.0 GiB"


def test_one_thing_is_singular():
    assert words.count_of(1, "step") == "1 step"
    assert words.count_of(2400, "step") == "2,400 steps"

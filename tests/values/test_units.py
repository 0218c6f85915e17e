import pytest

from overnight.values.errors import InputError
from overnight.values.units import (
    parse_duration,
    show_bytes,
    show_count,
    show_duration,
)


@pytest.mark.parametrize("text, seconds", [
    ("90s", 90), ("45 sec", 45), ("30m", 1800), ("2 minutes", 120), ("7h30m", 27000),
    ("1.5 hours", 5400), ("1,5h", 5400), ("2d 4h", 187200), ("1w", 604800), ("12H", 43200),
    ("12:00:00", 43200), ("8:30", 30600), ("00:00:45", 45), (" 3m ", 180), ("1 hr", 3600),
])  # fmt: skip
def test_a_duration_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", [
    "", "12", "h", "8 parsecs", "7h 30", "-3h", "12h!", "sat 8am", "8:75", "nan"])  # fmt: skip
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InputError, match="is not a duration; write 45s"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0s", "0h", "00:00:00"])
def test_no_time_at_all_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no time at all"):
        parse_duration(text)


@pytest.mark.parametrize("seconds, shown", [
    (0.42, "0.4 s"), (45, "45 s"), (185, "3 m 05 s"), (41880, "11 h 38 m"), (90061, "1 d 1 h"),
    (-185, "-3 m 05 s"), (59.6, "1 m 00 s"), (9.94, "9.9 s"), (3599.9, "1 h 00 m"),
])  # fmt: skip
def test_a_duration_is_shown_in_its_two_leading_units(seconds: float, shown: str) -> None:
    assert show_duration(seconds) == shown


@pytest.mark.parametrize("count, shown", [
    (640, "640 B"), (2048, "2 KiB"), (512 * 2**20, "512.0 MiB"), (22.4 * 2**30, "22.4 GiB"),
    (3 * 2**40, "3.0 TiB"),
])  # fmt: skip
def test_bytes_are_shown_in_binary_units(count: float, shown: str) -> None:
    assert show_bytes(count) == shown


@pytest.mark.parametrize("count, shown", [(7473, "7,473"), (5.9e6, "5.9 M"), (8.03e9, "8.03 B")])
def test_counts_are_grouped_or_rounded(count: float, shown: str) -> None:
    assert show_count(count) == shown

"""How people took a row, and when it was written."""

import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from overnight.probe.marks import NAMED, Marks, Named, count_of, dated, find, seconds_of
from overnight.values.errors import DataError

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC).timestamp()


def found(*rows: dict[str, Any], chat: str = "messages", place: str = "chats.jsonl:1",
          **named: Any) -> Marks:  # fmt: skip
    return find([(row, place) for row in rows], chat, Named(**named))


@pytest.mark.parametrize(("value", "count"), [
    (3, 3.0), (2.5, 2.5), ("1,204", 1204.0), ([1, 2, 3], 3.0), ({"up": 2, "heart": 3}, 5.0),
    ([{"emoji": "+1", "count": 4}, {"emoji": "x"}], 5.0), ([], 0.0), ({}, 0.0), (0, 0.0),
    (True, None), ("many", None), (None, None), (math.nan, None), ("inf", None),
])  # fmt: skip
def test_engagement_is_a_number_or_what_is_counted(value: object, count: float | None) -> None:
    assert count_of(value) == count


@pytest.mark.parametrize("value", [
    NOON, int(NOON * 1e3), NOON * 1e6, int(NOON * 1e9), str(int(NOON)), "2024-05-01T12:00:00Z",
    "2024-05-01 12:00", "2024-05-01T14:00:00+02:00", "Wed, 01 May 2024 12:00:00 +0000",
    "Wed May 01 12:00:00 +0000 2024", "2024/05/01 12:00", "01.05.2024 12:00",
    datetime(2024, 5, 1, 12, 0), datetime(2024, 5, 1, 14, 0, tzinfo=timezone(timedelta(hours=2))),
])  # fmt: skip
def test_a_time_is_read_in_its_usual_spellings(value: object) -> None:
    assert seconds_of(value) == NOON


@pytest.mark.parametrize("value", ["05/04/2024", "yesterday", 2024, "", None, True, [NOON], -1.0])
def test_what_could_be_two_times_or_none_is_not_read(value: object) -> None:
    assert seconds_of(value) is None


def test_a_day_begins_at_midnight() -> None:
    assert seconds_of(date(2024, 5, 1)) == NOON - 12 * 3600 == seconds_of("2024-05-01")


def test_known_columns_are_found_by_name_and_by_what_they_hold() -> None:
    row = {"prompt": "a", "Likes": "12", "date": "2024-05-01", "score": "good"}
    marks = found(row)
    assert marks == Marks("Likes", "date")
    assert marks.of(row, "chats.jsonl:1") == (12.0, NOON - 12 * 3600)


def test_a_column_that_cannot_be_read_is_passed_over() -> None:
    assert found({"score": "good", "date": "yesterday", "text": "a"}) == Marks()


def test_columns_may_be_named() -> None:
    row = {"text": "a", "claps": 3, "wann": "2024-05-01", "likes": 1}
    assert found(row, engagement="claps", time="wann") == Marks("claps", "wann")


def test_messages_may_hold_them_then_counts_add_up_and_the_newest_is_the_rows() -> None:
    said = [
        {"role": "user", "content": "q", "reactions": 1, "timestamp": NOON},
        {"role": "assistant", "content": "a", "reactions": 2, "timestamp": NOON + 60},
    ]
    row = {"messages": said}  # fmt: skip
    assert found(row).of(row, "a:1") == (3.0, NOON + 60)


def test_a_log_with_a_date_in_its_name_and_clock_times_is_dated() -> None:
    row, place = {"text": "[12:00] <ann> hello\n[12:01] <bob> hi"}, "2024-05-01.train.txt:1"
    marks = found(row, place=place)
    assert marks == Marks("", NAMED)
    assert marks.of(row, place) == (None, NOON)


@pytest.mark.parametrize(("text", "place", "time"), [
    ("2024-05-01 12:00 <ann> hello", "log.txt:1", NOON),
    ("<ann> hello", "2024-05-01.txt:3", NOON - 43200),
    ("[12:00] hello", "log.txt:1", None), ("[99:00] hello", "2024-05-01.txt:1", None),
    ("hello", "2024-13-01.txt:1", None),
])  # fmt: skip
def test_a_line_without_a_date_anywhere_has_no_time(text, place, time) -> None:
    assert dated(text, place) == time


@pytest.mark.parametrize(("named", "told"), [
    ({"engagement": "stars"}, "--engagement-column stars is no column; found: `question`"),
    ({"time": "when"}, "--time-column when is no column"),
    ({"needed": ("engagement",)}, "needs a column of reactions, .* found: `question`"),
    ({"needed": ("recent",)}, "name it with --time-column, or leave recent out"),
])  # fmt: skip
def test_a_missing_column_is_told_with_those_that_are_there(named, told) -> None:
    with pytest.raises(DataError, match=told):
        found({"question": "q", "answer": "a"}, **named)

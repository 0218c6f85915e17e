"""How much later, as people type it."""

from zoneinfo import ZoneInfo

import pytest

from overnight.cli.extending import more_time
from overnight.story.wishes import More
from overnight.values.errors import InputError

BERLIN = ZoneInfo("Europe/Berlin")
NOW = 1_795_255_200.0  # Sat 21 Nov 2026 11:00 in Berlin


def read(run=None, more=None, within=None, by=None):
    given = {"run": run, "more": more, "within": within, "by": by}
    return more_time(given, now_utc=NOW, zone=BERLIN)


def test_a_length_alone_means_the_newest_night():
    assert read(run="2h") == (None, More(seconds=7200.0))


def test_a_night_and_a_length():
    assert read(run="chats-base", more="45m") == ("chats-base", More(seconds=2700.0))


def test_from_now_on_or_by_a_clock_time():
    assert read(run="chats-base", within="3h") == ("chats-base", More(within=10_800.0))
    assert read(by="12:00") == (None, More(ends_utc=NOW + 3600.0))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"run": "chats-base"}, "no time is given; write one: overnight extend 2h"),
        ({"run": "2h", "by": "12:00"}, "TIME and --by both say how long"),
        ({"more": "2h", "within": "3h"}, "TIME and --within both say"),
        ({"run": "x", "more": "soon"}, "'soon' is not a duration"),
        ({"by": "2026-11-21 10:00"}, "is past"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, str], says: str):
    with pytest.raises(InputError, match=says):
        read(**given)

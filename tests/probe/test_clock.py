import os
import subprocess
import sys
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from tests.fakes import FakeClock

from overnight.probe import clock as clocks
from overnight.probe.clock import (
    SystemClock,
    echo,
    parse_instant,
    process_mark,
    process_started,
)
from overnight.values.errors import InputError

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str, *, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


def read(text: str, *, now: str, fold: int = 0) -> float:
    return parse_instant(text, now_utc=utc(now, fold=fold), zone=BERLIN)


@pytest.mark.parametrize("text, meant", [
    ("sat 8am", "2026-11-21 08:00"),
    ("8:00", "2026-11-21 08:00"),
    ("23:00", "2026-11-20 23:00"),
    ("tomorrow 07:30", "2026-11-21 07:30"),
    ("friday 23:00", "2026-11-20 23:00"),
    ("fri 22:00", "2026-11-27 22:00"),
    ("2026-11-21 08:00", "2026-11-21 08:00"),
    ("2026-11-21T08:00+00:00", "2026-11-21 09:00"),
    ("friday 21:30 UTC", "2026-11-20 22:30"),
    ("21:16 UTC", "2026-11-20 22:16"),
])  # fmt: skip
def test_the_next_such_instant_is_meant_asked_on_friday_at_22_15(text: str, meant: str) -> None:
    assert read(text, now="2026-11-20 22:15") == utc(meant)


@pytest.mark.parametrize("text", ["2026-11-20 08:00", "today 8am", "2026-11-20T20:15+00:00"])
def test_what_is_over_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is past: it is Fri 20 Nov 22:15 CET now"):
        read(text, now="2026-11-20 22:15")


def test_what_is_over_is_kept_where_a_night_may_be_resumed() -> None:
    now = utc("2026-11-20 22:15")
    over = parse_instant("2026-11-20 08:00", now_utc=now, zone=BERLIN, past=True)
    assert over == utc("2026-11-20 08:00")


def test_this_very_instant_is_over_too() -> None:
    assert read("22:15", now="2026-11-20 22:15") == utc("2026-11-21 22:15")


def test_the_night_when_clocks_go_forward_is_an_hour_shorter() -> None:
    now = utc("2026-03-28 23:00")
    assert parse_instant("sun 8am", now_utc=now, zone=BERLIN) - now == 8 * 3600


def test_the_night_when_clocks_go_back_is_an_hour_longer() -> None:
    now = utc("2026-10-24 23:00")
    assert parse_instant("sun 8am", now_utc=now, zone=BERLIN) - now == 10 * 3600


@pytest.mark.parametrize("text", ["02:30", "sun 02:30", "2026-03-29 02:30"])
@pytest.mark.parametrize("now", ["2026-03-28 23:00", "2026-03-29 01:45"])
def test_a_time_that_summer_time_skips_is_refused(text: str, now: str) -> None:
    with pytest.raises(InputError, match=r"does not exist.*Sun 29 Mar.*write 03:30"):
        read(text, now=now)


def test_a_skipped_time_that_is_over_is_the_next_day_s() -> None:
    assert read("02:30", now="2026-03-29 03:10") == utc("2026-03-30 02:30")
    assert read("sun 02:30", now="2026-03-29 03:10") == utc("2026-04-05 02:30")


def test_a_time_that_comes_twice_is_the_earlier_one_until_it_is_over() -> None:
    assert read("02:30", now="2026-10-24 23:00") == utc("2026-10-25 02:30", fold=0)
    assert read("02:30", now="2026-10-25 02:45") == utc("2026-10-25 02:30", fold=1)
    assert read("02:30", now="2026-10-25 02:45", fold=1) == utc("2026-10-26 02:30")


def test_the_echo_names_day_zone_and_what_is_left() -> None:
    said = echo(utc("2026-11-21 08:00"), now_utc=utc("2026-11-20 20:22"), zone=BERLIN)
    assert said == "by Sat 21 Nov 08:00 CET, in 11 h 38 m"


def test_the_echo_names_another_year_and_a_deadline_that_is_over() -> None:
    new_year = utc("2027-01-01 08:00")
    assert "08:00 CET (2027), in" in echo(new_year, now_utc=utc("2026-12-31 20:00"), zone=BERLIN)
    assert echo(new_year, now_utc=new_year + 120, zone=BERLIN).endswith("2 m 00 s ago")


def test_the_boot_clock_goes_on_and_the_boot_keeps_its_name() -> None:
    clock = SystemClock()
    assert clock.boot() <= clock.boot()
    assert clock.boot_id() == SystemClock().boot_id() != ""


def test_a_boot_without_a_name_is_equal_to_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    monkeypatch.setattr(clocks, "_BOOT_ID", clocks.Path(tmp_path) / "absent")
    assert clocks._boot_id.__wrapped__() != clocks._boot_id.__wrapped__()


def test_this_process_has_started_before_now_and_not_before_the_machine() -> None:
    clock = SystemClock()
    assert 0 < process_started(clock) < clock.boot()


def test_the_age_of_the_process_is_taken_off_whatever_clock_is_given() -> None:
    clock = FakeClock(boot=1e9)
    assert 0 < clock.boot() - process_started(clock) < SystemClock().boot()


def test_elsewhere_than_on_linux_the_process_starts_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    clock = FakeClock()
    assert process_started(clock) == clock.boot()


def zone_of_a_new_process(tz: str) -> "subprocess.CompletedProcess[str]":
    """What another process takes for the zone of this machine; this one has read it already."""
    asked = "from overnight.probe.clock import local_zone; print(local_zone())"
    return subprocess.run([sys.executable, "-c", asked], env={**os.environ, "TZ": tz},
                          capture_output=True, text=True, check=False)  # fmt: skip


def test_the_zone_is_the_one_that_tz_names() -> None:
    assert zone_of_a_new_process("Asia/Tokyo").stdout.strip() == "Asia/Tokyo"


def test_an_unknown_zone_is_named() -> None:
    said = zone_of_a_new_process("Europe/Nowhere").stderr.splitlines()[-1]
    assert "InputError" in said and "set TZ" in said


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_read_a_clock_that_goes_on_too(
    monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    clock = SystemClock()
    assert 0 < clock.boot() <= clock.boot()


def test_the_clock_that_stands_still_in_sleep_is_never_ahead_of_the_other() -> None:
    clock = SystemClock()
    assert 0 < clock.awake() <= clock.boot() + 1e-3
    assert clock.awake() <= clock.awake()


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_elsewhere_it_goes_on_as_well(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert 0 < SystemClock().awake() <= SystemClock().awake()


@pytest.mark.parametrize("system", [sys.platform, "darwin"])
def test_a_process_bears_a_mark_of_its_own(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    clock = SystemClock()
    time.sleep(0.05)  # a mark is as fine as the system counts: hundredths of a second
    later = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mine, other = process_mark(os.getpid(), clock), process_mark(later.pid, clock)
    later.communicate(b"\n")
    assert mine == process_mark(os.getpid(), clock) != other
    assert process_mark(2**22 + 1, clock) == ""

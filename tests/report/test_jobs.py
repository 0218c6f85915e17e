import io
from dataclasses import replace

import pytest
from rich.console import Console
from tests.browser import nights

from overnight.report import jobs
from overnight.values.facts import Interval

from . import samples

HOUR = 3600.0


def job(name: str, low: float, mid: float, high: float, **more) -> jobs.Job:
    seconds = Interval(low=low * HOUR, mid=mid * HOUR, high=high * HOUR)
    return replace(jobs.planned(name, samples.PLAN), seconds=seconds, **more)


THREE = [job("baseline", 33, 35, 38), job("optimized", 31, 34, 37), job("overnight", 12, 13, 14)]


def shown(width: int, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, color_system=None)
    jobs.show(THREE, console, start_utc=samples.START, how="estimated")
    file.flush()
    return file.buffer.getvalue().decode(encoding)


def test_a_plan_takes_no_longer_than_its_window():
    total = samples.PLAN.time.total
    within = jobs.planned("x", replace(samples.PLAN, window_seconds=total.mid)).seconds
    assert within.high == within.mid == total.mid - samples.PLAN.reserve.margin
    free = jobs.planned("x", replace(samples.PLAN, window_seconds=None)).seconds
    assert free == total


@pytest.mark.parametrize("width", [80, 200])
def test_nothing_is_wider_than_the_terminal(width: int):
    assert max(len(line) for line in shown(width).splitlines()) <= width


def test_bars_are_as_long_as_their_hours():
    short, long = (jobs.timelines(THREE, 100)[place].plain for place in (2, 0))
    assert short.count("█") / long.count("█") == pytest.approx(12 / 33, abs=0.05)
    assert "░" in long and "1 d 9 h" in long


def test_a_saving_within_the_noise_is_none():
    assert jobs.saved(THREE[0], THREE[1]) == "not to be told"
    assert jobs.saved(THREE[0], THREE[2]) == "22 h 00 m"
    assert jobs.saved(THREE[2], THREE[0]) == "22 h 00 m longer"
    assert jobs.saved(THREE[0], THREE[0]) == "-"


@pytest.mark.parametrize(
    ("hours", "told"),
    [(0.5, "the same day"), (9.0, "wake up to it"), (18.0, "the next day"),
     (35.0, "after 2 nights")],
)  # fmt: skip
def test_the_calendar_meets_a_person_s_day(hours: float, told: str):
    start, line = jobs.calendar([job("x", hours, hours, hours)], samples.START)
    assert start.plain.endswith("Fri 20 Nov 23:00 UTC") and line.plain.endswith(told)


def test_what_was_not_measured_is_not_told():
    text = shown(120)
    assert "quality" not in text and "not measured" in text


def test_settings_that_were_measured_bring_their_quality_and_risk():
    from overnight.values.comparison import Comparison

    found = Comparison(
        data="d", model="m", machine="", versions="", when_utc=0.0, window_seconds=1.0,
        settings=(nights.setting("a", 600.0, 2.0, None), nights.setting("b", 900.0, 1.9, 104.0)),
    )  # fmt: skip
    one, two = jobs.measured(found)
    assert one.quality is None and two.quality is not None and two.quality.mid == 104.0
    assert "seeds" in two.risk and two.steps == 1200


def test_a_terminal_without_unicode_gets_plain_signs():
    assert "#" in shown(80, "ascii")


def test_memory_that_is_not_there_is_said():
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(jobs.summary([job("x", 1, 1, 1, memory_limit_bytes=1)]))
    assert "(too much)" in console.file.getvalue()

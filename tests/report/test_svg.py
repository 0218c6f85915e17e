import time

import pytest

from overnight.report import plots, svg
from overnight.report.plots import Figure, Line, Mark
from overnight.report.reading import Segment
from overnight.report.words import Clock

from . import samples

MIDNIGHT = samples.START + 3600


def figure(*lines: Line, unit: str = "loss", marks: tuple[Mark, ...] = ()) -> Figure:
    return Figure(key="k", title="t", unit=unit, caption="", lines=lines, marks=marks)


def raw(*heights: float) -> Line:
    points = tuple((float(x), y) for x, y in enumerate(heights))
    return Line(name="a", role="raw", points=points)


@pytest.mark.parametrize(
    ("span", "most", "step"), [(1.0, 5, 0.2), (0.9, 7, 0.2), (47, 5, 10), (3e-4, 7, 5e-5)]
)
def test_steps_are_one_two_or_five(span, most, step):
    assert svg.nice_step(span, most) == pytest.approx(step)


def test_clock_ticks_stand_on_whole_local_hours(monkeypatch):
    monkeypatch.setenv("TZ", "IST-5:30")
    time.tzset()
    ticks = svg.clock_ticks(MIDNIGHT, MIDNIGHT + 8 * 3600)
    assert [text for _, text in ticks] == ["06:00", "07:00", "08:00", "09:00", "10:00", "11:00",
                                           "12:00", "13:00"]  # fmt: skip
    assert ticks[0][0] == MIDNIGHT + 1800


def test_clock_ticks_of_a_short_night_have_seconds():
    ticks = svg.clock_ticks(MIDNIGHT, MIDNIGHT + 60)
    assert [text for _, text in ticks][:2] == ["00:00:00", "00:00:10"]


def test_the_lowest_lies_at_the_bottom_and_the_start_at_the_left():
    line = Line(name="a", role="main", points=((0.0, 1.0), (10.0, 2.0)))
    drawing = svg.draw(figure(line), start_utc=MIDNIGHT, length=10.0)
    first, last = drawing.strokes[0].path[1:].split("L")
    assert float(first.split()[0]) == 0.0 and float(last.split()[0]) == 1000.0
    assert float(first.split()[1]) > 900.0 > 100.0 > float(last.split()[1])


def test_one_spike_does_not_flatten_the_rest_and_is_counted():
    line = raw(*[1.0, 2.0] * 300, 1e9)
    drawing = svg.draw(figure(line), start_utc=MIDNIGHT, length=601.0)
    assert drawing.outside == 1
    assert {tick.text for tick in drawing.y_ticks} >= {"1", "2"}


def test_a_level_line_and_a_single_point_can_be_drawn():
    for line in (raw(3.0), raw(0.0, 0.0)):
        assert svg.draw(figure(line), start_utc=MIDNIGHT, length=5.0).y_ticks


def test_intervals_are_bars_from_low_to_high():
    line = Line(name="a", role="marked", points=((5.0, 1.5),), low=(1.0,), high=(2.0,))
    stroke = svg.draw(figure(line), start_utc=MIDNIGHT, length=10.0).strokes[0]
    assert stroke.dots == "M500.0 500.0h0"
    assert stroke.bars == "M500.0 946.4V53.6"


def test_a_crowd_of_points_has_no_dots():
    points = tuple((float(x), 1.0) for x in range(61))
    line = Line(name="a", role="marked", points=points, low=(0.5,) * 61, high=(1.5,) * 61)
    stroke = svg.draw(figure(line), start_utc=MIDNIGHT, length=60.0).strokes[0]
    assert stroke.dots == "" and stroke.bars.count("M") == 61


def test_a_name_that_would_run_into_another_is_not_written():
    marks = tuple(Mark(x=x, name="crash") for x in (10.0, 15.0, 30.0, 90.0))
    drawing = svg.draw(figure(raw(1.0, 2.0), marks=marks), start_utc=MIDNIGHT, length=100.0)
    assert [label.written for label in drawing.labels] == ["all", "none", "wide", "all"]


def test_slices_fill_the_bar_as_the_phases_fill_the_night():
    parts = (Segment(start=0, end=25, phase="start"), Segment(start=25, end=100, phase="training"))
    slices = svg.slices(parts, 200.0)
    assert [(s.left, s.width) for s in slices] == [(0.0, 12.5), (12.5, 37.5)]
    assert slices[0].title == "start, 25 s"


def test_the_table_says_what_the_drawing_shows():
    drawn = plots.figures(samples.report(samples.healthy()))[0]
    rows = svg.table(drawn, start_utc=samples.START, clock=Clock(near=samples.START))
    assert rows[0] == ("Time", *(line.name for line in drawn.lines))
    assert 20 <= len(rows) <= 30
    assert rows[-1][2] == f"{drawn.lines[1].points[-1][1]:.3f}"
    assert {len(row) for row in rows} == {len(drawn.lines) + 1}

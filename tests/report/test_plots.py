import json
import math
import random
from dataclasses import replace

import pytest

from overnight.report import plots
from overnight.report.reading import Timed
from overnight.values.ledger import StageBegan
from overnight.values.troubles import Diagnosed

from . import samples


def figure(entries, key):
    return next(f for f in plots.figures(samples.report(entries)) if f.key == key)


def line(drawn, name):
    return next(one for one in drawn.lines if one.name == name)


@pytest.mark.parametrize("count", [2001, 5000, 50_001])
def test_thinned_lines_keep_their_extremes_ends_and_order(count):
    noise = random.Random(count)
    points = [(float(x), noise.gauss(0, 1)) for x in range(count)]
    points[count // 3] = (float(count // 3), 99.0)
    points[count // 2] = (float(count // 2), -99.0)
    kept = plots.thinned(points)
    assert len(kept) <= plots.MOST_POINTS and list(kept) == sorted(kept)
    assert {points[0], points[-1], points[count // 3], points[count // 2]} <= set(kept)


def test_short_lines_stay_as_they_are():
    points = [(0.0, 1.0), (1.0, 2.0)]
    assert plots.thinned(points) == tuple(points)


def test_what_is_not_finite_is_left_out():
    points = [(0.0, math.nan), (1.0, 2.0), (2.0, math.inf)]
    assert plots.thinned(points) == ((1.0, 2.0),)
    assert plots.smoothed(points) == [(1.0, 2.0)]


def test_smoothing_leaves_a_level_where_it_is():
    assert plots.smoothed([(float(x), 3.0) for x in range(100)])[-1][1] == pytest.approx(3.0)


def test_the_loss_figure_has_all_lines_that_the_night_has():
    names = [one.name for one in figure(samples.healthy(), "loss").lines]
    assert names == [
        "training, each step", "training, smoothed", "held out (select)", "base model",
        "result (test)",
    ]  # fmt: skip


def test_held_out_losses_have_their_intervals():
    held = line(figure(samples.going(), "loss"), "held out (select)")
    assert len(held.points) == len(held.low) == len(held.high) == 11
    assert all(low < y < high for (_, y), low, high in
               zip(held.points, held.low, held.high, strict=True))  # fmt: skip


def test_troubles_and_new_horizons_are_marked():
    entries = samples.resumed()
    assert [m.name for m in figure(entries, "loss").marks] == ["memory ran out", "crash"]
    assert [m.name for m in figure(entries, "learning_rate").marks] == ["horizon 1,180"]


def test_a_bad_sign_is_marked_and_a_good_one_is_not():
    *before, last = samples.going()
    bad = Diagnosed(step=9, sign="plateau", text="Loss stuck at same value.")
    good = Diagnosed(step=9, sign="dropping", text="A good sign.", good=True)
    signs = [replace(last, t=last.t + n, event=sign) for n, sign in enumerate((bad, good), 1)]
    marks = figure([*before, last, *signs], "loss").marks
    assert [(mark.name, mark.trouble) for mark in marks] == [("a bad sign", True)]


def test_forecasts_stand_beside_the_deadline_and_the_end():
    drawn = figure(samples.healthy(), "forecasts")
    assert line(drawn, "deadline").points[0][1] == samples.START + samples.WINDOW
    assert (
        line(drawn, "the end as it came").points[0][1]
        == samples.report(samples.healthy()).as_of_utc
    )


def test_a_night_that_has_not_begun_has_no_figures():
    assert plots.figures(samples.report([])) == ()


def test_a_night_of_losses_that_are_no_numbers_still_has_its_pace():
    report = samples.report(samples.going())
    sick = tuple(Timed(s.t, s.utc, replace(s.event, loss=math.nan)) for s in report.steps)
    sick_night = replace(report, steps=sick, evaluations=(), base_losses={})
    assert [f.key for f in plots.figures(sick_night)] == [
        "forecasts",
        "learning_rate",
        "pace",
        "memory",
    ]


def test_the_figures_of_a_long_night_are_small_valid_json():
    report = samples.report(samples.healthy())
    data = plots.as_json(replace(report, steps=report.steps * 10))
    text = json.dumps(data, allow_nan=False)
    assert set(data) == {"loss", "learning_rate", "pace", "forecasts", "memory", "phases"}
    assert len(text) < 1_000_000


def test_the_beginnings_of_stages_are_marked_where_they_lie_on_the_path():
    *before, last = samples.going()
    began = StageBegan(step=9, stage=1, stages=2, pool="best", rows=100, rows_per_step=8)
    marks = figure([*before, last, replace(last, t=last.t + 1, event=began)], "loss").marks
    assert [(mark.name, mark.trouble, mark.x) for mark in marks] == [("stage 2", False, last.t + 1)]

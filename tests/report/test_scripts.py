import json

import pytest

from overnight.report import plots, scripts, svg

from . import samples


def test_embedded_data_cannot_end_its_element():
    text = scripts.embedded({"a": "</script><!-- & -->"})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"a": "</script><!-- & -->"}


def test_no_script_text_ends_its_element():
    assert all("</script" not in text.lower() for text in scripts.texts())


def test_the_policy_names_every_script_and_no_place_but_its_own():
    policy = scripts.policy()
    assert policy.count("'sha256-") == len(scripts.texts()) == 3
    assert "http" not in policy and "unsafe-eval" not in policy
    assert "script-src 'unsafe" not in policy and "connect-src 'self'" in policy


def test_a_figure_keeps_its_frame_its_intervals_and_its_instants():
    report = samples.report(samples.resumed())
    drawn = {figure.key: figure for figure in plots.figures(report)}
    found = drawn["forecasts"]
    drawing = svg.draw(found, start_utc=report.started_utc, length=30_000.0)
    told = scripts.figure(found, drawing)
    line = told["lines"][0]
    assert told["frame"] == drawing.frame and told["unit"] == "clock"
    heights = [y for _, y in found.lines[0].points]
    assert line["y"] == pytest.approx(heights, abs=0.06)
    assert line["low"] == pytest.approx(list(found.lines[0].low), abs=0.06)
    json.dumps(told, allow_nan=False)

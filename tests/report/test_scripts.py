import json

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
    assert [abs(a - b) < 0.06 for a, b in zip(line["low"], found.lines[0].low, strict=True)]
    assert all(
        abs(a - b) < 0.06 for a, (_, b) in zip(line["y"], found.lines[0].points, strict=True)
    )
    json.dumps(told, allow_nan=False)

"""Every page in a real Chromium: nothing asked for, nothing complained of, nothing cut off."""

import re
from pathlib import Path
from typing import Any

import pytest

from . import nights

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    texts = {name: nights.page(name) for name in nights.NIGHTS}
    texts |= {"comparison": nights.comparison(),
              "hostile-comparison": nights.comparison(hostile=True)}  # fmt: skip
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, "utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("name", [*nights.NIGHTS, "comparison", "hostile-comparison"])
def test_a_page_asks_for_itself_alone_and_fits_its_window(
    name: str, width: int, files: dict[str, Path], visit: Any
):
    seen = visit(files[name], width=width)
    assert seen.said == []
    assert seen.asked == [files[name].as_uri()]
    assert seen.overflow <= 0


@pytest.mark.parametrize("name", nights.NIGHTS)
def test_the_verdict_is_right_and_every_figure_is_drawn(
    name: str, files: dict[str, Path], visit: Any
):
    seen = visit(files[name])
    assert seen.page.inner_text("h1").startswith(nights.NIGHTS[name][1])
    assert seen.blank() == []
    assert seen.page.locator("[data-figure]").count() == 5


@pytest.mark.parametrize("name", ["hostile", "hostile-comparison"])
def test_hostile_text_is_shown_and_does_nothing(name: str, files: dict[str, Path], visit: Any):
    seen = visit(files[name])
    assert seen.page.title() != "taken"
    assert "<script>document.title='taken'</script>" in seen.page.inner_text("main")
    assert "\\u202eedoc" in seen.page.inner_text("main")


def test_without_scripts_the_drawings_stay(browser: Any, files: dict[str, Path]):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files["healthy"].as_uri())
    assert page.locator(".canvas svg").count() == page.locator(".canvas:visible").count() == 5
    context.close()


def test_every_figure_has_its_words(files: dict[str, Path], visit: Any):
    seen = visit(files["resumed"])
    tables = seen.page.locator("[data-figure] details")
    assert tables.count() == 5
    tables.first.locator("summary").click()
    assert "1.973" in tables.first.inner_text()


def test_the_values_under_the_pointer_are_told(files: dict[str, Path], visit: Any):
    seen = visit(files["healthy"])
    seen.page.locator(".chart.loss .u-over").hover()
    seen.page.wait_for_selector(".chart.loss .u-legend .u-value:has-text('1.')")
    told = seen.page.locator(".chart.loss .u-legend").inner_text()
    assert "held out (select)" in told and re.search(r"\d\d:\d\d", told)


def test_a_stretch_that_is_dragged_over_is_zoomed_into_and_back(files: dict[str, Path], visit: Any):
    seen = visit(files["healthy"])
    over = seen.page.locator(".chart.loss .u-over")
    over.scroll_into_view_if_needed()
    drawn = "document.querySelector('.chart.loss canvas').toDataURL()"
    before, box = seen.page.evaluate(drawn), over.bounding_box()
    seen.page.mouse.move(box["x"] + 100, box["y"] + 50)
    seen.page.mouse.down()
    seen.page.mouse.move(box["x"] + 300, box["y"] + 60, steps=5)
    seen.page.mouse.up()
    seen.page.wait_for_timeout(100)
    assert seen.page.evaluate(drawn) != before
    over.dblclick()
    seen.page.wait_for_timeout(100)
    assert seen.page.evaluate(drawn) == before
    assert seen.said == []


def test_in_the_dark_the_page_is_dark(files: dict[str, Path], visit: Any):
    script = "getComputedStyle(document.body).backgroundColor"
    light = visit(files["healthy"]).page.evaluate(script)
    dark = visit(files["healthy"], dark=True).page.evaluate(script)
    assert light == "rgb(247, 246, 242)" and dark == "rgb(18, 20, 26)"

"""The served page of a night that goes on: it moves by itself and asks its own server alone."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.report import samples
from tests.report.test_following import lines, plan, put

from overnight.report import pages
from overnight.story import serving

pytestmark = pytest.mark.browser


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    plan(tmp_path)
    put(tmp_path, "".join(lines(samples.going())))
    monkeypatch.setattr(pages, "SERVED_SECONDS", 0.2)
    monkeypatch.setattr(serving, "SHARE", 1e9)
    with serving.server(tmp_path, 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_the_page_moves_by_itself_until_the_night_is_over(
    browser: Any, address: str, tmp_path: Path
):
    page = browser.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.locator("details summary").first.click()
    assert page.inner_text("h1").startswith("Training")
    put(tmp_path, "".join(lines(samples.healthy()[len(samples.going()) :])))
    page.wait_for_selector("h1:has-text('In time')")
    assert page.locator("canvas").count() == 5
    assert page.locator("details").first.get_attribute("open") is not None  # as the reader left it
    assert set(asked) == {address} and said == []
    heard = len(asked)
    page.wait_for_timeout(800)
    assert len(asked) <= heard + 1  # a night that is over is not asked for again
    page.close()

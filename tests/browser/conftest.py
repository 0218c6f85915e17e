"""A real Chromium, from $OVERNIGHT_CHROMIUM or the system's; without one these tests skip aloud."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


def chromium() -> str | None:
    named = os.environ.get("OVERNIGHT_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium here: what pages look like is NOT SHOWN")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is missing: NOT SHOWN")
    with api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=path, args=FLAGS)
        yield found
        found.close()


class Visit:
    """One page as a reader sees it, and everything that it asked for or complained about."""

    def __init__(self, browser: Any, *, width: int, dark: bool = False) -> None:
        scheme = "dark" if dark else "light"
        self.context = browser.new_context(viewport={"width": width, "height": 900},
                                           color_scheme=scheme)  # fmt: skip
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("dialog", lambda dialog: self.said.append("a dialog opened"))

    def open(self, file: Path) -> "Visit":
        self.page.goto(file.as_uri())
        self.page.wait_for_load_state("load")
        return self

    @property
    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    def blank(self) -> list[str]:
        """Figures on whose canvas one of the lines is not to be seen, in its own colour."""
        return list(self.page.evaluate(
            """() => {
                 const told = JSON.parse(document.getElementById("figures").textContent).figures;
                 const names = {raw: "--raw", main: "--accent", marked: "--held",
                                reference: "--reference", outcome: "--good"};
                 const root = getComputedStyle(document.documentElement);
                 const rgb = (role) => root.getPropertyValue(names[role]).trim()
                   .match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16));
                 const seen = (one, role) => {
                   const all = one.getContext("2d").getImageData(0, 0, one.width, one.height).data;
                   const wanted = rgb(role);
                   for (let i = 0; i < all.length; i += 4)
                     if (all[i + 3] > 200
                         && wanted.every((part, n) => Math.abs(part - all[i + n]) < 5)) return true;
                   return false;
                 };
                 return [...document.querySelectorAll("[data-figure]")].flatMap((section) => {
                   const key = section.dataset.figure, one = section.querySelector("canvas");
                   return told[key].lines.filter((line) => !one || !seen(one, line.role))
                     .map((line) => key + ": " + line.name);
                 });
               }"""
        ))  # fmt: skip


@pytest.fixture
def visit(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    made: list[Visit] = []

    def open_one(file: Path, *, width: int = 1440, dark: bool = False) -> Visit:
        made.append(Visit(browser, width=width, dark=dark))
        return made[-1].open(file)

    yield open_one
    for one in made:
        one.context.close()

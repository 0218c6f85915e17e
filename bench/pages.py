"""How large report pages are, and how long they take to draw and to load in a real Chromium.

python bench/pages.py              a minute; needs Chromium and playwright; writes results/pages.md
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nights

ROUNDS = 7
WIDTHS = (1440, 390)


def main() -> None:
    """Every night of the browser tests, in turns."""
    sys.path.insert(0, str(nights.ROOT))
    from playwright.sync_api import sync_playwright
    from tests.browser import nights as made
    from tests.browser.conftest import FLAGS, chromium

    texts, drawn = {}, {}
    for name in made.NIGHTS:
        begun = time.perf_counter()
        texts[name] = made.page(name)
        drawn[name] = time.perf_counter() - begun
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser = play.chromium.launch(executable_path=chromium(), args=FLAGS)
        for name, text in texts.items():
            (Path(folder) / f"{name}.html").write_text(text, "utf-8")
        loads = loaded(browser, Path(folder), list(texts))
        version = browser.version
        browser.close()
    rows = [row(name, texts[name], drawn[name], loads) for name in texts]
    page = [
        "# Report pages", "", f"{nights.machine()}, Chromium {version}", "",
        f"Load: from the request to the load event with every figure drawn, {ROUNDS} rounds in "
        "turns, median (worst). Drawing: the journal's entries made, summed up and rendered, once.",
        "", "| night | page | drawing | load at 1440 px | load at 390 px |",
        "|---|---|---|---|---|",
        *rows, "", "Repeat: `python bench/pages.py`",
    ]  # fmt: skip
    (nights.RESULTS / "pages.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    print("\n".join(rows))


def loaded(browser: Any, folder: Path, names: list[str]) -> dict[tuple[str, int], list[float]]:
    """Seconds of every load, by page and width."""
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(ROUNDS):
        for width in WIDTHS:
            for name in names:
                context = browser.new_context(viewport={"width": width, "height": 900})
                page = context.new_page()
                page.goto((folder / f"{name}.html").as_uri())
                took = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
                assert page.locator("canvas").count() == 5
                found.setdefault((name, width), []).append(took / 1000)
                context.close()
    return found


def row(name: str, text: str, drawn: float, loads: dict[tuple[str, int], list[float]]) -> str:
    """One line of the table."""
    cells = [f"{statistics.median(one):.2f} s ({max(one):.2f})" for width in WIDTHS
             for one in [loads[name, width]]]  # fmt: skip
    return f"| {name} | {len(text) / 1024:.0f} KiB | {drawn:.2f} s | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

import re
from html.parser import HTMLParser

import pytest
from tests.browser import nights

from overnight.report import comparison_page
from overnight.values.comparison import Spread


class Words(HTMLParser):
    """What a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.feed(text)

    def handle_data(self, data):
        self.words.append(data.strip())


def text_of(html: str) -> str:
    body = html[html.index("<main") :]
    return " ".join(word for word in Words(body).words if word)


def test_the_page_opens_with_what_to_take_and_holds_every_figure():
    html = nights.comparison()
    text = text_of(html)
    assert 0 <= text.index("overnight") < text.index("The whole job") < text.index("Speed")
    for words in ("Held-out loss after the same time", "Quality against time", "baseline",
                  "Saved of the first one", "How it was measured"):  # fmt: skip
        assert words in text
    assert re.search("<h1><bdi>(Take|`)", html)


def test_the_page_asks_for_nothing_and_runs_nothing():
    html = nights.comparison(hostile=True)
    assert "<script" not in html and "default-src 'none'" in html
    assert "&lt;script&gt;" in html and "url(" not in html
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", html)


def spread(low: float, mid: float, high: float) -> Spread:
    return Spread(low=low, mid=mid, high=high, n=3)


def test_bars_keep_their_proportions():
    found = comparison_page.bars("t", "c", [("a", spread(5, 10, 20)), ("b", spread(1, 2, 2))],
                                 show=str)  # fmt: skip
    one, two = found.rows
    assert (one.left, one.width, one.mid) == (25.0, 75.0, 50.0)
    assert (two.left, two.width, two.mid) == (5.0, 5.0, 10.0)
    assert one.text == "10 (5 to 20)"


def test_losses_float_between_the_lowest_and_the_highest():
    found = comparison_page.bars("t", "c", [("a", spread(2, 2, 2)), ("b", spread(3, 3, 3))],
                                 show=str, from_zero=False)  # fmt: skip
    assert 0 < found.rows[0].mid < 10 and 90 < found.rows[1].mid < 100
    assert comparison_page.bars("t", "c", [], show=str) is None


@pytest.mark.parametrize("qualities", [(None, None)])
def test_quality_against_time_needs_two_that_have_both(qualities):
    from overnight.values.comparison import Comparison

    settings = tuple(nights.setting(f"s{n}", 600.0, 2.0, q) for n, q in enumerate(qualities))
    found = Comparison(data="d", model="m", machine="", versions="", when_utc=0.0,
                       window_seconds=1.0, settings=settings)  # fmt: skip
    assert comparison_page.scatter(found) is None

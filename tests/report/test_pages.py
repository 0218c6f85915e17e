import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from overnight.report import pages, plots
from overnight.values.facts import Sampled

from . import samples


class Reader(HTMLParser):
    """Collects tags, attributes and visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data):
        if self.tags[-1:] not in (["style"], ["script"]):
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(word for word in self.words if word)


def page(entries) -> str:
    return pages.render(samples.report(entries), name="chats-base-3b")


def test_the_verdict_is_the_first_thing_that_is_read():
    text = Reader(page(samples.healthy())).text
    assert 0 <= text.index("In time, and better") < text.index("Where the night went")


def test_the_page_asks_for_nothing_and_runs_its_own_scripts_alone():
    html = page(samples.resumed())
    reader = Reader(html)
    links = [v for name, v in reader.attributes if name in ("src", "href", "action", "srcset")]
    policy = next(v for name, v in reader.attributes if name == "content" and "default" in v)
    assert links == ["data:,"]
    assert not {"img", "iframe", "object", "form", "base"} & set(reader.tags)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    ran = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in ran]
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes and len(ran) == 3
    assert "url(" not in html and "@import" not in html


def test_the_licence_of_what_is_inlined_stands_in_the_page():
    assert "Copyright (c) 2022 Leon Sorokin" in page(samples.healthy())


def test_the_figures_of_the_script_are_those_of_the_drawings():
    html = page(samples.resumed())
    told = json.loads(re.search(r'id="figures">(.*?)</script>', html, re.DOTALL)[1])
    drawn = plots.figures(samples.report(samples.resumed()))
    assert list(told["figures"]) == [figure.key for figure in drawn]
    loss = told["figures"]["loss"]["lines"]
    assert [line["name"] for line in loss] == [line.name for line in drawn[0].lines]
    assert loss[0]["y"][:3] == pytest.approx([y for _, y in drawn[0].lines[0].points[:3]], rel=1e-5)


@pytest.mark.parametrize(
    ("make", "home", "over", "every"),
    [(samples.healthy, "disk", "yes", 60), (samples.going, "disk", "no", 60),
     (samples.going, "server", "no", 5)],
)  # fmt: skip
def test_a_page_of_a_night_that_goes_on_says_how_it_is_kept_new(make, home, over, every):
    html = pages.render(samples.report(make()), name="n", home=home)
    assert f'data-over="{over}" data-home="{home}" data-every="{every}"' in html


def test_hostile_text_is_shown_and_does_nothing():
    html = page(list(samples.hostile(samples.resumed())))
    assert "&lt;script&gt;" in html and html.count("<script") == 4
    own = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)  # uPlot has a control sign
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", own)
    assert "\\u202eedoc" in html and "\\x1b[31mred" in html


def test_every_chart_has_its_figures_as_a_table():
    html = page(samples.healthy())
    assert html.count("<svg") == html.count("As a table") == 5


def test_settings_reasons_rejections_and_findings_are_all_there():
    text = Reader(page(samples.healthy())).text
    told = [*(r.why for r in samples.REASONS), *(r.why for r in samples.REJECTIONS)]
    told += [finding.what for finding in samples.DATASET.findings]
    assert [why for why in told if why not in text] == []


def test_answers_stand_side_by_side():
    text = Reader(page(samples.healthy())).text
    assert all(words in text for prompt, pair in samples.ANSWERS for words in (prompt, *pair))


@pytest.mark.parametrize("count", [0, 1, 2, 5, 8, 9, 40])
def test_a_night_so_far_has_a_page_at_every_moment(count):
    text = Reader(page(samples.going()[:count])).text
    assert "Promised against done" in text and "nan" not in text.lower().split()


def test_a_night_not_started_has_a_length_and_no_times_of_day():
    text = Reader(page([])).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "finish 6 h 46 m to 7 h 46 m after its start" in text
    assert "not started" in text and "still going" not in text


def test_a_night_that_crashed_promises_no_finish():
    entries = samples.resumed()
    crash = next(i for i, e in enumerate(entries) if isinstance(e.event, samples.Crashed))
    text = Reader(page(entries[: crash + 1])).text
    assert "needs you" in text and "Finishes – deadline 07:00" in text


def test_many_incidents_are_cut_and_counted():
    journal = samples.Journal()
    samples.begin(journal)
    for number in range(230):
        journal.after(1.0, samples.Noted(text=f"note {number}"))
    text = Reader(page(journal.entries)).text
    assert "note 199" in text and "note 200" not in text
    assert "30 more stand in events.jsonl." in text


def test_both_files_are_written_and_nothing_else_is_left(tmp_path):
    paths = pages.write(samples.report(samples.healthy()), tmp_path)
    assert paths == (tmp_path / "report.html", tmp_path / "report.json")
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_report_json_holds_the_figures_as_data(tmp_path):
    pages.write(samples.report(samples.resumed()), tmp_path)
    data = json.loads((tmp_path / "report.json").read_text())
    assert set(data["figures"]) == {
        "loss", "learning_rate", "pace", "forecasts", "memory", "phases"}  # fmt: skip
    assert data["actual"]["steps"] == 1180


def test_a_page_is_replaced_as_a_whole(tmp_path):
    pages.write(samples.report(samples.going()), tmp_path)
    held_open = (tmp_path / "report.html").open()
    pages.write(samples.report(samples.healthy()), tmp_path)
    assert "still going" in held_open.read()
    assert "still going" not in (tmp_path / "report.html").read_text()
    held_open.close()


def test_text_that_no_encoding_can_say_does_not_stop_the_report(tmp_path):
    entries = samples.going()
    entries.append(samples.Entry(t=entries[-1].t, utc=0.0, event=samples.Noted(text="\ud800")))
    pages.write(samples.report(entries), tmp_path)
    assert "\\ud800" in (tmp_path / "report.html").read_text()


def test_a_sample_stands_with_the_data_and_its_columns_are_inert():
    whole = samples.report(samples.healthy())
    sampled = Sampled(kept=9, of=20, engaged=4, drawn=5, engagement="<b>likes")
    told = pages.render(replace(whole, dataset=replace(whole.dataset, sampled=sampled)), name="x")
    assert "kept 9 of 20: 4 by engagement (`<b>likes`), 5 drawn" in Reader(told).text
    assert "<b>likes" not in told

"""A comparison as tables."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console
from tests.report.test_comparison_words import comparison, outcome, setting

from overnight.report import comparison as page
from overnight.values.comparison import Comparison, Spread


def sample(second: str = "optimized") -> Comparison:
    speed = Spread(mid=1.02, low=0.98, high=1.07, n=4)
    mine = setting(second, speed=speed, at_time=outcome(4.21, apart=0.21))
    found = comparison(setting("baseline", at_time=outcome(4.0)), mine)
    return replace(found, base_loss=6.0, rows=373, seeds=2, seconds=20.0, work=1e4)


def shown(found: Comparison, width: int = 80) -> str:
    out = StringIO()
    page.show(found, Console(file=out, width=width))
    return out.getvalue()


def test_the_tables_fit_eighty_columns_and_keep_their_figures() -> None:
    text = shown(sample())
    assert max(map(len, text.splitlines())) <= 80
    for figure in ("1.02x (0.98-1.1)", "4.210 (4.11-4.31)", "90 % (85-95)", "512.0 MiB"):
        assert figure in text


def test_everything_that_says_on_what_and_how_stands_below() -> None:
    text = " ".join(shown(sample(), width=200).split())
    assert "m on d, x, v" in text and "373 held-out rows" in text and "loss is 6.000" in text
    assert "2 seeds" in text and "95 % bootstrap" in text


def test_what_a_name_holds_is_inert_in_the_terminal_and_in_markdown() -> None:
    found = sample("\x1b[31ma|<b>=1")
    assert "\x1b" not in shown(found)
    assert "a\\|&lt;b>=1" in page.markdown(found) and "\x1b" not in page.markdown(found)


def test_without_losses_there_is_no_table_of_them() -> None:
    assert "Held-out loss" not in shown(comparison(setting("a"), setting("b")))


def test_memory_that_cannot_be_told_is_not_told() -> None:
    found = comparison(setting("a"), replace(setting("b"), peak_bytes=0))
    assert [row[-2] for row in page.speed_rows(found)] == ["512.0 MiB", "-"]


def test_all_files_hold_the_verdict(tmp_path: Path) -> None:
    page.write(sample(), tmp_path, page="<!doctype html>")
    kept = json.loads((tmp_path / "comparison.json").read_text("utf-8"))
    assert kept["settings"][1]["speed"]["mid"] == 1.02 and kept["verdict"][-1].startswith("Take")
    assert kept["verdict"][0] in (tmp_path / "comparison.md").read_text("utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "comparison.html", "comparison.json", "comparison.md",
    ]  # fmt: skip


def test_markdown_has_a_row_for_every_setting_in_each_table() -> None:
    lines = page.markdown(sample()).splitlines()
    assert sum(line.startswith("| optimized |") for line in lines) == 3
    widths = {line.count("|") for line in lines if line.startswith("| optimized")}
    assert widths == {7, 6}


LONG = "gradient_accumulation_steps=16+learning_rate=2e-4"


def test_a_long_name_is_a_letter_in_the_tables_and_told_once() -> None:
    text = " ".join(shown(sample(LONG)).split())
    assert max(map(len, shown(sample(LONG)).splitlines())) <= 80
    assert "`A` is no faster than `baseline`" in text
    told = "".join(shown(sample(LONG), width=200).split())
    assert told.count(LONG) == 1
    assert page.json_object(sample(LONG))["letters"] == {"A": LONG}


def test_the_file_keeps_the_names_as_they_were_written() -> None:
    kept = page.json_object(sample(LONG))
    assert [one["name"] for one in kept["settings"]] == ["baseline", LONG]

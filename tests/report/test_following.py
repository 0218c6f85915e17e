import json
from pathlib import Path

import pytest

from overnight.codec import entry_to_line, to_json
from overnight.report import summary
from overnight.report.following import EVENTS, Following
from overnight.values.errors import InputError

from . import samples


def lines(entries) -> list[str]:
    return [entry_to_line(entry) + "\n" for entry in entries]


def put(folder: Path, text: str, *, how: str = "a") -> None:
    with open(folder / EVENTS, how, encoding="utf-8") as file:
        file.write(text)


def plan(folder: Path) -> None:
    written = {"request": samples.REQUEST, "plan": samples.PLAN, "dataset": samples.DATASET,
               "model": samples.MODEL, "hardware": samples.HARDWARE}  # fmt: skip
    (folder / "plan.json").write_text(json.dumps(to_json(written)), "utf-8")


@pytest.fixture
def night(tmp_path: Path) -> Path:
    plan(tmp_path)
    return tmp_path


def test_every_entry_is_told_once_however_the_file_grows(night: Path):
    following, entries = Following(night), samples.going()[:50]
    assert following.news() == []
    text, told = "".join(lines(entries)), []
    for start in range(0, len(text), 777):  # lines are cut anywhere
        put(night, text[start : start + 777])
        told += following.news()
    assert told == following.entries == entries
    assert following.news() == [] and following.torn == []


def test_a_line_that_is_still_being_written_is_waited_for(night: Path):
    following, (first, second) = Following(night), lines(samples.going()[:2])
    put(night, first + second[:-9])
    assert len(following.news()) == 1
    put(night, second[-9:])
    assert len(following.news()) == 1


def test_torn_lines_keep_their_numbers(night: Path):
    following, (first, second) = Following(night), lines(samples.going()[:2])
    put(night, first + "torn\n")
    following.news()
    put(night, second + "torn too\n")
    following.news()
    assert following.torn == [2, 4]
    assert following.report().incidents == summary.load(night).incidents


def test_another_night_in_its_place_is_read_from_its_beginning(night: Path):
    following, entries = Following(night), samples.going()[:20]
    put(night, "".join(lines(entries)))
    following.news()
    put(night, "".join(lines(entries[:3])), how="w")
    assert following.news() == following.entries == entries[:3]


def test_the_report_is_that_of_the_whole_folder(night: Path):
    put(night, "".join(lines(samples.resumed())))
    following = Following(night)
    following.news()
    assert following.report() == summary.load(night)


def test_a_plan_that_was_replaced_is_read_again(night: Path):
    following = Following(night)
    before = following.known()
    assert following.known() is before
    written = json.loads((night / "plan.json").read_text("utf-8"))
    written["plan"]["notes"] = ["it was decided anew"]
    (night / "plan.json").write_text(json.dumps(written), "utf-8")
    assert following.known().plan.notes == ("it was decided anew",)


def test_a_folder_that_is_no_night_s_is_refused(tmp_path: Path):
    assert Following(tmp_path).news() == []
    with pytest.raises(InputError, match=r"holds no plan\.json"):
        Following(tmp_path).report()

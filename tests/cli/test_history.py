import json
from pathlib import Path

import pytest
from tests.planning.remembered import night

from overnight.cli.app import run
from overnight.training.history import History


@pytest.fixture
def two(history: Path) -> History:
    """A history of two nights on two machines."""
    kept = History(history)
    kept.remember(night(0.5, run="mon", when_utc=1.0))
    kept.remember(night(2.0, run="tue", machine="there", when_utc=2.0))
    return kept


def test_an_empty_history_says_how_to_fill_it(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["history"]) == 0
    said = capsys.readouterr().out
    assert str(history) in said
    assert "overnight train" in said


def test_a_history_that_is_turned_off_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OVERNIGHT_HISTORY", "off")
    assert run(["history"]) == 0
    assert "turned off" in capsys.readouterr().out


def test_every_machine_has_its_own_tables(two: History, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history"]) == 0
    said = capsys.readouterr().out
    there, here = said.index("there\n"), said.index("\nhere\n")
    assert there < said.index("tue") < here < said.index("mon")


def test_programs_get_the_same_as_one_object(
    two: History, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["history", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["machine"] for one in told["machines"]] == ["there", "here"]
    assert told["machines"][1]["lessons"]["by_key"]["tokens_per_second"]["nights"] == 1
    assert told["machines"][0]["nights"][0]["run"] == "tue"


def test_it_is_exported_to_a_file_that_was_not_there(two: History, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    assert run(["history", "--export", str(file)]) == 0
    assert [json.loads(line)["run"] for line in file.read_text().splitlines()] == ["tue", "mon"]


def test_no_file_is_exported_over(
    two: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("dear")
    assert run(["history", "--export", str(tmp_path / "mine.txt")]) == 2
    assert (tmp_path / "mine.txt").read_text() == "dear"
    assert "not there yet" in capsys.readouterr().err


def test_one_night_is_deleted_by_its_name(two: History) -> None:
    assert run(["history", "--delete-run", "mon"]) == 0
    assert [record.run for record in two.records()] == ["tue"]


def test_a_night_that_is_not_there_cannot_be_deleted(
    two: History, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["history", "--delete-run", "sun"]) == 2
    assert "no night called sun" in capsys.readouterr().err
    assert len(two.records()) == 2


def test_one_and_all_cannot_both_be_deleted(two: History) -> None:
    assert run(["history", "--delete", "--delete-run", "mon"]) == 2
    assert len(two.records()) == 2


def test_everything_is_deleted(two: History, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "--delete"]) == 0
    assert "deleted 2 nights" in capsys.readouterr().out
    assert two.records() == ()


def test_a_damaged_history_is_one_line_and_the_remedy(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history.write_bytes(b"rubbish" * 99)
    assert run(["history"]) == 2
    assert "overnight history --delete" in capsys.readouterr().err
    assert run(["history", "--delete"]) == 0
    assert run(["history"]) == 0

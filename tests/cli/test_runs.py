import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from overnight.cli.runs import find_run, read_status, status_lines
from overnight.codec import to_json
from overnight.values.errors import InputError
from overnight.values.ledger import Status

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC).timestamp()
TRAINING = Status(state="training", step=1200, horizon=3000, loss=1.2345, tokens_per_second=8123.0,
                  updated_utc=NOW - 3, started_utc=NOW - 7200, deadline_utc=NOW + 5 * 3600,
                  finish_low_utc=NOW + 3600, finish_high_utc=NOW + 5400, on_track=True,
                  pid=77)  # fmt: skip


def night(folder: Path, name: str, *, status: Status) -> Path:
    run = folder / "runs" / name
    run.mkdir(parents=True)
    (run / "status.json").write_text(json.dumps(to_json(status)))
    return run


def lines(status: Status, *, alive: bool = True) -> tuple[str, str]:
    return status_lines(status, now_utc=NOW, zone=UTC, alive=alive)


def test_a_night_is_named_by_folder_or_by_name(tmp_path: Path) -> None:
    run = night(tmp_path, "one", status=TRAINING)
    assert find_run("one", folder=tmp_path) == run
    assert find_run("runs/one", folder=tmp_path) == run
    assert find_run(str(run), folder=tmp_path) == run


def test_without_a_name_the_night_that_last_said_something_is_meant(tmp_path: Path) -> None:
    night(tmp_path, "a", status=replace(TRAINING, updated_utc=NOW - 60))
    newest = night(tmp_path, "b", status=TRAINING)
    night(tmp_path, "c", status=replace(TRAINING, updated_utc=NOW - 30))
    (tmp_path / "runs" / "torn").mkdir()
    (tmp_path / "runs" / "torn" / "status.json").write_text("{")
    assert find_run(None, folder=tmp_path) == newest


def test_no_night_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no night in"):
        find_run(None, folder=tmp_path)
    with pytest.raises(InputError, match="neither is runs/two"):
        find_run("two", folder=tmp_path)


def test_a_folder_without_a_readable_status_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no night was started"):
        read_status(tmp_path)
    (tmp_path / "status.json").write_text('{"state": "training"}')
    with pytest.raises(InputError, match="cannot be read"):
        read_status(tmp_path)


def test_the_status_is_read_back(tmp_path: Path) -> None:
    assert read_status(night(tmp_path, "one", status=TRAINING)) == TRAINING


def test_a_running_night_says_what_it_does_and_when_it_is_over() -> None:
    assert lines(TRAINING) == (
        "training, step 1,200 of 3,000, loss 1.234, 8,123 tokens/s, as of 3.0 s ago",
        "done between 04:00:00 and 04:30:00, to be over by Sat 21 Nov 08:00 UTC, in 5 h 00 m, "
        "on track",
    )


def test_a_night_that_has_just_begun_has_little_to_say() -> None:
    early = replace(TRAINING, state="starting", loss=None, tokens_per_second=None, on_track=None,
                    finish_low_utc=None, deadline_utc=None)  # fmt: skip
    assert lines(early) == ("starting, step 1,200 of 3,000, as of 3.0 s ago", "no deadline")


def test_a_night_whose_process_is_gone_says_how_to_go_on() -> None:
    assert "process 77 is gone" in lines(TRAINING, alive=False)[1]


def test_a_night_that_is_over_says_since_when() -> None:
    assert lines(replace(TRAINING, state="finished"), alive=False)[1] == (
        "over at 02:59:57 after 1 h 59 m")  # fmt: skip

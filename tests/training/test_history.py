import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.planning.remembered import night

from overnight.training import history
from overnight.training.history import History, HistoryDamaged, HistoryTrouble, place

HOME = Path("/home/ann")


@pytest.fixture
def kept(tmp_path: Path) -> History:
    return History(tmp_path / "new" / "history.sqlite3", patience=0.1)


@pytest.mark.parametrize("system, environ, found", [
    ("linux", {}, HOME / ".local/share/overnight/history.sqlite3"),
    ("linux", {"XDG_DATA_HOME": "/data"}, Path("/data/overnight/history.sqlite3")),
    ("linux", {"XDG_DATA_HOME": "data"}, HOME / ".local/share/overnight/history.sqlite3"),
    ("darwin", {}, HOME / "Library/Application Support/overnight/history.sqlite3"),
    ("win32", {"LOCALAPPDATA": "/local"}, Path("/local/overnight/history.sqlite3")),
    ("win32", {}, HOME / "AppData/Local/overnight/history.sqlite3"),
    ("linux", {"OVERNIGHT_HISTORY": "/mine.db", "XDG_DATA_HOME": "/data"}, Path("/mine.db")),
    ("linux", {"OVERNIGHT_HISTORY": "Off"}, None),
])  # fmt: skip
def test_the_history_lies_where_the_system_keeps_a_users_data(
    system: str, environ: dict[str, str], found: Path | None
) -> None:
    assert place(environ, system=system, home=HOME) == found


def test_what_was_remembered_comes_back_whole_the_newest_first(kept: History) -> None:
    old, new = night(0.5, when_utc=1.0), night(2.0, when_utc=2.0, gain=0.25)
    kept.remember(new)
    kept.remember(old)
    assert kept.records() == (new, old)


def test_only_the_nights_of_a_machine_are_given_where_one_is_named(kept: History) -> None:
    kept.remember(night(1.0))
    kept.remember(night(2.0, machine="there"))
    assert [record.machine for record in kept.records(machine="there")] == ["there"]


def test_a_night_replaces_its_rehearsal_and_no_rehearsal_a_night(kept: History) -> None:
    rehearsal = night(1.0, kind="rehearsal", night="a")
    over = night(2.0, kind="night", night="a")
    for record in (rehearsal, over, rehearsal):
        kept.remember(record)
    assert kept.records() == (over,)


def test_without_a_file_there_is_nothing_and_looking_makes_none(kept: History) -> None:
    assert (kept.records(), kept.delete_run("run"), kept.delete_all()) == ((), 0, 0)
    assert not kept.path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions there")
def test_nobody_but_the_user_may_read_it(kept: History) -> None:
    kept.remember(night())
    with closing(sqlite3.connect(kept.path)) as held:
        held.execute("SELECT * FROM nights").fetchall()
        kept.remember(night(2.0))
        modes = [path.stat().st_mode & 0o777 for path in kept.path.parent.iterdir()]
    assert modes == [0o600] * 3  # the file, and SQLite's two beside it while it is open


def test_one_nights_records_can_be_deleted_and_leave_no_trace(kept: History) -> None:
    kept.remember(night(1.0, run="secret-name"))
    kept.remember(night(2.0, run="other"))
    assert kept.delete_run("secret-name") == 1
    assert [record.run for record in kept.records()] == ["other"]
    assert not any(b"secret-name" in path.read_bytes() for path in kept.path.parent.iterdir())


def test_all_can_be_deleted(kept: History) -> None:
    kept.remember(night(1.0))
    kept.remember(night(2.0))
    assert kept.delete_all() == 2
    assert kept.records() == ()


def test_every_line_of_an_export_is_one_night_as_json(kept: History) -> None:
    kept.remember(night(2.0, gain=float("nan")))
    (line,) = kept.lines()
    told = json.loads(line)
    assert (told["run"], told["gain"], told["candidate"]["method"]) == ("run", "NaN", "full")


@pytest.mark.parametrize("content", [b"not a database, but long enough to be read as one" * 9,
                                     b"SQLite format 3\x00" + b"\xff" * 4096])  # fmt: skip
def test_a_damaged_file_is_said_to_be_and_deleting_begins_anew(
    kept: History, content: bytes
) -> None:
    kept.path.parent.mkdir()
    kept.path.write_bytes(content)
    for use in (kept.records, lambda: kept.remember(night())):
        with pytest.raises(HistoryDamaged, match="overnight history --delete"):
            use()
    kept.delete_all()
    kept.remember(night())
    assert kept.records() == (night(),)


def test_a_file_that_another_process_holds_is_not_waited_for_long_nor_deleted(
    kept: History,
) -> None:
    kept.remember(night())
    with closing(sqlite3.connect(kept.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for use in (kept.delete_all, lambda: kept.remember(night(2.0))):
            with pytest.raises(HistoryTrouble, match="held by another process"):
                use()
    assert kept.records() == (night(),)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that nobody can write to")
def test_where_nothing_can_be_written_another_place_is_offered() -> None:
    with pytest.raises(HistoryTrouble, match="OVERNIGHT_HISTORY may name another file"):
        History(Path("/proc/history.sqlite3")).remember(night())


def test_a_place_that_cannot_even_be_looked_at_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(HistoryTrouble, match="cannot be used"):
        History(tmp_path / ("x" * 300)).records()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_file_that_cannot_be_written_is_said_to_be(kept: History) -> None:
    kept.remember(night())
    kept.path.chmod(0o400)
    with pytest.raises(HistoryTrouble, match="cannot be used"):
        kept.remember(night(2.0))


def test_an_older_file_is_brought_up_to_date_with_all_it_holds(
    kept: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.remember(night())
    later = (*history.MIGRATIONS, ("ALTER TABLE nights ADD COLUMN mood TEXT DEFAULT 'fine'",))
    monkeypatch.setattr(history, "MIGRATIONS", later)
    assert kept.records() == (night(),)
    with closing(sqlite3.connect(kept.path)) as database:
        assert database.execute("SELECT mood FROM nights").fetchall() == [("fine",)]
        assert database.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_newer_file_is_left_alone(kept: History) -> None:
    kept.remember(night())
    with closing(sqlite3.connect(kept.path)) as database:
        database.execute("PRAGMA user_version = 9")
    with pytest.raises(HistoryTrouble, match="newer overnight"):
        kept.remember(night(2.0))
    with closing(sqlite3.connect(kept.path)) as database:
        assert database.execute("SELECT count(*) FROM nights").fetchone() == (1,)


def test_a_record_that_cannot_be_read_hides_no_other(kept: History) -> None:
    kept.remember(night(1.0, night="a"))
    kept.remember(night(2.0, night="b"))
    with closing(sqlite3.connect(kept.path)) as database:
        database.execute("UPDATE nights SET record = '{\"when_utc\": 1' WHERE night = 'a'")
        database.commit()
    assert [record.night for record in kept.records()] == ["b"]


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.planning.remembered import night
from overnight.training.history import History
kept = History(Path(sys.argv[1]), patience=60.0)
sys.stdin.readline()
for number in range(25):
    kept.remember(night(1.0, night=f"{sys.argv[2]}-{number}", kind="rehearsal"))
    kept.remember(night(2.0, night=f"{sys.argv[2]}-{number}"))
    assert kept.records()
"""


def test_processes_that_write_at_once_lose_nothing(kept: History, root: Path) -> None:
    """They also meet while the file is made: none of them finds one."""
    pieces = os.pathsep.join([str(root), str(root / "src")])
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(kept.path), str(number)],
                         stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env=os.environ | {"PYTHONPATH": pieces})
        for number in range(4)
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    said = [writer.communicate()[1] for writer in writers]
    assert said == [""] * 4
    records = kept.records()
    assert len(records) == 100
    assert {record.kind for record in records} == {"night"}
    assert all(record == replace(night(2.0), night=record.night) for record in records)

"""A night that is over stays over, byte for byte; a glance that is torn misleads nobody."""

import shutil
from pathlib import Path

import pytest
from tests.small_nights import SIXTY_STEPS, Small, command, content

from overnight.__main__ import main

pytestmark = pytest.mark.faults


def times(folder: Path) -> dict[str, int]:
    """When each file and folder was changed last."""
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_a_finished_night_started_five_times_more_changes_no_byte(small, finished, capsys):
    before, changed = content(finished), times(finished)
    for _ in range(5):
        assert main(command(small, finished, *SIXTY_STEPS)[3:]) == 0
        assert f"{finished} is finished: its model is" in capsys.readouterr().out
    assert content(finished) == before
    assert times(finished) == changed


def torn(text: bytes) -> dict[str, bytes]:
    """What a write that was broken off, or a damaged disk, leaves of a file."""
    places = (len(text) * eighth // 8 for eighth in range(8))
    cuts = {f"cut at {at}": text[:at] for at in places}
    return cuts | {"zeros": bytes(len(text)), "not a Status": b"[1, 2]", "not UTF-8": b"\xff\xfe{"}


def test_a_torn_status_is_said_in_a_line(finished: Path, tmp_path: Path, capsys):
    whole = (finished / "status.json").read_bytes()
    for what, left in torn(whole).items():
        (tmp_path / "status.json").write_bytes(left)
        assert main(["status", str(tmp_path)]) == 2, what
        (line,) = capsys.readouterr().err.splitlines()
        assert "status.json cannot be read" in line


def test_a_finished_night_needs_no_status(small: Small, finished: Path, tmp_path: Path, capsys):
    run = shutil.copytree(finished, tmp_path / "run")
    (run / "status.json").write_bytes(b'{"state": "fin')
    assert main(command(small, run, *SIXTY_STEPS)[3:]) == 0
    assert "is finished" in capsys.readouterr().out

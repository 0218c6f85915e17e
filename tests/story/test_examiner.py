"""The process that tests what is published: told its checkpoint at its start, or when it waits."""

import signal
import stat
import sys
from pathlib import Path

import pytest

from overnight.story.examiner import Examiner

PROGRAM = """
import sys
name = sys.stdin.readline().strip() if sys.argv[-1] == "-" else sys.argv[-1]
open({told!r}, "a").write(sys.argv[-1] + " " + name + ",")
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What each process was started with and what it heard; all run a program of the test."""
    path, seen = tmp_path / "python", tmp_path / "told"
    path.write_text(f"#!{sys.executable}\n{PROGRAM.format(told=str(seen))}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(path))
    return seen


def test_one_that_is_there_already_is_told_and_only_the_first(tmp_path: Path, told: Path) -> None:
    examiner = Examiner(tmp_path)
    examiner.prepare()
    examiner.prepare()
    assert examiner.start("checkpoint-5").wait(30.0) == 0
    assert examiner.start("checkpoint-10").wait(30.0) == 0
    assert told.read_text() == "- checkpoint-5,checkpoint-10 checkpoint-10,"


def test_one_that_nobody_needs_is_ended(tmp_path: Path, told: Path) -> None:
    examiner = Examiner(tmp_path)
    examiner.prepare()
    waiting = examiner._ahead
    examiner.end()
    assert waiting is not None and waiting.wait(0.0) == -signal.SIGKILL
    assert examiner._ahead is None and not told.exists()

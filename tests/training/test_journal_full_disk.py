"""A journal on a full disk: the ballast goes first, then events wait; none is lost."""

import errno
from pathlib import Path
from typing import Any

import pytest
from tests.fakes import FakeClock
from tests.training.nights import begun, start, stepped

from overnight.training.disk import BALLAST, DiskFull, DiskTrouble, set_ballast
from overnight.training.journal import read
from overnight.values.ledger import Noted

NOTE = Noted(text="a line")


class FullDisk:
    """A file that takes `room` bytes (-1: all but the newline) until the ballast is gone."""

    def __init__(self, file: Any, ballast: Path, room: int) -> None:
        self.file, self.ballast, self.room = file, ballast, room

    def write(self, line: bytes) -> int:
        if not self.ballast.exists():
            return int(self.file.write(line))
        taken, self.room = self.file.write(line[: self.room]), 0
        if taken == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return int(taken)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@pytest.mark.parametrize("room", [0, 1, 20, -1])
def test_a_full_disk_costs_the_ballast_and_no_event(
    tmp_path: Path, clock: FakeClock, room: int
) -> None:
    set_ballast(tmp_path)
    with begun(tmp_path, clock) as one:
        one._file = FullDisk(one._file, tmp_path / BALLAST, room)  # type: ignore[assignment]
        one.append(start(clock))
        one.append(NOTE)
    assert [entry.event for entry in read(tmp_path)] == [start(clock), start(clock), NOTE]


def test_while_the_disk_is_full_events_wait_and_none_is_lost(
    tmp_path: Path, clock: FakeClock
) -> None:
    with begun(tmp_path, clock) as one:
        whole = one._file
        one._file = FullDisk(whole, tmp_path, 0)  # type: ignore[assignment]
        waited = [one.append(NOTE), one.append(stepped(1))]
        assert "events.jsonl could not be written: the disk is full" in one.behind
        one._file = whole
        waited.append(one.append(NOTE))
        assert one.behind == ""
    assert read(tmp_path)[1:] == waited


def test_a_disk_that_stays_full_to_the_end_is_told(tmp_path: Path, clock: FakeClock) -> None:
    one = begun(tmp_path, clock)
    one._file = FullDisk(one._file, tmp_path, 0)  # type: ignore[assignment]
    one.append(NOTE)
    with pytest.raises(DiskFull, match=r"events\.jsonl could not be written"):
        one.close()


def test_a_disk_that_fails_otherwise_is_told_at_once(tmp_path: Path, clock: FakeClock) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise OSError(errno.EIO, "Input/output error")

    one = begun(tmp_path, clock)
    one.close()
    one._file = Broken()  # type: ignore[assignment]
    with pytest.raises(DiskTrouble, match=r"events\.jsonl could not be written: Input/output"):
        one.append(NOTE)

import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.fakes import FakeClock
from tests.training.nights import begun, start, stepped

from overnight.training import journal
from overnight.training.disk import DiskFull
from overnight.training.journal import (
    EVENTS,
    Journal,
    read,
    read_counting,
    read_json,
    started,
    write_json,
)
from overnight.values.errors import InputError, OvernightError
from overnight.values.ledger import Entry, Noted, Started, Stepped
from overnight.values.plan import Reserve

NOTE = Noted(text="a line")


def test_what_is_appended_is_read_again(tmp_path: Path, clock: FakeClock) -> None:
    with begun(tmp_path, clock) as one:
        clock.advance(5.0)
        written = one.append(stepped(1))
    assert read(tmp_path)[1] == written
    assert written == Entry(t=5.0, utc=clock.utc(), event=stepped(1))


def test_a_folder_without_a_journal_has_no_entries(tmp_path: Path) -> None:
    assert read_counting(tmp_path) == ([], 0)
    assert started([]) is None


def test_nothing_can_be_noted_before_the_start(tmp_path: Path, clock: FakeClock) -> None:
    with Journal.open(tmp_path, clock) as one, pytest.raises(OvernightError, match="no start"):
        one.append(NOTE)


def test_a_journal_opened_before_the_start_learns_of_it(tmp_path: Path, clock: FakeClock) -> None:
    with Journal.open(tmp_path, clock) as early, begun(tmp_path, clock):
        clock.advance(3.0)
        assert early.append(NOTE).t == 3.0


@pytest.mark.parametrize("torn", range(1, 40, 7))
def test_a_torn_line_never_merges_with_the_next(
    tmp_path: Path, clock: FakeClock, torn: int
) -> None:
    begun(tmp_path, clock).close()
    path = tmp_path / EVENTS
    path.write_bytes(path.read_bytes() + path.read_bytes()[:torn])
    with Journal.open(tmp_path, clock) as one:
        one.append(NOTE)
    entries, damaged = read_counting(tmp_path)
    assert [entry.event for entry in entries] == [start(clock), NOTE]
    assert damaged == 1


def test_a_line_torn_by_another_process_is_closed_off_too(tmp_path: Path, clock: FakeClock) -> None:
    with begun(tmp_path, clock) as supervisor:
        with open(tmp_path / EVENTS, "ab") as child:
            child.write(b'{"t":1.0,"utc":')
        supervisor.append(NOTE)
    assert [entry.event for entry in read(tmp_path)] == [start(clock), NOTE]


def test_a_last_line_that_lacks_only_its_newline_counts(tmp_path: Path, clock: FakeClock) -> None:
    begun(tmp_path, clock).close()
    os.truncate(tmp_path / EVENTS, (tmp_path / EVENTS).stat().st_size - 1)
    with Journal.open(tmp_path, clock) as one:
        one.append(NOTE)
    assert [entry.event for entry in read(tmp_path)] == [start(clock), NOTE]


def test_damaged_lines_are_counted_and_the_others_read(tmp_path: Path, clock: FakeClock) -> None:
    with begun(tmp_path, clock) as one:
        one.append(NOTE)
    lines = (tmp_path / EVENTS).read_bytes().splitlines(keepends=True)
    (tmp_path / EVENTS).write_bytes(lines[0] + b'\xff\x00{"t"\n' + lines[1])
    entries, damaged = read_counting(tmp_path)
    assert (len(entries), damaged) == (2, 1)


def test_two_processes_may_append_in_turn(tmp_path: Path, clock: FakeClock) -> None:
    with begun(tmp_path, clock) as one, Journal.open(tmp_path, clock) as other:
        for step in range(5):
            clock.advance(1.0)
            one.append(stepped(step))
            other.append(NOTE)
    assert len(read(tmp_path)) == 11


def test_each_line_is_one_write(tmp_path: Path, clock: FakeClock) -> None:
    with begun(tmp_path, clock) as one:
        writes: list[bytes] = []
        file = one._file

        class Counting:
            def write(self, line: bytes) -> int:
                writes.append(line)
                return file.write(line)

            def __getattr__(self, name: str) -> Any:
                return getattr(file, name)

        one._file = Counting()  # type: ignore[assignment]
        one.append(NOTE)
    assert len(writes) == 1
    assert writes[0].endswith(b"\n")


def test_two_entries_never_have_the_same_time(tmp_path: Path, clock: FakeClock) -> None:
    with begun(tmp_path, clock) as one:
        first, second = one.append(NOTE), one.append(NOTE)
    assert first.t < second.t == pytest.approx(first.t, abs=1e-3)


def test_the_start_with_the_newest_deadline_counts(tmp_path: Path, clock: FakeClock) -> None:
    with begun(tmp_path, clock) as one:
        moved = replace(start(clock), deadline_utc=clock.utc() + 7200, window_seconds=7200.0)
        clock.advance(10.0)
        assert one.note_start(moved).t == 10.0
    assert started(read(tmp_path)) == moved


def flushes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    seen: list[int] = []
    monkeypatch.setattr(os, "fsync", seen.append)
    return seen


def test_steps_are_flushed_every_two_seconds_and_all_else_at_once(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begun(tmp_path, clock) as one:
        seen = flushes(monkeypatch)
        one.append(stepped(1))
        assert len(seen) == 0
        clock.advance(2.0)
        one.append(stepped(2))
        assert len(seen) == 1
        one.append(NOTE)
        assert len(seen) == 2


def test_a_slow_disk_is_flushed_less_often(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begun(tmp_path, clock) as one:
        flushed: list[float] = []

        def slow(_: int) -> None:
            flushed.append(clock.boot())
            clock.advance(0.02)

        monkeypatch.setattr(os, "fsync", slow)
        for step in range(100):
            clock.advance(0.5)
            one.append(stepped(step))
        apart = [then - now for now, then in pairwise(flushed)]
    assert apart and min(apart) >= 10.0  # 0.02 s of ten are 0.2 %


def steps_in(folder: Path) -> list[int]:
    return [entry.event.step for entry in read(folder) if isinstance(entry.event, Stepped)]


def test_steps_of_half_a_second_are_written_together(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begun(tmp_path, clock) as one:
        seen = flushes(monkeypatch)
        for step in range(1, 6):
            clock.advance(0.12)
            one.append(stepped(step))
            assert steps_in(tmp_path) == ([] if step < 5 else [1, 2, 3, 4, 5])
        assert seen == []  # readable, though no power cut would leave them
        times = [entry.t for entry in read(tmp_path)][1:]
    assert times == pytest.approx([0.12, 0.24, 0.36, 0.48, 0.6])


@pytest.mark.parametrize("then", [lambda one: one.append(NOTE), Journal.mark])
def test_held_steps_are_written_before_anything_else(
    tmp_path: Path, clock: FakeClock, then: Callable[[Journal], object]
) -> None:
    with begun(tmp_path, clock) as one:
        one.append(stepped(1))
        assert steps_in(tmp_path) == []
        then(one)
        assert [type(entry.event) for entry in read(tmp_path)][:2] == [Started, Stepped]
        one.append(stepped(2))
    assert steps_in(tmp_path) == [1, 2]


def test_a_step_longer_than_that_is_written_at_once(tmp_path: Path, clock: FakeClock) -> None:
    with begun(tmp_path, clock) as one:
        clock.advance(0.6)
        one.append(stepped(1))
        assert steps_in(tmp_path) == [1]


def first_line_damaged(folder: Path) -> None:
    raw = bytearray((folder / EVENTS).read_bytes())
    raw[20] ^= 1
    (folder / EVENTS).write_bytes(raw)


def test_a_night_whose_first_line_is_damaged_knows_its_beginning(
    tmp_path: Path, clock: FakeClock
) -> None:
    with begun(tmp_path, clock) as one:
        clock.advance(5.0)
        written = one.append(NOTE)
    first_line_damaged(tmp_path)
    entries, damaged = read_counting(tmp_path)
    assert ([entry.event for entry in entries], damaged) == ([start(clock_at_start()), NOTE], 1)
    assert entries[1] == written
    with Journal.open(tmp_path, clock) as again:
        assert again.append(NOTE).t == pytest.approx(5.0, abs=1e-3)


def clock_at_start() -> FakeClock:
    return FakeClock()


def test_a_journal_of_rubbish_is_no_nights_even_beside_a_beginning(
    tmp_path: Path, clock: FakeClock
) -> None:
    begun(tmp_path, clock).close()
    (tmp_path / EVENTS).write_bytes(b"rubbish\n")
    assert read_counting(tmp_path) == ([], 1)
    (tmp_path / journal.BEGUN).write_text("{}")
    (tmp_path / EVENTS).write_bytes(b"")
    assert read(tmp_path) == []


RESERVE = Reserve(save=1.0, evaluation=2.0, publish=3.0, margin=4.0)


def test_a_value_comes_back_from_its_file(tmp_path: Path) -> None:
    write_json(tmp_path / "plan.json", RESERVE)
    assert read_json(tmp_path / "plan.json", Reserve) == RESERVE
    assert json.loads((tmp_path / "plan.json").read_text())["save"] == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_a_file_that_is_not_there_is_no_value(tmp_path: Path) -> None:
    assert read_json(tmp_path / "status.json", Reserve) is None


@pytest.mark.parametrize(
    "content", [b"", b'{"save": 1', b"\xff\xfe", b"[" * 100_000, b'{"save":1}']
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "status.json").write_bytes(content)
    with pytest.raises(InputError, match=r"status\.json is damaged"):
        read_json(tmp_path / "status.json", Reserve)


def test_a_full_disk_leaves_the_old_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(tmp_path / "status.json", RESERVE)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal, "replace_text", full)
    with pytest.raises(DiskFull, match=r"status\.json could not be written"):
        write_json(tmp_path / "status.json", replace(RESERVE, save=9.0))
    assert read_json(tmp_path / "status.json", Reserve) == RESERVE

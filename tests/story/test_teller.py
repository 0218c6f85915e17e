"""Every event is told to the journal; the rest may miss some."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes import FakeClock
from tests.training.nights import start, stepped

from overnight.story.teller import STATUS, STATUS_LATEST, STATUS_SECONDS, Teller
from overnight.training import journal
from overnight.training.journal import Journal
from overnight.values.facts import Interval
from overnight.values.ledger import Entry, Noted, Stepped, Stopped


class Listener:
    """A view that remembers, and fails when it has seen enough."""

    def __init__(self, *, fails_after: int = 1000) -> None:
        self.seen: list[object] = []
        self._left = fails_after

    def tell(self, entry, status) -> None:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("the terminal is gone")
        self.seen.append(entry.event)


@pytest.fixture
def teller(tmp_path: Path, clock: FakeClock):
    with Journal.open(tmp_path, clock) as written:
        begun = written.note_start(start(clock))
        yield Teller(tmp_path, written, clock, [begun])


def kinds(folder: Path) -> list[str]:
    return [type(one.event).__name__ for one in journal.read(folder)]


def status(teller: Teller) -> dict:
    return json.loads((teller.run_folder / STATUS).read_text())


def test_every_event_is_journalled_and_remembered(teller: Teller):
    teller.all([stepped(1), Noted(text="x"), Stopped(step=1, reason="window")])
    assert kinds(teller.run_folder) == ["Started", "Stepped", "Noted", "Stopped"]
    assert teller.entries == journal.read(teller.run_folder)


def test_a_journal_that_waits_for_room_is_told_once(teller: Teller, capsys):
    journalled = teller.journal.append
    for behind in ("the disk is full", "the disk is full", "", "the disk is full"):
        teller.journal.behind = behind
        teller.journal.append = lambda event: journal.Entry(t=1.0, utc=1.0, event=event)
        teller.tell(stepped(1))
    teller.journal.append, teller.journal.behind = journalled, ""
    said = capsys.readouterr().err
    assert said.count("the disk is full; the night goes on") == 2


def test_logging_steps_thins_what_is_shown_and_nothing_else(teller: Teller):
    teller.logging_steps, teller.view = 5, Listener()
    for step in range(1, 11):
        teller.tell(stepped(step))
        teller.note("x")
    steps = [one.event for one in journal.read(teller.run_folder)]
    assert [event.step for event in steps if isinstance(event, Stepped)] == [*range(1, 11)]
    assert kinds(teller.run_folder).count("Noted") == 10
    assert len(teller.view.seen) == 12  # every line, and steps 5 and 10


def test_a_view_that_fails_is_dropped_with_one_line(teller: Teller, capsys):
    teller.view = Listener(fails_after=1)
    for step in range(1, 4):
        teller.tell(stepped(step))
    assert teller.view is None
    assert capsys.readouterr().err.splitlines() == [
        "overnight: the live view failed and is gone: the terminal is gone"
    ]
    teller.journal.mark()
    assert kinds(teller.run_folder) == ["Started", *["Stepped"] * 3]


def test_the_other_processes_write_and_say_nothing(teller: Teller):
    teller.main, teller.view = False, Listener()
    before = (teller.run_folder / journal.EVENTS).read_bytes()
    there = set(teller.run_folder.iterdir())
    teller.all([stepped(1), Stopped(step=1, reason="window")])
    assert set(teller.run_folder.iterdir()) == there
    assert (teller.run_folder / journal.EVENTS).read_bytes() == before
    assert teller.view.seen == []


def test_the_status_is_fresh_every_few_seconds(teller: Teller, clock: FakeClock):
    teller.tell(stepped(1))
    teller.tell(stepped(2))
    assert status(teller)["step"] == 1
    clock.advance(STATUS_SECONDS)
    teller.tell(stepped(3))
    assert status(teller)["step"] == 3


def test_a_slow_disk_has_its_status_less_often(
    teller: Teller, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    written = journal.write_json

    def slowly(path: Path, value: object) -> None:
        clock.advance(1.0)
        written(path, value)

    monkeypatch.setattr(journal, "write_json", slowly)
    teller.tell(stepped(1))
    clock.advance(STATUS_SECONDS)
    teller.tell(stepped(2))
    assert status(teller)["step"] == 1
    clock.advance(STATUS_LATEST)  # a disk as slow as this one has it no later than that
    teller.tell(stepped(3))
    assert status(teller)["step"] == 3


def test_the_beginning_is_the_newest_one_whoever_appended_it(teller: Teller, clock: FakeClock):
    first = teller.begun
    teller.all([stepped(1), stepped(2)])
    assert teller.begun is first is not None
    moved = replace(first, deadline_utc=7.0)
    teller.entries.append(Entry(t=9.0, utc=9.0, event=moved))
    teller.tell(stepped(3))
    assert teller.begun == moved


def test_the_end_is_in_the_status_at_once(teller: Teller):
    teller.tell(stepped(1))
    teller.state = "ending"
    teller.tell(Stopped(step=1, reason="window"))
    assert status(teller)["state"] == "ending"


def test_the_status_is_replaced_as_a_whole(teller: Teller, clock: FakeClock):
    teller.tell(stepped(1))
    with open(teller.run_folder / STATUS) as before:
        clock.advance(STATUS_SECONDS)
        teller.tell(stepped(2))
        assert json.load(before)["step"] == 1
    assert status(teller)["step"] == 2


def test_the_status_tells_instants_of_the_boot_clock_as_utc(teller: Teller, clock: FakeClock):
    teller.finish = Interval(low=clock.boot() + 10, mid=clock.boot() + 20, high=clock.boot() + 30)
    seen = teller.status()
    assert seen is not None
    assert (seen.finish_low_utc, seen.finish_high_utc) == (clock.utc() + 10, clock.utc() + 30)
    assert seen.deadline_utc == seen.started_utc + 3600.0


def test_a_status_that_cannot_be_written_stops_nothing(teller: Teller):
    (teller.run_folder / STATUS).mkdir()
    teller.tell(stepped(1))
    teller.journal.mark()
    assert kinds(teller.run_folder) == ["Started", "Stepped"]

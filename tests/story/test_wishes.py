"""What is asked of a night from outside, and what it says to that."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes import FakeClock
from tests.training.nights import start

from overnight.story import wishes
from overnight.story.alone import alone
from overnight.story.wishes import More
from overnight.training import clocks, journal
from overnight.training.journal import Journal
from overnight.values.errors import InputError
from overnight.values.ledger import Ended, Started, Stopped

HOUR = 3600.0


@pytest.fixture
def run(tmp_path: Path, clock: FakeClock) -> Path:
    """A night of one hour that has begun."""
    folder = tmp_path / "run"
    folder.mkdir()
    with Journal.open(folder, clock) as written:
        written.note_start(start(clock))
    return folder


def tell(run: Path, clock: FakeClock, *events) -> None:
    with Journal.open(run, clock) as written:
        for event in events:
            written.append(event)


def ended(status: int, reason: str) -> tuple[Stopped, Ended]:
    return Stopped(step=9, reason=reason), Ended(exit_status=status, why=reason, deadline_kept=True)


def moved(run: Path) -> Started:
    found = journal.started(journal.read(run))
    assert found is not None
    return found


def left(run: Path, clock: FakeClock) -> float | None:
    ends = clocks.deadline_boot(moved(run), clock, last=journal.read(run)[-1])
    return None if ends is None else ends - clock.boot()


def test_a_night_that_nobody_runs_cannot_be_stopped(run: Path):
    for now in (False, True):
        with pytest.raises(InputError, match=r"no night is running in .*nothing to stop"):
            wishes.stop(run, now=now)
    assert not (run / "stop").exists()


def test_a_running_night_is_asked_by_a_file(run: Path):
    with alone(run):
        said = wishes.stop(run)
    assert "at most a fifth" in said
    assert (run / "stop").exists()


def test_now_is_a_ctrl_c_for_the_process_that_runs_it(run: Path, monkeypatch):
    sent = []
    monkeypatch.setattr("os.kill", lambda pid, number: sent.append(number))
    with alone(run):
        assert "saves and ends" in wishes.stop(run, now=True)
    assert sent == [signal.SIGINT]


def test_a_night_on_another_machine_is_asked_by_its_folder_only(run: Path):
    lock = run.parent / ".run.lock"
    with alone(run):
        owner = json.loads(lock.read_text())
    lock.write_text(json.dumps(owner | {"host": "far-away"}))
    wishes.stop(run)
    with pytest.raises(InputError, match=r"far-away.*only from there"):
        wishes.stop(run, now=True)


def test_a_live_night_gets_so_much_more_and_a_file_that_says_so(run: Path, clock: FakeClock):
    clock.advance(600.0)
    with alone(run):
        said = wishes.extend(run, clock, More(seconds=2 * HOUR))
    assert left(run, clock) == pytest.approx(3 * HOUR - 600.0)
    assert "in 2 h 50 m" in said and "same train command" not in said
    assert journal.read_json(run / "extend", Started) == moved(run)


def test_a_night_that_is_over_gets_so_much_from_now_on(run: Path, clock: FakeClock):
    tell(run, clock, *ended(0, "window"))
    clock.advance(5 * HOUR)
    said = wishes.extend(run, clock, More(seconds=2 * HOUR))
    assert left(run, clock) == pytest.approx(2 * HOUR)
    assert said.endswith("the same train command goes on")
    assert not (run / "extend").exists()


def test_a_length_from_now_on_or_an_instant_can_bring_it_nearer_too(run: Path, clock: FakeClock):
    wishes.extend(run, clock, More(within=0.5 * HOUR))
    assert left(run, clock) == pytest.approx(0.5 * HOUR)
    wishes.extend(run, clock, More(ends_utc=clock.utc() + 0.25 * HOUR))
    assert left(run, clock) == pytest.approx(0.25 * HOUR)
    assert moved(run).by_clock


def test_the_run_and_its_first_start_stay(run: Path, clock: FakeClock):
    before = moved(run)
    clock.advance(60.0)
    wishes.extend(run, clock, More(seconds=HOUR))
    after = moved(run)
    assert (after.run, after.started_utc, after.boot_id) == (
        before.run, before.started_utc, before.boot_id,
    )  # fmt: skip


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_more_time_is_that_much_whatever_the_wall_clock_was_set_to(run, clock, jump: float):
    again = replace(moved(run), by_clock=False)
    with Journal.open(run, clock) as written:
        written.note_start(again)
    clock.advance(600.0)
    clock.set_wall(clock.utc() + jump)
    wishes.extend(run, clock, More(within=2 * HOUR))
    assert left(run, clock) == pytest.approx(2 * HOUR)


@pytest.mark.parametrize(("reason", "why"), [("horizon", "all its planned"), ("patience", "fell")])
def test_more_time_for_a_night_that_lacked_none_is_refused(run, clock, reason, why):
    tell(run, clock, *ended(0, reason))
    before = (run / "events.jsonl").read_bytes()
    with pytest.raises(InputError, match=rf"{why}.*more time would change nothing"):
        wishes.extend(run, clock, More(seconds=HOUR))
    assert (run / "events.jsonl").read_bytes() == before


def test_without_a_deadline_there_is_none_to_move(tmp_path: Path, clock: FakeClock):
    with Journal.open(tmp_path, clock) as written:
        written.note_start(start(clock, window=None))
    with pytest.raises(InputError, match="no deadline to move"):
        wishes.extend(tmp_path, clock, More(seconds=HOUR))


def test_a_folder_without_a_night_is_refused(tmp_path: Path, clock: FakeClock):
    with pytest.raises(InputError, match="holds no night"):
        wishes.extend(tmp_path, clock, More(seconds=HOUR))


def test_the_limit_of_a_live_session_stays(run: Path, clock: FakeClock):
    cut = replace(moved(run), limit="SLURM (SLURM_JOB_END_TIME)", asked_utc=clock.utc() + HOUR)
    with Journal.open(run, clock) as written:
        written.note_start(cut)
    said = wishes.extend(run, clock, More(seconds=0.5 * HOUR))
    assert left(run, clock) == pytest.approx(HOUR)
    assert moved(run).asked_utc == pytest.approx(clock.utc() + 1.5 * HOUR)
    assert "the session's end stays (SLURM (SLURM_JOB_END_TIME))" in said

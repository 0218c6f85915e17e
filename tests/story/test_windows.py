"""Deadlines as asked, as sessions allow, as they are moved."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from tests.fakes import FakeClock
from tests.training.nights import start, stepped

from overnight.probe.session_limits import SessionLimit
from overnight.story import windows
from overnight.training import clocks
from overnight.values.errors import InputError
from overnight.values.ledger import Entry, Saved, Started
from overnight.values.request import Request, Settings, Window

HOUR = 3600.0
BERLIN = ZoneInfo("Europe/Berlin")


def night(clock: FakeClock, hours: float | None) -> Started:
    return start(clock, window=None if hours is None else hours * HOUR)


def job(clock: FakeClock, hours: float) -> SessionLimit:
    """One that SLURM ends in so many hours."""
    ends = clock.utc() + hours * HOUR
    return SessionLimit(who="SLURM", source="SLURM_JOB_END_TIME", ends_utc=ends,
                        leave_utc=ends - 60.0)  # fmt: skip


def over(begun: Started, clock: FakeClock) -> float | None:
    """Seconds until this process has to be over."""
    at = windows.over_at(begun, clock, None)
    return None if at is None else at - clock.boot()


def test_what_ends_within_the_session_stays_as_it_was_asked(clock: FakeClock):
    begun = night(clock, 6.0)
    assert windows.held_to(begun, job(clock, 8.0), clock.utc()) == begun


def test_what_ends_soon_after_the_session_is_cut_to_it_and_lands_there(clock: FakeClock):
    cut = windows.held_to(night(clock, 12.0), job(clock, 8.0), clock.utc())
    assert over(cut, clock) == pytest.approx(8 * HOUR - 60.0)
    assert clocks.deadline_boot(cut, clock) == windows.over_at(cut, clock, None)
    assert windows.wanted(cut) == clock.utc() + 12 * HOUR
    assert windows.session_words(cut, job(clock, 8.0), BERLIN).endswith(
        "(SLURM_JOB_END_TIME): the window ends 1 m 00 s before"
    )


def test_epochs_alone_get_the_session_as_their_window(clock: FakeClock):
    cut = windows.held_to(night(clock, None), job(clock, 8.0), clock.utc())
    assert over(cut, clock) == pytest.approx(8 * HOUR - 60.0)
    assert windows.wanted(cut) is None


def test_epochs_that_go_on_elsewhere_have_no_deadline_again(clock: FakeClock):
    cut = windows.held_to(night(clock, None), job(clock, 8.0), clock.utc())
    clock.advance(9 * HOUR)
    again = windows.held_to(cut, None, clock.utc())
    assert (again.deadline_utc, again.window_seconds, again.limit) == (None, None, "")


def test_a_night_until_sunday_in_jobs_of_eight_hours(clock: FakeClock):
    begun, ends = night(clock, 44.0), clock.utc() + 44 * HOUR
    ended = []
    for _ in range(5):
        limit = job(clock, 8.0)
        begun = windows.held_to(begun, limit, clock.utc())
        assert windows.wanted(begun) == ends
        left = over(begun, clock)
        assert left is not None
        ended.append((begun.session_utc is None, round(left)))
        clock.advance(9.0 * HOUR)  # an hour in the queue
    # Four jobs are left a minute early for the next; the last one is the one to land in.
    assert ended == [(False, 28_740)] * 4 + [(True, 28_740)]


def test_the_last_job_ends_with_the_night_where_that_comes_first(clock: FakeClock):
    begun = windows.held_to(night(clock, 20.0), job(clock, 8.0), clock.utc())
    assert begun.session_utc is not None
    clock.advance(14 * HOUR)
    begun = windows.held_to(begun, job(clock, 8.0), clock.utc())
    assert begun.limit == ""
    assert over(begun, clock) == pytest.approx(6 * HOUR)


def test_a_session_that_is_left_is_said_so(clock: FakeClock):
    limit = job(clock, 8.0)
    kept = windows.held_to(night(clock, 44.0), limit, clock.utc())
    said = windows.session_words(kept, limit, BERLIN)
    assert "long before the deadline" in said and "the same command in the next job" in said
    assert "\n" not in said


def test_a_session_without_meaning_for_the_night_is_not_mentioned(clock: FakeClock):
    assert windows.session_words(night(clock, 6.0), job(clock, 8.0), BERLIN) == ""
    assert windows.session_words(night(clock, 6.0), None, BERLIN) == ""


def test_by_needs_a_clock_that_was_ever_set():
    by = Window(ends_utc=1_000.0, label="sat 8am")
    with pytest.raises(InputError, match=r"was never set; set it, or give a length"):
        windows.asked(Request(data="d", model="m", window=by), 500.0)


def test_a_length_does_not_mind_a_clock_that_shows_1970():
    length = Window(seconds=HOUR, label="1h")
    assert windows.asked(Request(data="d", model="m", window=length), 500.0) == 500.0 + HOUR


def test_epochs_or_steps_need_no_deadline():
    request = Request(data="d", model="m", settings=Settings(max_steps=5))
    assert windows.asked(request, 1.8e9) is None


@pytest.mark.parametrize("jump", [-86_400.0, 3_600.0, 56 * 365 * 86_400.0])
def test_a_length_is_counted_without_the_wall_clock(clock: FakeClock, jump: float):
    begun = replace(night(clock, 10.0), by_clock=False)
    clock.advance(HOUR)
    clock.set_wall(clock.utc() + jump)
    assert over(begun, clock) == pytest.approx(9 * HOUR)


def test_a_moved_deadline_tells_the_first_start_by_the_clock_as_it_is_now(clock: FakeClock):
    begun = night(clock, 10.0)
    clock.advance(HOUR)
    clock.set_wall(clock.utc() + 86_400.0)
    again = windows.moved(begun, clock.utc() + 2 * HOUR, now_utc=clock.utc(), t=HOUR)
    assert again.started_utc == pytest.approx(clock.utc() - HOUR)
    assert over(again, clock) == pytest.approx(2 * HOUR)


def saved(name: str) -> Saved:
    return Saved(step=1, name=name, parent="", seconds=1.0, bytes=1)


def test_whether_the_deadline_was_moved_since_a_checkpoint(clock: FakeClock):
    begun = night(clock, 10.0)
    told = [Entry(t=float(t), utc=0.0, event=event) for t, event in enumerate(
        (begun, saved("checkpoint-1"), stepped(2), begun, saved("checkpoint-3")))]  # fmt: skip
    assert windows.moved_since(told, "checkpoint-1")
    assert not windows.moved_since(told, "checkpoint-3")
    assert not windows.moved_since(told[:3], "checkpoint-1")

"""How an invocation ends: its status, its words, what it keeps."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.fakes import FakeClock
from tests.training.nights import start, stepped

from overnight.story import closing
from overnight.story.closing import Closing, given_back, left_at_once, newest_stop
from overnight.training import journal
from overnight.training.journal import Journal
from overnight.values.errors import NothingToPublish
from overnight.values.ledger import Ended, Entry, Event, Resumed, Saved, Status, Stopped


@pytest.fixture(autouse=True)
def no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing.remember, "ended", lambda folder: None)


class Night:
    def __init__(self, folder: Path, *events: Event) -> None:
        self.folder, self.clock = folder, FakeClock()
        self.journal = Journal.open(folder, self.clock)
        self.journal.note_start(start(self.clock))
        for event in events:
            self.journal.append(event)

    def ends(self, status: int, *, published: bool = True, **more: Any) -> int:
        publisher: Any = SimpleNamespace(publish=lambda: published)
        ends_at = more.pop("ends_at", None)
        with self.journal:
            closed = Closing(self.folder, self.journal, self.clock, ends_at, status, **more)
            return closed.end(publisher)

    @property
    def ended(self) -> Ended:
        event = journal.read(self.folder)[-1].event
        assert isinstance(event, Ended)
        return event


def stopped(reason: str) -> Stopped:
    return Stopped(step=9, reason=reason)


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (0, "horizon", 0),
        (-9, "window", 0),  # ended after its training was over
        (4, "patience", 0),
        (4, "stop", 4),
        (4, "signal", 4),
        (4, "session", 4),
        (4, "health", 4),
        (1, "stop", 4),
    ],
)
def test_the_status_follows_from_why_training_ended(tmp_path, status, reason, expected):
    night = Night(tmp_path, stopped(reason))
    assert night.ends(status) == expected
    assert (night.ended.exit_status, night.ended.why) == (expected, reason)


def test_a_night_that_crashed_too_often_says_where_and_leaves_what_it_had(tmp_path, capsys):
    night = Night(tmp_path, stepped(9))
    assert night.ends(1, given_up="it crashed twice at step 10 and came no further (x)") == 4
    assert night.ended.why.startswith("it crashed twice at step 10")
    assert "it crashed twice at step 10 and came no further (x); not started again" in (
        capsys.readouterr().err
    )


def test_nothing_to_publish_is_an_error(tmp_path: Path):
    night = Night(tmp_path, stepped(9))
    with pytest.raises(NothingToPublish, match="holds no checkpoint that can be published"):
        night.ends(1, published=False)
    assert night.ended.exit_status == 3


def test_a_night_interrupted_before_it_learnt_anything_just_goes_on_later(tmp_path, capsys):
    night = Night(tmp_path)
    assert night.ends(4, published=False, interrupted=True) == 4
    assert "ended before anything was learnt; the same command goes on" in capsys.readouterr().err


@pytest.mark.parametrize(("late", "kept"), [(-1.0, True), (1.0, False)])
def test_whether_the_deadline_was_kept_is_told(tmp_path: Path, late: float, kept: bool):
    night = Night(tmp_path, stopped("window"))
    night.ends(0, ends_at=night.clock.boot() - late)
    assert night.ended.deadline_kept is kept


def test_the_last_glance_says_that_it_is_over(tmp_path: Path):
    night = Night(tmp_path, stopped("horizon"))
    seen = Status(state="training", step=9, horizon=9, loss=1.0, tokens_per_second=None,
                  updated_utc=0.0, started_utc=0.0, deadline_utc=None, finish_low_utc=None,
                  finish_high_utc=None, on_track=None, pid=1)  # fmt: skip
    journal.write_json(tmp_path / "status.json", seen)
    night.ends(0)
    after = journal.read_json(tmp_path / "status.json", Status)
    assert after is not None and after.state == "finished"


def test_leaving_at_once_publishes_nothing_and_says_so(tmp_path: Path, capsys):
    night = Night(tmp_path, stepped(9))
    with night.journal:
        assert left_at_once(night.journal) == 4
    assert night.ended.why == "left at once"
    assert "left at once; the same command goes on" in capsys.readouterr().err


@pytest.mark.parametrize(("new", "step", "stays"), [(True, 0, False), (True, 5, True),
                                                    (False, 0, True)])  # fmt: skip
def test_what_is_given_back_leaves_a_folder_only_where_it_holds_something(
    tmp_path: Path, new: bool, step: int, stays: bool
):
    saved = Saved(step=step, name=f"checkpoint-{step}", parent="", seconds=1.0, bytes=1)
    (tmp_path / "run").mkdir()
    night = Night(tmp_path / "run", saved)
    night.journal.close()
    assert given_back(tmp_path / "run", 2, new=new) == 2
    assert (tmp_path / "run").exists() is stays


def test_a_stop_that_was_gone_on_from_is_over():
    resumed = Resumed(step=9, name="checkpoint-9", steps_lost=0)
    told = [Entry(t=float(t), utc=0.0, event=event)
            for t, event in enumerate((stopped("signal"), resumed))]  # fmt: skip
    assert newest_stop(told) is None
    assert newest_stop(told[:1]) == stopped("signal")

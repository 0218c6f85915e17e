import json
import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests import small_nights
from tests.planning.remembered import night
from tests.report import samples
from tests.small_nights import Small, told, train, wait_until
from tests.story.test_record import written

from overnight.planning import search
from overnight.planning.question import Question
from overnight.story import record, remember
from overnight.training import journal
from overnight.training.history import History
from overnight.values.ledger import Rehearsed, Resumed, Stepped
from overnight.values.lessons import Lessons

STEPS = ("--set", "max_steps=40", "--set", "per_device_train_batch_size=4")


def question() -> Question:
    return Question(request=samples.REQUEST, dataset=samples.DATASET, model=samples.MODEL,
                    hardware=samples.HARDWARE, window_seconds=samples.WINDOW)  # fmt: skip


def put(history: Path, key: str = "imports", **changed: object) -> None:
    here = record.machine(samples.HARDWARE)
    made = replace(night(2.0, key=key), machine=here, **changed)  # type: ignore[arg-type]
    History(history).remember(made)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with the plan and the journal of the invented night."""
    from overnight.codec import entry_to_line

    folder = tmp_path / "fri-20"
    folder.mkdir()
    journal.write_json(folder / "plan.json", written())
    lines = "".join(entry_to_line(entry) + "\n" for entry in samples.healthy())
    (folder / "events.jsonl").write_text(lines)
    return folder


def test_a_night_that_is_over_is_put_into_the_history(history: Path, run: Path) -> None:
    remember.ended(run)
    (kept,) = History(history).records()
    assert kept == record.record(written(), samples.healthy(), run="fri-20")


def test_turned_off_nothing_is_kept_and_nothing_said(
    history: Path, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OVERNIGHT_HISTORY", "off")
    remember.ended(run)
    assert remember.lessons_for(question()) == Lessons()
    assert capsys.readouterr() == ("", "")
    assert not history.exists()


@pytest.mark.parametrize("spoil", ["damaged", "held", "a folder", "no plan"])
def test_whatever_is_wrong_is_one_line_and_the_night_goes_on(
    history: Path, run: Path, spoil: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if spoil == "damaged":
        history.write_bytes(b"\x00rubbish" * 100)
    if spoil == "a folder":
        history.mkdir()
    if spoil == "no plan":
        (run / "plan.json").write_text("{}")
    with closing(sqlite3.connect(":memory:" if spoil != "held" else history)) as other:
        other.execute("BEGIN EXCLUSIVE")
        remember.ended(run)
    out, said = capsys.readouterr()
    assert out == ""
    assert said.count("\n") == 1
    assert "this night" in said


def test_a_history_that_cannot_be_read_is_one_line_and_no_lesson(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history.write_bytes(b"\x00rubbish" * 100)
    assert remember.lessons_for(question()) == Lessons()
    assert capsys.readouterr().err.count("\n") == 1


def test_a_record_that_makes_no_sense_is_one_line_and_no_lesson(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(history, "tokenising", avg_tokens_per_sample=float("nan"))
    assert remember.lessons_for(question()) == Lessons()
    assert capsys.readouterr().err.count("\n") == 1


def test_lessons_are_of_this_machine_only(history: Path) -> None:
    assert remember.lessons_for(question()) == Lessons()
    put(history)
    about = remember.lessons_for(question()).about("imports")
    assert about is not None
    assert about.ratio.mid > 1.1
    other = replace(question(), hardware=replace(samples.HARDWARE, name="Tesla T4"))
    assert remember.lessons_for(other) == Lessons()


def test_what_ran_out_of_memory_is_not_planned_again(history: Path) -> None:
    before = search.choose(question()).candidate
    less = replace(before, max_tokens_per_micro_batch=700)
    put(history, fitted=less, free_bytes=samples.HARDWARE.memory_free_bytes,
        architecture=samples.MODEL.architecture, hidden_size=samples.MODEL.hidden_size,
        num_parameters=samples.MODEL.num_parameters)  # fmt: skip
    after = search.choose(replace(question(), lessons=remember.lessons_for(question())))
    assert after.candidate.max_tokens_per_micro_batch == 700


def test_where_nothing_fits_history_is_heard_all_the_same(history: Path) -> None:
    put(history)
    small = replace(samples.HARDWARE, memory_free_bytes=10**6)
    tight = replace(question(), hardware=small)
    assert remember.lessons_for(tight).about("imports") is not None


@pytest.mark.tiny
def test_a_killed_nights_rehearsal_is_remembered_and_its_end_takes_the_place(
    small: Small, tmp_path: Path, history: Path
) -> None:
    run = tmp_path / "run"
    process = small_nights.start(small, run, *STEPS, "--set", "save_steps=10")
    wait_until(lambda: bool(told(run, Rehearsed)) and len(told(run, Stepped)) >= 12, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (early,) = History(history).records()
    assert (early.kind, early.run) == ("rehearsal", "run")
    assert early.actual["tokens_per_second"] > 0
    assert train(small, run, *STEPS, "--set", "save_steps=10").returncode == 0
    assert told(run, Resumed)
    (late,) = History(history).records()
    assert (late.kind, late.night, late.ended) == ("night", early.night, "horizon")


@pytest.mark.tiny
def test_the_second_nights_plan_starts_from_the_first(
    small: Small, tmp_path: Path, history: Path
) -> None:
    for name in ("first", "second"):
        assert train(small, tmp_path / name, *STEPS).returncode == 0
    newest, first = History(history).records()
    assert newest.prior["imports"] == first.prior["imports"]  # the arithmetic learns nothing
    told = [json.loads((tmp_path / name / "plan.json").read_text()) for name in ("first", "second")]
    sources = [each["first_plan"]["time"]["source"] for each in told]
    assert sources == ["catalogue", "history"]
    learnt = newest.predicted["tokens_per_second"] / newest.prior["tokens_per_second"]
    seen = first.actual["tokens_per_second"] / first.prior["tokens_per_second"]
    assert min(seen, 1.0) <= learnt <= max(seen, 1.0)

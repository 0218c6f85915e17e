"""Where a night begins: its folder, its deadline, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes import FakeClock

from overnight.probe.session_limits import SessionLimit
from overnight.story import begin
from overnight.training import journal
from overnight.training.journal import Journal
from overnight.values.errors import InputError
from overnight.values.ledger import Ended, Published, Started, Stopped
from overnight.values.request import Request, Settings, Window

HOUR = Request(data="chats.jsonl", model="base", window=Window(seconds=3600.0, label="1h"))


@pytest.fixture(autouse=True)
def just_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process started two seconds before it began a night."""
    monkeypatch.setattr(begin, "process_started", lambda clock: clock.boot() - 2.0)


def begun(folder: Path, clock: FakeClock, request: Request = HOUR, *, renew: bool = False):
    return begin.night(request, folder, clock, renew=renew)


def tell(folder: Path, clock: FakeClock, *events) -> None:
    with Journal.open(folder, clock) as written:
        for event in events:
            written.append(event)


def ended(status: int) -> Ended:
    return Ended(exit_status=status, why="horizon", deadline_kept=True)


@pytest.mark.parametrize(
    ("request_", "folder"),
    [
        (Request(data="my chats.jsonl", model="org/Base-1.5B"), "runs/my-chats-Base-1"),
        (Request(data="data/", model="./base/"), "runs/data-base"),
        (Request(data="x", model="y", name="try_2"), "runs/try_2"),
        (Request(data="x", model="y", output_dir="/far/away"), "/far/away"),
    ],
)
def test_a_night_lies_in_a_folder_named_after_its_data_and_model(request_: Request, folder: str):
    assert begin.run_folder(request_) == Path(folder)


@pytest.mark.parametrize("name", ["", "../out", "a/b", ".hidden", "-x", "x" * 129, "a b"])
def test_a_name_that_is_no_plain_folder_is_refused(name: str):
    with pytest.raises(InputError, match="is no name for a run"):
        begin.run_folder(Request(data="x", model="y", name=name or " "))


def test_the_window_counts_from_the_start_of_the_process(tmp_path: Path, clock: FakeClock):
    night = begun(tmp_path / "run", clock)
    assert night.ends_at == clock.boot() - 2.0 + 3600.0
    assert night.new and not night.finished


def test_a_process_that_lived_long_before_does_not_eat_the_window(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(begin, "process_started", lambda clock: clock.boot() - 900.0)
    assert begun(tmp_path / "run", clock).ends_at == clock.boot() + 3600.0


def test_going_on_keeps_the_deadline(tmp_path: Path, clock: FakeClock):
    first = begun(tmp_path / "run", clock)
    clock.advance(1000.0)
    again = begun(tmp_path / "run", clock)
    assert again.ends_at == first.ends_at
    assert not again.new


def test_another_window_on_the_way_moves_nothing(tmp_path: Path, clock: FakeClock):
    first = begun(tmp_path / "run", clock)
    longer = replace(HOUR, window=Window(seconds=9e4, label="25h"))
    assert begun(tmp_path / "run", clock, longer).ends_at == first.ends_at


def test_a_passed_deadline_is_said_and_kept(tmp_path: Path, clock: FakeClock):
    begun(tmp_path / "run", clock)
    clock.advance(4000.0)
    night = begun(tmp_path / "run", clock)
    assert night.ends_at is not None and night.ends_at < clock.boot()
    assert "--renew grants 1 h 00 m again" in night.echo
    assert f"`overnight extend {tmp_path / 'run'} 2h`" in night.echo


def test_renewing_grants_the_same_length_again_from_now(tmp_path: Path, clock: FakeClock):
    begun(tmp_path / "run", clock)
    clock.advance(4000.0)
    assert begun(tmp_path / "run", clock, renew=True).ends_at == clock.boot() + 3600.0
    clock.advance(4000.0)
    again = begun(tmp_path / "run", clock, renew=True)
    assert again.ends_at == clock.boot() + 3600.0


def test_a_window_that_is_not_over_is_not_renewed(tmp_path: Path, clock: FakeClock):
    first = begun(tmp_path / "run", clock)
    clock.advance(100.0)
    assert begun(tmp_path / "run", clock, renew=True).ends_at == first.ends_at


def test_epochs_alone_have_no_deadline(tmp_path: Path, clock: FakeClock):
    request = Request(data="d", model="m", settings=Settings(num_train_epochs=1.0))
    night = begun(tmp_path / "run", clock, request)
    assert night.ends_at is None
    assert "no window" in night.echo


@pytest.mark.parametrize(
    ("window", "says"),
    [
        (Window(), "--within 12h, --by 'sat 8am' or --epochs 3"),
        (Window(seconds=60.0, ends_utc=2e9), "both given"),
        (Window(ends_utc=1_799_999_000.0, label="sat 8am"), "--by sat 8am is past"),
    ],
)
def test_a_window_that_cannot_be_meant_leaves_no_folder(tmp_path, clock, window: Window, says: str):
    with pytest.raises(InputError, match=says):
        begun(tmp_path / "run", clock, replace(HOUR, window=window))
    assert list(tmp_path.iterdir()) == []


def test_another_request_is_refused_and_each_difference_named(tmp_path: Path, clock: FakeClock):
    begun(tmp_path / "run", clock)
    other = replace(HOUR, model="other", settings=Settings(max_steps=5))
    with pytest.raises(InputError) as refused:
        begun(tmp_path / "run", clock, other)
    assert "model was base, now other" in str(refused.value)
    assert "settings was {}, now {'max_steps': 5}" in str(refused.value)
    assert "--fresh" in str(refused.value)


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path, clock: FakeClock):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="is no run of overnight; choose another --output-dir"):
        begun(tmp_path, clock)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path, clock: FakeClock):
    (tmp_path / "run").write_text("")
    with pytest.raises(InputError, match="is no run of overnight"):
        begun(tmp_path / "run", clock)


@pytest.mark.parametrize("left", [(), ("plan.json",), (".ballast", "plan.json", "events.jsonl")])
def test_a_night_killed_while_it_began_begins_again(tmp_path, clock, left: tuple[str, ...]):
    for name in left:
        (tmp_path / name).write_text("")
    assert begun(tmp_path, clock).new
    assert journal.started(journal.read(tmp_path)) is not None


def test_a_night_that_ended_well_with_a_model_is_finished(tmp_path: Path, clock: FakeClock):
    begun(tmp_path, clock)
    (tmp_path / "final").mkdir()
    tell(tmp_path, clock, Published(name="checkpoint-1", tested=True, seconds=1.0), ended(0))
    assert begun(tmp_path, clock).finished


def test_a_night_that_ended_early_or_lost_its_model_is_not_finished(tmp_path, clock):
    begun(tmp_path, clock)
    tell(tmp_path, clock, ended(0))
    assert not begun(tmp_path, clock).finished
    (tmp_path / "final").mkdir()
    tell(tmp_path, clock, ended(4))
    assert not begun(tmp_path, clock).finished


def test_local_paths_are_kept_whole_and_hub_names_as_they_are(tmp_path, clock, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("chats.jsonl").write_text("{}\n")
    begun(Path("run"), clock, replace(HOUR, model="org/base"))
    asked = json.loads(Path("run/plan.json").read_text())["request"]
    assert asked["data"] == str(tmp_path / "chats.jsonl")
    assert asked["model"] == "org/base"


def test_the_same_night_is_found_from_another_folder(tmp_path, clock, monkeypatch):
    (tmp_path / "chats.jsonl").write_text("{}\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    begun(tmp_path / "run", clock)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert not begun(tmp_path / "run", clock, replace(HOUR, data="../chats.jsonl")).new


def test_starting_over_moves_the_old_nights_aside_and_deletes_none(tmp_path, clock, capsys):
    for _ in range(3):
        begin.move_aside(tmp_path / "run")
        begun(tmp_path / "run", clock)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run-1", "run-2"]
    assert all(journal.started(journal.read(path)) for path in tmp_path.iterdir())
    assert f"was moved to {tmp_path / 'run-2'}" in capsys.readouterr().out


def test_starting_over_leaves_a_folder_that_is_no_run_where_it_is(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="is no run of overnight"):
        begin.move_aside(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def eight_hours(clock: FakeClock) -> SessionLimit:
    ends = clock.utc() + 8 * 3600.0
    return SessionLimit(who="SLURM", source="SLURM_JOB_END_TIME", ends_utc=ends,
                        leave_utc=ends - 60.0)  # fmt: skip


def test_a_night_in_a_session_says_in_one_line_what_that_means(tmp_path: Path, clock: FakeClock):
    long = replace(HOUR, window=Window(seconds=12 * 3600.0, label="12h"))
    night = begin.night(long, tmp_path / "run", clock, limit=eight_hours(clock))
    first, second = night.echo.splitlines()
    assert "in 7 h 59 m" in first
    assert second.startswith("SLURM ends this job at ") and "the window ends 1 m 00 s" in second
    assert night.over_at == night.ends_at


def test_another_session_of_the_same_night_is_a_start_of_its_own(tmp_path: Path, clock: FakeClock):
    long = replace(HOUR, window=Window(seconds=40 * 3600.0, label="40h"))
    first = begin.night(long, tmp_path / "run", clock, limit=eight_hours(clock))
    clock.advance(9 * 3600.0)
    again = begin.night(long, tmp_path / "run", clock, limit=eight_hours(clock))
    assert again.ends_at == first.ends_at
    assert again.over_at == pytest.approx(clock.boot() + 8 * 3600.0 - 60.0)
    begun = [one for one in journal.read(tmp_path / "run") if isinstance(one.event, Started)]
    assert len(begun) == 2


def test_a_night_that_was_stopped_goes_on_with_a_start_of_its_own(tmp_path: Path, clock: FakeClock):
    begun(tmp_path / "run", clock)
    (tmp_path / "run" / "final").mkdir()
    tell(tmp_path / "run", clock, Stopped(step=9, reason="stop"), ended(4))
    begun(tmp_path / "run", clock)
    assert isinstance(journal.read(tmp_path / "run")[-1].event, Started)


def test_a_finished_night_is_told_nothing_by_a_session(tmp_path: Path, clock: FakeClock):
    begun(tmp_path / "run", clock)
    (tmp_path / "run" / "final").mkdir()
    tell(tmp_path / "run", clock, ended(0))
    before = (tmp_path / "run" / journal.EVENTS).read_bytes()
    assert begin.night(HOUR, tmp_path / "run", clock, limit=eight_hours(clock)).finished
    assert (tmp_path / "run" / journal.EVENTS).read_bytes() == before

import json
import sys
from pathlib import Path

import pytest
from tests.fakes import FakeClock
from tests.report.test_live import STATUS

from overnight.codec import to_json
from overnight.story import notifying
from overnight.story.notifying import EVERY, Notifier

TELL = (f"{sys.executable} -c \"import os; print(*(os.environ['OVERNIGHT_' + name] "
        "for name in ('EVENT', 'RUN', 'VERDICT')), file=open('told', 'a'))\"")  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(here: Path) -> list[str]:
    return (here / "told").read_text("utf-8").splitlines() if (here / "told").exists() else []


def status(here: Path, **changes) -> None:
    text = json.dumps(to_json(STATUS) | changes)
    (here / "status.json").write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("exit_status", "event"), [(0, "finished"), (4, "stopped"), (3, "failed"), (1, "failed")]
)
def test_the_end_is_told_with_its_verdict(here: Path, exit_status: int, event: str):
    Notifier(TELL, here, FakeClock()).ended(exit_status, "In time\n\x1b[31mand better")
    assert told(here) == [f"{event} {here.resolve()} In time \\x1b[31mand better"]


def test_danger_is_told_once_and_only_when_it_is_there(here: Path):
    clock = FakeClock()
    notifier = Notifier(TELL, here, clock)
    notifier.look()  # nothing is known yet
    for on_track in (None, True, False, False):
        status(here, on_track=on_track)
        clock.advance(EVERY)
        notifier.look()
    notifier.ended(0, "")
    lines = sorted(told(here))
    assert len(lines) == 2 and lines[1].startswith("in-danger ")


def test_the_status_is_not_looked_at_all_the_time(here: Path, monkeypatch):
    seen: list[Path] = []
    monkeypatch.setattr(notifying, "status", seen.append)
    clock = FakeClock()
    notifier = Notifier("true", here, clock)
    for _ in range(100):
        notifier.look()
        clock.advance(0.2)
    assert len(seen) == 2


def test_without_a_command_nothing_is_done(here: Path):
    notifier = Notifier(None, here, FakeClock())
    status(here, on_track=False)
    notifier.look()
    notifier.ended(0, "")
    assert told(here) == []


def test_a_command_that_hangs_does_not_hold_the_night(here: Path, monkeypatch):
    monkeypatch.setattr(notifying, "WAIT", 0.05)
    process = []
    real = notifying.subprocess.Popen

    def popen(*words, **more):
        process.append(real(*words, **more))
        return process[-1]

    monkeypatch.setattr(notifying.subprocess, "Popen", popen)
    Notifier("exec sleep 30", here, FakeClock()).ended(0, "")
    assert process[0].poll() is None
    process[0].kill()
    process[0].wait()


def test_the_verdict_is_the_report_s_headline(finished: Path, tmp_path: Path):
    assert notifying.verdict(finished).startswith("Done")
    assert notifying.verdict(tmp_path) == ""


@pytest.mark.parametrize("left", [0.0, -3.0])
def test_a_deadline_that_has_come_is_not_waited_beyond(here: Path, monkeypatch, left: float):
    waited: list[float] = []

    class Going:
        def wait(self, seconds: float) -> None:
            waited.append(seconds)
            raise notifying.subprocess.TimeoutExpired("hangs", seconds)

    monkeypatch.setattr(notifying.subprocess, "Popen", lambda *_, **__: Going())
    Notifier("hangs", here, FakeClock()).ended(0, "", left=left)
    assert waited == [0.0]

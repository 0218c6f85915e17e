import subprocess
import sys
from pathlib import Path

import pytest
from tests.fakes import FakeClock
from tests.report import samples
from tests.report.test_following import lines, plan, put

from overnight.story import page_keeper
from overnight.story.page_keeper import EVERY, LAST, SHORTEST, PageKeeper


class Drawing:
    """A process that is over when told to."""

    def __init__(self) -> None:
        self.over, self.killed, self.pid = False, False, 4711

    def poll(self):
        return 0 if self.over else None

    def kill(self):
        self.killed = True

    def wait(self):
        return 0


@pytest.fixture
def drawings(monkeypatch: pytest.MonkeyPatch) -> list[Drawing]:
    made: list[Drawing] = []

    def start(folder):
        made.append(Drawing())
        return made[-1]

    monkeypatch.setattr(page_keeper, "_drawing", start)
    return made


def test_a_page_is_drawn_after_a_while_and_never_two_at_once(drawings, tmp_path: Path):
    clock = FakeClock()
    keeper = PageKeeper(tmp_path, clock)
    keeper.look(None)
    clock.advance(EVERY - 1)
    keeper.look(None)
    assert drawings == []
    clock.advance(1)
    keeper.look(None)
    clock.advance(10 * EVERY)
    keeper.look(None)
    assert len(drawings) == 1


def test_a_dear_page_is_drawn_less_often(drawings, tmp_path: Path):
    clock = FakeClock()
    keeper = PageKeeper(tmp_path, clock)
    keeper.look(None)
    clock.advance(EVERY)
    keeper.look(None)
    clock.advance(2.0)
    drawings[0].over = True
    keeper.look(None)
    clock.advance(2.0 / page_keeper.SHARE - 1)
    keeper.look(None)
    assert len(drawings) == 1
    clock.advance(1.0)
    keeper.look(None)
    assert len(drawings) == 2


@pytest.mark.parametrize(("left", "drawn"), [(SHORTEST - 1, 0), (SHORTEST, 1)])
def test_a_short_night_is_left_alone(drawings, tmp_path: Path, left: float, drawn: int):
    clock = FakeClock()
    keeper = PageKeeper(tmp_path, clock)
    keeper.look(left)
    clock.advance(EVERY)
    keeper.look(left - EVERY)
    assert len(drawings) == drawn


def test_near_the_end_nothing_is_drawn_and_what_is_drawn_ends(drawings, tmp_path: Path):
    clock = FakeClock()
    keeper = PageKeeper(tmp_path, clock)
    keeper.look(SHORTEST)
    clock.advance(SHORTEST - LAST)
    keeper.look(LAST)
    assert drawings == []
    keeper.look(LAST + 1)
    (tmp_path / ".report.html.4711").write_text("half a page", "utf-8")
    keeper.end()
    keeper.end()
    assert drawings[0].killed and list(tmp_path.iterdir()) == []


@pytest.mark.tiny
def test_the_hidden_command_draws_the_page(tmp_path: Path):
    plan(tmp_path)
    put(tmp_path, "".join(lines(samples.going())))
    process = page_keeper._drawing(tmp_path)
    assert isinstance(process, subprocess.Popen) and process.args[0] == sys.executable
    assert process.wait(60) == 0
    assert "Training, on track" in (tmp_path / "report.html").read_text("utf-8")

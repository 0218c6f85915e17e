import sys
import types
from pathlib import Path

import pytest
from tests.report import samples
from tests.report.test_following import lines, plan, put

from overnight import notebook


class Frames:
    """What a notebook would show: every text that was displayed or put in its place."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def display(self, frame, display_id=False):
        self.shown.append(frame.data)
        return types.SimpleNamespace(update=lambda newer: self.shown.append(newer.data))


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> Frames:
    made = Frames()
    module = types.ModuleType("IPython.display")
    module.HTML = lambda text: types.SimpleNamespace(data=text)
    module.display = made.display
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return made


def test_a_page_is_framed_and_reaches_nothing_outside(frames: Frames, tmp_path: Path):
    plan(tmp_path)
    put(tmp_path, "".join(lines(samples.healthy())))
    notebook.show(tmp_path)
    (frame,) = frames.shown
    assert frame.startswith('<iframe sandbox="allow-scripts" srcdoc="') and "<script" not in frame
    assert "In time, and better" in frame and "data-home=&quot;frame&quot;" in frame


def test_it_is_drawn_again_only_when_something_happened_and_until_the_end(
    frames: Frames, tmp_path: Path
):
    plan(tmp_path)
    every = lines(samples.healthy())
    put(tmp_path, "".join(every[:100]))
    shown = notebook.Shown(tmp_path, every=0.0, height=100)
    assert not shown.draw() and not shown.draw()
    assert len(frames.shown) == 1
    put(tmp_path, "".join(every[100:]))
    assert shown.draw() and len(frames.shown) == 2


def test_a_night_that_has_not_begun_says_so_and_is_waited_for(frames: Frames, tmp_path: Path):
    shown = notebook.Shown(tmp_path / "soon", every=0.0, height=100)
    assert not shown.draw()
    assert "holds no plan.json" in frames.shown[-1]


def test_following_ends_with_the_night_and_can_be_stopped(frames: Frames, tmp_path: Path):
    plan(tmp_path)
    put(tmp_path, "".join(lines(samples.going())))
    shown = notebook.Shown(tmp_path, every=60.0, height=100)
    shown.stop()
    shown.follow()
    assert frames.shown == []
    put(tmp_path, "".join(lines(samples.healthy()[len(samples.going()) :])))
    going = notebook.Shown(tmp_path, every=0.0, height=100)
    going.follow()
    assert len(frames.shown) == 1

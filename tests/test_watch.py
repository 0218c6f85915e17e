import io
from pathlib import Path

import pytest
from rich.console import Console
from tests.fakes import FakeClock
from tests.report import samples
from tests.report.test_following import lines, plan, put

from overnight import watch
from overnight.values.errors import InputError


def watched(night: Path, *, terminal: bool, then: list[list[str]], seconds: float = 1.0) -> str:
    """What is said while `then` is appended, one piece a wait."""
    console = Console(file=io.StringIO(), width=80, force_terminal=terminal, color_system=None)
    clock = FakeClock()

    def wait(_: float) -> None:
        assert then, "it went on after the end"
        put(night, "".join(then.pop(0)))
        clock.advance(seconds)

    assert watch.run(night, clock=clock, console=console, wait=wait) == 0
    return console.file.getvalue()


@pytest.fixture
def night(tmp_path: Path) -> Path:
    plan(tmp_path)
    return tmp_path


def pieces(entries, count: int = 10) -> list[list[str]]:
    every = lines(entries)
    return [every[i * len(every) // count : (i + 1) * len(every) // count] for i in range(count)]


def test_on_a_terminal_the_panel_follows_and_the_verdict_ends_it(night: Path):
    text = watched(night, terminal=True, then=pieces(samples.healthy()))
    assert "Training  step" in text and "Finishes" in text
    assert "In time, and better than the base model" in text[text.rindex("Finished") :]


def test_without_one_there_is_a_line_a_minute_and_every_trouble(night: Path):
    text = watched(night, terminal=False, then=pieces(samples.resumed(), 9), seconds=61.0)
    assert sum(line.startswith("step ") for line in text.splitlines()) == 8
    assert text.count("The training process died") == 1
    assert text.splitlines()[-1].startswith("Memory ran out on the way")


def test_what_happened_before_is_not_told_again(night: Path):
    every = lines(samples.resumed())
    put(night, "".join(every[:-1]))
    text = watched(night, terminal=False, then=[every[-1:]])
    assert "The training process died" not in text and "In time" in text


def test_a_night_that_is_over_is_judged_at_once(night: Path):
    put(night, "".join(lines(samples.healthy())))
    assert "In time, and better" in watched(night, terminal=False, then=[])


def test_a_night_that_was_taken_up_again_is_followed(night: Path):
    entries = samples.healthy()
    put(night, "".join(lines([*entries, *entries[:-1]])))
    text = watched(night, terminal=False, then=[lines(entries[-1:])])
    assert "In time" in text


def test_a_folder_that_holds_no_night_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="holds no plan"):
        watch.run(tmp_path, clock=FakeClock(), console=Console(file=io.StringIO()))

import subprocess
import sys

import pytest

from overnight.cli import app as command_line
from overnight.cli import commands
from overnight.cli.app import build, run
from overnight.values import errors


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """The exit status of a command in which `error` is raised."""

    def fail(given: dict[str, object]) -> int:
        raise error

    monkeypatch.setattr(commands, "doctor", fail)
    return run(["doctor"])


@pytest.mark.parametrize("error, status", [
    (errors.DataError("chats.jsonl:3: not JSON"), 2),
    (errors.NoPlanFits("nothing fits"), 3),
    (errors.EndedEarly("stopped"), 4),
    (errors.OvernightError("ours"), 1),
])  # fmt: skip
def test_an_error_for_people_is_one_line_with_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    error: errors.OvernightError, status: int,
) -> None:  # fmt: skip
    assert raising(monkeypatch, error) == status
    assert capsys.readouterr().err == f"overnight: error: {error}\n"


def test_what_data_puts_into_an_error_is_inert(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, errors.DataError("role '\x1b[31mred\x07'\nis unknown"))
    assert capsys.readouterr().err == "overnight: error: role '?[31mred?' is unknown\n"


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    assert raising(monkeypatch, KeyboardInterrupt()) == 130


def test_a_fault_of_ours_shows_where_and_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert raising(monkeypatch, ZeroDivisionError("division by zero")) == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said and "a fault of ours" in said.splitlines()[-1]


@pytest.mark.parametrize("words, said", [
    (["trian"], "'trian'"),
    (["train", "--modle", "x"], "overnight train --help"),
    (["train", "--model"], "--model"),
    (["status", "a", "b"], "overnight status --help"),
])  # fmt: skip
def test_words_that_nobody_knows_are_one_line_and_2(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(words) == 2
    told = capsys.readouterr().err
    assert told.startswith("overnight: error: ") and said in told and told.count("\n") == 1


def test_nothing_at_all_is_a_call_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name}  " in out for name in ("demo", "data", "plan", "train", "doctor"))
    assert "_night" not in out and "_publish" not in out


def test_the_version_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"overnight {command_line.__version__}\n"


@pytest.mark.parametrize("name", ["demo", "data", "plan", "train", "status", "report", "doctor"])
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert run([name, "--help"]) == 0
    assert f"Usage: overnight {name}" in capsys.readouterr().out


def test_a_program_can_build_the_commands_anew() -> None:
    assert build() is not build()


def test_help_loads_nothing_heavy() -> None:
    asked = ("import sys; from overnight.__main__ import main; main(['--help']); "
             "print('loaded:', *sys.modules)")  # fmt: skip
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    loaded = said.stdout.splitlines()[-1].split()
    assert loaded[0] == "loaded:" and "overnight.cli.app" in loaded
    assert not {"torch", "transformers", "datasets", "pydantic", "rich.table", "yaml", "numpy",
                "dateparser", "cattrs"} & set(loaded)  # fmt: skip

import io
import json
import shlex
from pathlib import Path

import pytest
from tests.fakes import FakeClock

from overnight.cli import guide
from overnight.cli.app import run
from overnight.cli.settings import Surroundings, gather
from overnight.planning.decision_guide import OTHERWISE, QUESTIONS

CALCULATOR = ["guide", "--calculator", "--samples", "63000", "--batch", "1", "--accumulation",
              "32", "--seconds-per-step", "30", "--speed-factor", "1.3"]  # fmt: skip
Said = pytest.CaptureFixture[str]


def pipe(monkeypatch: pytest.MonkeyPatch, text: str, *, terminal: bool = False) -> None:
    stdin = io.StringIO(text)
    monkeypatch.setattr(stdin, "isatty", lambda: terminal)
    monkeypatch.setattr(guide.sys, "stdin", stdin)


def test_the_calculator_prints_the_guides_steps_and_the_true_hours(capsys: Said) -> None:
    assert run(CALCULATOR) == 0
    out = capsys.readouterr().out
    assert all(figure in out for figure in ("3,938", "1,969", "984", "32.8", "12.6", "6.3", "25.2"))


def test_a_program_gets_one_object(capsys: Said) -> None:
    assert run([*CALCULATOR, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["steps"] for each in told["configurations"]] == [3938, 1969, 984]
    assert told["configurations"][1]["true_hours"]["mid"] == pytest.approx(25.24, abs=0.01)
    assert told["assumptions"]["samples"] == 63000 and "does not change the work" in told["why"]


def test_the_guides_figures_are_the_defaults(capsys: Said) -> None:
    run([*CALCULATOR, "--json"])
    asked = capsys.readouterr().out
    run(["guide", "--calculator", "--json"])
    assert capsys.readouterr().out == asked


@pytest.mark.parametrize("words, said", [
    (["--samples", "many"], "--samples is 'many'; expected a whole number"),
    (["--samples", "0"], "samples is 0; expected a whole number from 1"),
    (["--speed-factor", "nan"], "speed_factor is nan"),
    (["--seconds-per-step", "half"], "--seconds-per-step is 'half'; expected a number"),
    (["--answers", "no"], "--answers belongs to the conversation"),
])  # fmt: skip
def test_a_wrong_figure_is_one_line_and_2(capsys: Said, words: list[str], said: str) -> None:
    assert run(["guide", "--calculator", *words]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


def test_a_figure_without_the_calculator_is_not_passed_over(capsys: Said) -> None:
    assert run(["guide", "--samples", "9"]) == 2
    assert "--samples belongs to the calculator" in capsys.readouterr().err


def test_the_conversation_ends_in_a_command(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "no\nno\ny\n")
    assert run(["guide", "my chats.jsonl", "--model", "base"]) == 0
    out = capsys.readouterr().out
    assert "    overnight train 'my chats.jsonl' --model base --epochs 1 --within 9h" in out
    assert [question.text in out for question in QUESTIONS] == [True] * 3 + [False] * 3


def test_answers_can_be_given_at_once(capsys: Said) -> None:
    assert run(["guide", "--answers", "no,yes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answers"] == [False, True]
    assert told["command"] == "overnight train DATA --model MODEL --epochs 1 --within 14h"


def test_a_person_is_asked_again(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "perhaps\nyes\n", terminal=True)
    assert run(["guide"]) == 0
    told = capsys.readouterr()
    assert "'perhaps' is neither yes nor no" in told.err
    assert told.out.count(QUESTIONS[0].text) == 2


@pytest.mark.parametrize("text, said", [
    ("", "the questions are for a terminal"),
    ("no\n", "the questions are for a terminal"),
    ("perhaps\nyes\n", "neither yes nor no"),
])  # fmt: skip
def test_a_pipe_that_does_not_answer_gets_one_line_and_2(
    capsys: Said, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    pipe(monkeypatch, text)
    assert run(["guide"]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


def test_answers_that_end_too_early_name_the_next_question(capsys: Said) -> None:
    assert run(["guide", "--answers", "no"]) == 2
    assert QUESTIONS[1].text in capsys.readouterr().err


@pytest.mark.parametrize("advice", [*(each.if_yes for each in QUESTIONS), OTHERWISE],
                         ids=lambda advice: advice.configuration)  # fmt: skip
def test_every_command_that_is_advised_can_be_given(advice: object, tmp_path: Path) -> None:
    flags = list(getattr(advice, "flags"))  # noqa: B009
    keys = {"--epochs": "num_train_epochs", "--within": "within", "--priority": "priority"}
    given = {keys[flag]: value for flag, value in zip(flags[::2], flags[1::2], strict=True)}
    around = Surroundings(environ={}, folder=tmp_path, clock=FakeClock())
    request, notes = gather({"data": "d", "model": "m", **given}, around=around)
    assert notes == () and (request.window.bounded or request.settings.num_train_epochs == 1)
    assert shlex.join(flags) == " ".join(flags)


def test_guide_fours_training_config_is_read_as_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "training_config.json"
    path.write_text(json.dumps({
        "num_train_epochs": 3, "optimization_priority": "balanced", "max_training_hours": 12.0,
        "base_model": "LatitudeGames/Wayfarer-2-12B"}), encoding="utf-8")  # fmt: skip
    around = Surroundings(environ={}, folder=tmp_path, clock=FakeClock())
    request, _ = gather({"data": "d", "config": str(path)}, around=around)
    assert (request.window.seconds, request.priority) == (12 * 3600, "balanced")
    assert request.settings.num_train_epochs == 3
    assert request.model == "LatitudeGames/Wayfarer-2-12B"

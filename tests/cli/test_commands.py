import io
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.cli.test_objects import DATASET, HARDWARE, MODEL, PLAN
from tests.cli.test_runs import TRAINING, night

from overnight.cli.app import run
from overnight.codec import to_json
from overnight.story.foresight import Case, Proposal

PROPOSAL = Proposal(plan=PLAN, dataset=DATASET, model=MODEL, hardware=HARDWARE)

NIGHT = ["chats.jsonl", "--model", "base", "--within", "12h"]


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a module of ours in place of the real one, which would train."""

    def stand_in(name: str, **functions: Any) -> None:
        module = ModuleType(f"overnight.{name}")
        vars(module).update(functions)
        parent, _, leaf = f"overnight.{name}".rpartition(".")
        monkeypatch.setitem(sys.modules, f"overnight.{name}", module)
        monkeypatch.setattr(import_module(parent), leaf, module, raising=False)

    return stand_in


def test_train_hands_the_request_to_the_supervisor(put: Callable[..., None]) -> None:
    calls: list[tuple[Any, dict[str, Any]]] = []

    def supervised(request: Any, **how: Any) -> int:
        calls.append((request, how))
        return 4

    put("supervise", run=supervised)
    assert run(["train", *NIGHT, "--epochs", "3", "--renew", "--set", "batch_size=2"]) == 4
    request, how = calls[0]
    assert (request.model, request.settings.num_train_epochs) == ("base", 3.0)
    assert (how["fresh"], how["renew"]) == (False, True)
    assert how["echoes"] == ("batch_size -> per_device_train_batch_size "
                             "(as Unsloth and the guides spell it)",)  # fmt: skip


def test_train_keeps_a_deadline_that_is_over_for_the_night_that_it_ends(
    put: Callable[..., None],
) -> None:
    ends: list[float] = []
    put("supervise", run=lambda request, **how: ends.append(request.window.ends_utc) or 4)
    assert run(["train", "a", "--model", "b", "--by", "2020-01-01T08:00+00:00"]) == 4
    assert ends == [1577865600.0]


def test_plan_prints_one_object_for_programs(
    put: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    put("story.foresight", Case=Case, propose=lambda *asked: PROPOSAL)
    assert run(["plan", *NIGHT, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["estimate"]["total_steps"] == 300
    assert err.startswith("by ") and err.rstrip().endswith("in 12 h 00 m")


def test_plan_prints_the_plan_for_people(put: Callable[..., None]) -> None:
    shown: dict[str, Any] = {}
    put("story.foresight", Case=Case, propose=lambda *asked: PROPOSAL)
    put("report.proposal", print_plan=lambda plan, **rest: shown.update(rest, plan=plan))
    assert run(["plan", "chats.jsonl", "--model", "base", "--max-steps", "5"]) == 0
    values = [shown[name] for name in ("plan", "dataset", "model", "hardware")]
    assert values == [PLAN, DATASET, MODEL, HARDWARE]
    assert shown["now_utc"] > 1.7e9 and hasattr(shown["console"], "print")


def test_plan_refuses_a_deadline_that_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "a", "--model", "b", "--by", "2020-01-01 08:00"]) == 2
    assert "is past" in capsys.readouterr().err


def test_data_shows_profile_and_examples(
    put: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    examples = [[("Hello", False), ("Hi", True)]]
    shown: list[Any] = []
    put("night", survey=lambda request: (DATASET, examples))
    put(
        "report.terminal",
        print_dataset=lambda told, *, examples, console: shown.extend((told, examples)),
    )
    assert run(["data", "chats.jsonl"]) == 0
    assert shown == [DATASET, examples]
    assert run(["data", "chats.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["examples"] == [[["Hello", False], ["Hi", True]]]


def test_status_prints_two_lines_or_the_file(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night(elsewhere, "one", status=TRAINING)
    assert run(["status"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert run(["status", "one", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == to_json(TRAINING)


def test_report_writes_the_pages_and_says_where(
    put: Callable[..., None], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = night(elsewhere, "one", status=TRAINING)
    told = SimpleNamespace(title="DONE", sentences=("In time.", "Better than base."))
    put("report.summary", load=lambda run_folder: "report")
    put("report.verdict", judge=lambda report: told)
    put("report.pages", write=lambda report, to: (to / "report.json").write_text('{"a": 1}'))
    assert run(["report", "one"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "DONE: In time. Better than base.", str(folder / "report.html"),
        str(folder / "report.json")]  # fmt: skip
    assert run(["report", "one", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"a": 1}


def test_doctor_tells_the_machine(
    put: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    put("probe.hardware", look=lambda: HARDWARE)
    assert run(["doctor"]) == 0
    assert "a machine" in capsys.readouterr().out
    assert run(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hardware"] == to_json(HARDWARE)


@pytest.mark.parametrize("words, seconds, folder", [
    ([], 180.0, None),
    (["--within", "45s", "--output-dir", "here"], 45.0, "here"),
])  # fmt: skip
def test_demo_takes_three_minutes_unless_told_otherwise(
    put: Callable[..., None], words: list[str], seconds: float, folder: str | None
) -> None:
    calls: list[tuple[float, str | None]] = []
    put("demo", run=lambda window, *, clock, output_dir: calls.append((window, output_dir)) or 0)
    assert run(["demo", *words]) == 0
    assert calls == [(seconds, folder)]


@pytest.mark.parametrize(
    ("said", "status", "name"), [("checkpoint-5\n", 4, "checkpoint-5"), ("", 1, None)]
)
def test_the_process_that_tests_ahead_loads_its_libraries_and_then_hears_a_name(
    put: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    status: int,
    name: str | None,
) -> None:
    told: list[str] = []
    put("story.libraries", load=lambda: told.append("libraries"))
    put("training.export", publish=lambda folder, name, **said: told.append(name) or 4)
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    assert run(["_publish", "runs/one", "-"]) == status
    assert told == (["libraries", name] if name else ["libraries"])


def test_the_supervisor_s_children_have_commands_of_their_own(put: Callable[..., None]) -> None:
    put("night", run=lambda folder, clock: 3 if folder == Path("runs/one") else 1)
    told = []
    put("training.export", publish=lambda folder, name, **said: told.append((name, said)) or 4)
    assert run(["_night", "runs/one"]) == 3
    assert run(["_publish", "runs/one", "checkpoint-5"]) == 4
    assert run(["_publish", "runs/one", "checkpoint-5", "--trust-remote-code"]) == 4
    assert told == [
        ("checkpoint-5", {"trust_remote_code": False}),
        ("checkpoint-5", {"trust_remote_code": True}),
    ]

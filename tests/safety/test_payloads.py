"""Whatever is brought: nothing of it runs or hangs, one line answers, memory is bounded."""

import os
import sys
from pathlib import Path

import pytest
from tests.safety import processes
from tests.safety.corpus import COMMAND, CONFIGURATION, DATA, Bench, Payload
from tests.safety.models import CHECKPOINTS, MODELS, RUNS
from tests.small_nights import Small

from overnight.cli.app import run
from overnight.training import templates

posix = pytest.mark.skipif(os.name != "posix", reason="pipes, links and devices are Unix's")
pytestmark = posix
EVERY = (*DATA, *CONFIGURATION, *COMMAND, *MODELS, *CHECKPOINTS, *RUNS)
HEAVY = [payload for payload in EVERY if payload.most]


@pytest.fixture
def bench(tmp_path: Path, small: Small, monkeypatch: pytest.MonkeyPatch) -> Bench:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("OVERNIGHT_HISTORY", str(tmp_path / "history.sqlite3"))
    monkeypatch.setattr(templates, "MOST_SECONDS", 0.5)
    return Bench(tmp_path / "here", small.model, tmp_path / "canary")


@pytest.mark.parametrize("payload", EVERY, ids=lambda payload: payload.name)
def test_nothing_runs_and_one_line_answers(
    bench: Bench, payload: Payload, capfd: pytest.CaptureFixture[str]
) -> None:
    words = payload.lay(bench)
    status = run(words)
    shown, said = capfd.readouterr()
    assert not bench.canary.exists()
    assert status in ((0, 2) if payload.status < 0 else (payload.status,)), said[-2000:]
    lines = [line for line in said.splitlines() if line.startswith("overnight: error: ")]
    assert len(lines) == (status != 0) and "Traceback" not in said
    assert payload.says in said or status == 0, said
    assert len(said) < 5_000 and said.replace("\n", "").isprintable()
    assert [letter for letter in shown if not letter.isprintable() and letter != "\n"] == []


@pytest.mark.tiny
@pytest.mark.parametrize("payload", HEAVY, ids=lambda payload: payload.name)
def test_what_is_large_is_not_held_in_memory(bench: Bench, payload: Payload, usual: float) -> None:
    done = processes.run(payload.lay(bench), bench.folder)
    assert done.status == payload.status, done.said
    assert done.peak - usual < payload.most


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory, small: Small) -> float:
    """MiB that good data takes, with a plan for it."""
    folder = tmp_path_factory.mktemp("usual")
    good = Bench(folder, small.model, folder / "canary").good()
    done = processes.run(["plan", str(good), "--model", str(small.model), "--epochs", "1"], folder)
    assert done.status == 0, done.said
    return done.peak


def test_what_was_written_through_a_link_would_be_seen(bench: Bench) -> None:
    for payload in RUNS:
        if "leads to another file" in payload.name:
            folder = bench.folder / payload.name.replace(" ", "-")
            folder.mkdir()
            run(payload.lay(Bench(folder, bench.model, bench.canary)))
            assert (folder / "precious").read_text() == "precious"


def test_the_canary_sings(bench: Bench) -> None:
    exec(bench.python())
    assert bench.canary.exists() and sys.platform

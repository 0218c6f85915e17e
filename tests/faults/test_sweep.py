"""SIGKILL at the calls of saves, publications, starts: whatever is killed, the next start is right.

Here at some of the points, spread evenly; bench/faults.py kills at every one of them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.faults import killing
from tests.small_nights import Small

pytestmark = pytest.mark.faults


@pytest.fixture(autouse=True)
def traceable() -> None:
    missing = killing.why_not()
    if missing:
        pytest.skip(f"NOT SHOWN: kills at calls of the system ({missing})")


def swept(small: Small, root: Path, scene: str, *words: str) -> list[dict[str, Any]]:
    """What became of each kill."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.sweep", scene, "--base", str(small.model), *words],
        cwd=root, capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    _, *kills = (json.loads(line) for line in done.stdout.splitlines())
    return kills


def all_right(kills: list[dict[str, Any]], *, least: int) -> None:
    assert [kill for kill in kills if kill["wrong"]] == []
    assert sum(kill["dead"] for kill in kills) >= least


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_kill_in_a_save_costs_that_save_at_most(small: Small, root: Path, method: str):
    kills = swept(small, root, "save", "--method", method, "--stride", "12", "--offset", "3")
    all_right(kills, least=15)
    assert {kill["lost"] for kill in kills} == {0, 2}
    assert {kill["how"] for kill in kills} == {"kill", "torn write", "power cut"}


@pytest.mark.parametrize("scene", ["tidy", "append", "files", "history"])
def test_a_kill_in_what_else_is_written_loses_nothing(small: Small, root: Path, scene: str):
    all_right(swept(small, root, scene, "--stride", "8" if scene == "tidy" else "3"), least=4)


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("scene", ["republish", "last-moment-again"])
def test_a_kill_in_a_publication_leaves_a_whole_model_or_the_one_before(
    small: Small, root: Path, scene: str, method: str
):
    stride = "40" if scene == "republish" else "12"
    kills = swept(small, root, scene, "--method", method, "--stride", stride, "--offset", "5")
    all_right(kills, least=4)
    assert {kill["was"] for kill in kills} <= {"old", "new"}


def test_a_stock_trainer_killed_likewise_cannot_go_on(small: Small, root: Path):
    """What it is measured against: if this ever fails, the comparison is out of date."""
    kills = swept(small, root, "stock", "--stride", "12", "--offset", "4")
    assert any(kill["wrong"].startswith("bricked") for kill in kills)

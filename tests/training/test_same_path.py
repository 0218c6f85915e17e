"""Resumed anywhere, a run takes the path of the run that was left alone, bit for bit."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from accelerate.state import AcceleratorState
from tests.conftest import ROOT
from tests.training import same_path
from tests.training.same_path import FACTORS, words

pytestmark = pytest.mark.tiny
CASES = same_path.covering()
ALONE = [case for case in CASES if case["processes"] == 1]
TOGETHER = [case for case in CASES if case["processes"] == 2]
RESUMES = (1, 3, 5)
"""In the first epoch, at its end, after what came between; `bench/same_path.py` takes all."""


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("bases")
    same_path.write_bases(folder)
    yield folder
    AcceleratorState._reset_state()  # the last case's precision is not that of other tests


def test_every_two_settings_meet_in_a_case():
    met = set().union(*map(same_path.pairs, CASES))
    for one, other in itertools.combinations(FACTORS, 2):
        for pair in itertools.product(FACTORS[one], FACTORS[other]):
            assert ((one, pair[0]), (other, pair[1])) in met
    assert len(CASES) <= 24


@pytest.mark.parametrize("case", ALONE, ids=words)
def test_a_resumed_run_takes_the_same_path(bases: Path, tmp_path: Path, case) -> None:
    assert same_path.mismatches(case, bases, tmp_path, RESUMES) == []


def test_two_processes_take_the_same_path_again(bases: Path, tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"bases": str(bases), "cases": TOGETHER, "resumes": RESUMES}))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
              "-m", "tests.training.same_path", str(file)]  # fmt: skip
    done = subprocess.run(
        launch, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    for rank in (0, 1):
        found = json.loads(Path(f"{file}.{rank}").read_text())
        assert {name: wrong for name, wrong in found.items() if wrong} == {}
        assert len(found) == len(TOGETHER)


def test_another_seed_is_another_path(bases: Path, tmp_path: Path, monkeypatch) -> None:
    """The check itself: a random state that is not put back is noticed."""
    case = ALONE[0] | {"dropout": 0.1, "model": "gpt2", "before": "nothing", "workers": 0}
    monkeypatch.setattr("overnight.training.state.set_random_state", lambda saved: None)
    assert len(same_path.mismatches(case, bases, tmp_path, RESUMES)) == len(RESUMES)

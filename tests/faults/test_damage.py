"""A byte that is another is noticed, named, and costs one checkpoint at most: twenty places a file.

bench/faults.py does the same at every byte.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.faults import noticing
from tests.faults.noticing import Tally
from tests.small_nights import SIXTY_STEPS, Small, train

pytestmark = pytest.mark.faults
PLACES = 20


@pytest.fixture(scope="module", params=["full", "lora"])
def run(request: pytest.FixtureRequest, small: Small, tmp_path_factory) -> Path:
    """A finished night with its last two checkpoints, to be damaged and mended."""
    folder = tmp_path_factory.mktemp("damaged") / "run"
    done = train(small, folder, *SIXTY_STEPS, "--method", request.param)
    assert done.returncode == 0, done.stderr
    return folder


def all_noticed(tallies: Iterable[Tally], *, least: int) -> None:
    seen = list(tallies)
    assert {tally.file: tally.unnoticed for tally in seen if tally.unnoticed} == {}
    assert sum(tally.tried.total() for tally in seen) >= least


def test_damage_to_any_file_of_the_newest_checkpoint_is_noticed(run: Path):
    all_noticed(noticing.checkpoint(run, most=PLACES), least=300)


def test_damage_to_any_file_of_the_published_model_is_noticed(run: Path):
    all_noticed(noticing.published(run, most=PLACES), least=250)


def test_a_damaged_plan_gives_way_to_its_copy(run: Path):
    all_noticed([noticing.plan(run, most=PLACES)], least=50)
    shutil.rmtree(run / "set-aside", ignore_errors=True)


@pytest.mark.parametrize("name", ["probe.json", "base.json", ".begun.json"])
def test_a_small_file_that_is_damaged_is_not_believed(run: Path, name: str):
    all_noticed([noticing.unmended(run / name, most=PLACES)], least=50)


def test_no_event_is_read_that_was_not_written(run: Path):
    all_noticed([noticing.events(run, most=10 * PLACES)], least=500)


def test_a_damaged_status_is_a_line_and_never_a_traceback(run: Path):
    all_noticed([noticing.status(run, most=10 * PLACES)], least=300)

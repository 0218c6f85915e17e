"""Calls of the system that fail or hang under a real night: EIO, a read-only disk, no room."""

from pathlib import Path

import pytest
from tests.faults.needs import PATIENCE, refusing, strided, the_child
from tests.small_nights import SIXTY_STEPS, Small, start, told, wait_until

from overnight.values.ledger import Ended, Noted, Promoted, Published, Stepped
from overnight.values.troubles import Crashed

pytestmark = pytest.mark.faults

WEIGHTS = "final/model.safetensors"


def steps(run: Path) -> int:
    return len(told(run, Stepped))


def night_under(small: Small, run: Path, *injections: str, calls: int = 25) -> int:
    """The exit status of a night whose calls fail while it takes so many steps."""
    process = start(small, run, *SIXTY_STEPS)
    wait_until(lambda: any(one.event.step > 0 for one in told(run, Promoted)), process)
    child, begun = the_child(process.pid), steps(run)
    with refusing(child, *injections):
        wait_until(lambda: steps(run) >= begun + calls or bool(told(run, Crashed, Ended)))
    return process.wait(PATIENCE)


@pytest.mark.parametrize("refusal", strided("rename:error=EIO", "mkdir:error=EROFS"))
def test_saves_that_the_disk_refuses_are_said_and_training_goes_on(
    small: Small, finished: Path, tmp_path: Path, refusal: str
):
    assert night_under(small, tmp_path / "run", refusal) == 0
    noted = [one.event.text for one in told(tmp_path / "run", Noted)]
    assert any("was not saved" in text and "the disk needs a look" in text for text in noted)
    assert not told(tmp_path / "run", Crashed)
    assert (tmp_path / "run" / WEIGHTS).read_bytes() == (finished / WEIGHTS).read_bytes()


@pytest.mark.parametrize("refusal", strided("fsync:error=EIO", "write:error=ENOSPC"))
def test_a_journal_that_the_disk_refuses_costs_no_weight(
    small: Small, finished: Path, tmp_path: Path, refusal: str
):
    assert night_under(small, tmp_path / "run", refusal) == 0
    assert (tmp_path / "run" / WEIGHTS).read_bytes() == (finished / WEIGHTS).read_bytes()


WINDOW = ("--within", "32s", "--set", "max_steps=9999", "--set", "save_steps=5",
          "--set", "eval_steps=5", "--set", "per_device_train_batch_size=4")  # fmt: skip


def test_a_write_that_hangs_makes_no_night_late(small: Small, tmp_path: Path):
    run = tmp_path / "run"
    process = start(small, run, *WINDOW)
    wait_until(lambda: any(one.event.step > 0 for one in told(run, Promoted)), process)
    with refusing(the_child(process.pid), "fsync:delay_enter=600s"):
        assert process.wait(PATIENCE) == 4
    ended = told(run, Ended)[-1].event
    assert ended.deadline_kept
    assert told(run, Published)[-1].event.name == told(run, Promoted)[-1].event.name
    assert (run / WEIGHTS).exists()

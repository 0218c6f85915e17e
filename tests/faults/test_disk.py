"""A disk that is full, that stays full, that can only be read: real file systems, real nights."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.faults.needs import PATIENCE, Disk, disk
from tests.small_nights import (
    SIXTY_STEPS,
    Small,
    command,
    start,
    told,
    train,
    wait_until,
)

from overnight.__main__ import main
from overnight.values.ledger import Ended, Promoted, Resumed

pytestmark = pytest.mark.faults

WEIGHTS = "final/model.safetensors"


def promoted(run: Path) -> bool:
    return any(one.event.step > 0 for one in told(run, Promoted))


@pytest.fixture(scope="module")
def own_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with disk(tmp_path_factory.mktemp("disk") / "mount") as place:
        yield place


@pytest.fixture(scope="module")
def filled(small: Small, own_disk: Disk) -> Path:
    """A night whose disk is filled to the last byte in its first third, once."""
    run = own_disk.place / "filled"
    process = start(small, run, *SIXTY_STEPS)
    wait_until(lambda: promoted(run), process)
    own_disk.fill()
    status = process.wait(PATIENCE)
    own_disk.free()
    assert status == 0, Path(f"{run}.txt").read_text()
    return run


def test_a_night_whose_disk_is_filled_ends_with_the_weights_of_an_undisturbed_one(filled, finished):
    assert (filled / WEIGHTS).read_bytes() == (finished / WEIGHTS).read_bytes()
    assert told(filled, Ended)[-1].event.exit_status == 0


def test_what_was_set_aside_for_a_full_disk_was_needed(filled: Path):
    assert not (filled / ".ballast").exists()


def test_a_night_cannot_begin_on_a_full_disk_and_says_so_in_a_line(small, own_disk, capsys):
    run = own_disk.place / "never"
    own_disk.fill()
    try:
        status = main(command(small, run, *SIXTY_STEPS)[3:])
    finally:
        own_disk.free()
    assert status in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert "the disk is full" in line
    assert not (run / "events.jsonl").exists()


@dataclass
class Starved:
    """A night whose disk was full for good, and what was said of it."""

    run: Path
    status: int
    said: str
    read_only: "subprocess.CompletedProcess[str]"
    again: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="module")
def starved(small: Small, own_disk: Disk) -> Starved:
    """The disk stays full, then may only be read, then is as before; the same command each time."""
    run = own_disk.place / "starved"
    process = start(small, run, *SIXTY_STEPS)
    wait_until(lambda: promoted(run), process)
    while process.poll() is None:
        own_disk.fill()  # also what is given back meanwhile
        time.sleep(0.05)
    own_disk.free()
    said = Path(f"{run}.txt").read_text()
    own_disk.allow(writing=False)
    try:
        read_only = train(small, run, *SIXTY_STEPS)
    finally:
        own_disk.allow(writing=True)
    return Starved(run, process.returncode, said, read_only, train(small, run, *SIXTY_STEPS))


def test_a_disk_that_stays_full_is_told_in_a_line(starved: Starved):
    assert "the disk is full" in starved.said
    assert "Traceback" not in starved.said


def test_a_disk_that_can_only_be_read_is_told_in_a_line(starved: Starved):
    assert starved.read_only.returncode == 2
    (line,) = starved.read_only.stderr.splitlines()
    assert line.startswith("overnight: error: nothing can be written to ")
    assert "Read-only file system" in line


def test_with_room_again_the_same_command_goes_on_from_what_was_whole(starved, finished):
    assert starved.again.returncode == 0, starved.again.stderr
    assert told(starved.run, Resumed)[0].event.step > 0
    assert (starved.run / WEIGHTS).read_bytes() == (finished / WEIGHTS).read_bytes()

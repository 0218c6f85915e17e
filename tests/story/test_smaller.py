"""A process that died for want of memory is followed by a smaller one, a few times."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.fakes import FakeClock
from tests.report import samples
from tests.training.nights import start, stepped

from overnight.codec import to_json
from overnight.control.recovery import RESTARTS, shrunk
from overnight.probe import container
from overnight.story import smaller
from overnight.story.begin import PLAN
from overnight.story.smaller import Memory
from overnight.training import journal, sealed
from overnight.training.journal import Journal
from overnight.values.errors import NoPlanFits, OvernightError
from overnight.values.troubles import Shrunk

PLANNED = replace(samples.PLAN.candidate, per_device_train_batch_size=8, dataloader_num_workers=2)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A night on a CPU that has taken three steps."""
    hardware = replace(samples.HARDWARE, device="cpu")
    plan = replace(samples.PLAN, candidate=PLANNED)
    sealed.write(tmp_path / PLAN, {"hardware": to_json(hardware), "plan": to_json(plan)})
    with Journal.open(tmp_path, FakeClock()) as written:
        written.note_start(start(FakeClock()))
        for step in (1, 2, 3):
            written.append(stepped(step))
    return tmp_path


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """[processes that the kernel says it has killed]."""
    counted: list[int | None] = [4]
    monkeypatch.setattr(container, "memory_kills", lambda: counted[0])
    return counted


def asked(memory: Memory, run: Path, *, ours: bool = False) -> bool:
    with Journal.open(run, FakeClock()) as written:
        return memory.smaller(written, ours=ours)


def told(run: Path) -> list[Shrunk]:
    return [one.event for one in journal.read(run) if isinstance(one.event, Shrunk)]


def test_a_kill_that_the_kernel_counted_makes_the_next_process_smaller(run, kernel):
    memory = Memory(run)
    kernel[0] = 5
    assert asked(memory, run)
    (event,) = told(run)
    assert (event.where, event.step, event.per_device_train_batch_size) == ("host", 3, 4)


@pytest.mark.parametrize("after", [4, None])
def test_a_kill_that_the_kernel_did_not_count_changes_nothing(run, kernel, after):
    memory = Memory(run)
    kernel[0] = after
    assert not asked(memory, run)
    assert told(run) == []


def test_where_the_kernel_counts_nothing_a_kill_changes_nothing(run, kernel):
    kernel[0] = None
    memory = Memory(run)
    kernel[0] = 1
    assert not asked(memory, run)


def test_what_died_by_our_own_hand_changes_nothing(run, kernel):
    memory = Memory(run)
    kernel[0] = 5
    assert not asked(memory, run, ours=True)


def test_every_kill_makes_it_smaller_until_it_comes_to_no_checkpoint(run, kernel):
    rows = []
    for _ in range(RESTARTS + 1):
        memory = Memory(run)
        kernel[0] += 1
        if asked(memory, run):
            rows.append(told(run)[-1].per_device_train_batch_size)
    assert rows == [4, 2, 1]


def test_a_process_that_asked_for_a_smaller_one_itself_is_heard(run, kernel):
    memory = Memory(run)
    with Journal.open(run, FakeClock()) as written:
        written.append(shrunk(PLANNED, step=3, where="optimizer", why="x"))
    assert asked(memory, run)
    assert not asked(Memory(run), run)


def test_before_there_is_a_plan_nothing_can_be_smaller(run, kernel):
    sealed.write(run / PLAN, {"request": {}})
    memory = Memory(run)
    kernel[0] = 5
    assert not asked(memory, run)


def stage(run: Path, candidate: Any) -> Any:
    events: list[Any] = []
    session = SimpleNamespace(candidate=candidate, progress=SimpleNamespace(step=3))
    teller = SimpleNamespace(entries=journal.read(run), tell=events.append, told=events)
    return SimpleNamespace(session=session, teller=teller)


def test_after_the_optimizer_the_error_says_that_it_goes_on_and_the_journal_how(run):
    on = stage(run, PLANNED)
    error = smaller.after_optimizer(on)
    assert type(error) is OvernightError
    assert "while the optimizer took step 4; a new process goes on" in str(error)
    (event,) = on.teller.told
    assert (event.where, event.per_device_train_batch_size) == ("optimizer", 4)


def test_where_nothing_is_smaller_the_error_says_what_would_help(run):
    least = replace(PLANNED, per_device_train_batch_size=1, gradient_checkpointing=True)
    on = stage(run, least)
    error = smaller.after_optimizer(on)
    assert isinstance(error, NoPlanFits)
    assert "--method lora" in str(error)
    assert on.teller.told == []

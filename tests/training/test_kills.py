"""Kills at every call of the system, and real ones, while checkpoints are written and tidied."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.training.nights import Killed, Night, newest_whole

from overnight.training.journal import read
from overnight.training.lineage import prune, tidy
from overnight.training.manifest import problem
from overnight.values.ledger import Saved

Act = Callable[[], object]
CALLS = ("mkdir", "rename", "fsync", "unlink", "rmdir", "listdir", "lstat", "scandir")


def dies_at(k: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From the k-th call on every call of the system fails, clean-up included; the calls seen."""
    seen: list[str] = []

    def dying(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            seen.append(name)
            if len(seen) >= k:
                raise Killed
            return real(*args, **kwargs)

        return call

    for name in CALLS:
        monkeypatch.setattr(os, name, dying(name, getattr(os, name)))
    whole = Path.write_bytes

    def torn(path: Path, content: bytes) -> int:
        seen.append("write_bytes")
        if len(seen) >= k:
            whole(path, content[: len(content) // 2])
            raise Killed
        return whole(path, content)

    monkeypatch.setattr(Path, "write_bytes", torn)
    return seen


def kill_everywhere(night: Night, act: Act, check: Callable[[], None]) -> int:
    """Do `act`, killed at its k-th call, for every k, each time from the same folder."""
    before = night.folder.with_name("before")
    shutil.copytree(night.folder, before, symlinks=True)
    for k in range(1, 1000):
        shutil.rmtree(night.folder)
        shutil.copytree(before, night.folder, symlinks=True)
        with pytest.MonkeyPatch.context() as patch:
            dies_at(k, patch)
            try:
                act()
            except Killed:
                pass
            else:
                return k - 1
        check()
    raise AssertionError("the act never ends")


@pytest.fixture
def inner(tmp_path: Path) -> Night:
    folder = tmp_path / "run"
    folder.mkdir()
    return Night(folder).begin()


def whole_one_of(night: Night, *names: str) -> None:
    """What is found is whole and one of `names`, before tidying up and after it."""
    assert newest_whole(night.folder, night.entries).name in names
    found = tidy(night.folder, night.entries)
    assert found.name in names
    assert found.path is not None
    assert problem(found.path, run="night-1") is None
    assert [name for name in night.names() if name.startswith(".")] == []


def test_a_kill_anywhere_in_a_save_leaves_the_old_one_or_the_new_one(inner: Night) -> None:
    inner.save(5)
    points = kill_everywhere(
        inner, lambda: inner.write(10), lambda: whole_one_of(inner, "checkpoint-5", "checkpoint-10")
    )
    assert points > 15


def test_a_kill_anywhere_in_a_save_under_a_taken_name_loses_neither(inner: Night) -> None:
    inner.save(5, 10, text="old").rewind(5)
    points = kill_everywhere(
        inner,
        lambda: inner.write(10, "new"),
        lambda: whole_one_of(inner, "checkpoint-5", "checkpoint-10"),
    )
    assert points > 15


def test_a_kill_anywhere_in_saving_the_same_step_again_loses_nothing(inner: Night) -> None:
    inner.save(5, 10, text="same")

    def check() -> None:
        found = tidy(inner.folder, inner.entries)
        assert (found.name, found.passed_over) == ("checkpoint-10", ())

    assert kill_everywhere(inner, lambda: inner.write(10, "same"), check) > 15


def test_a_kill_anywhere_in_pruning_leaves_the_newest(inner: Night) -> None:
    inner.save(5, 10, 15, 20)

    def act() -> None:
        prune(inner.folder, inner.entries, keep=(), limit=2)

    assert kill_everywhere(inner, act, lambda: whole_one_of(inner, "checkpoint-20")) > 10


def test_a_kill_anywhere_in_tidying_up_is_mended_by_the_next(inner: Night) -> None:
    inner.save(5, 10, 15).rewind(10)
    staged = inner.folder / ".staging-checkpoint-20-ab"
    inner.write(20).rename(staged)
    shutil.copytree(staged, inner.folder / ".staging-checkpoint-20-cd")
    shutil.copytree(staged, inner.folder / ".trash-checkpoint-1-ef")
    names = ("checkpoint-10", "checkpoint-20")
    points = kill_everywhere(
        inner,
        lambda: tidy(inner.folder, inner.entries),
        lambda: whole_one_of(inner, *names),
    )
    assert points > 15


LOOP = """
import sys
from pathlib import Path
from tests.training.nights import fill, start
from overnight.training.checkpoint import Lineage, write
from overnight.training.journal import Journal, read
from overnight.training.lineage import prune, tidy
from overnight.values.ledger import Resumed, Saved
from tests.fakes import FakeClock

folder, clock = Path(sys.argv[1]), FakeClock()
with Journal.open(folder, clock) as journal:
    entries = read(folder)
    if not entries:
        entries.append(journal.note_start(start(clock)))
    found = tidy(folder, entries)
    entries.append(journal.append(Resumed(step=found.step, name=found.name, steps_lost=0)))
    print(found.step, flush=True)
    for step in range(found.step + 1, 100_000):
        print(step, flush=True)
        line = Lineage(run=entries[0].event.run, parent=found.name, t=journal.now())
        done = write(folder, step=step, lineage=line, fill=fill(str(step)))
        entries.append(journal.append(Saved(step=step, name=done.name, parent=done.parent,
                                            seconds=0.0, bytes=done.bytes)))
        prune(folder, entries, keep=(), limit=2)
"""


def run_until_killed(folder: Path, root: Path, seconds: float) -> int:
    """Where a child that saves in a loop went on from; it is killed in its fourth save or so."""
    child = subprocess.Popen([sys.executable, "-c", LOOP, str(folder)], stdout=subprocess.PIPE,
                             cwd=root, env=os.environ | {"PYTHONPATH": str(root)})  # fmt: skip
    assert child.stdout is not None
    with child.stdout:
        steps = [int(child.stdout.readline()) for _ in range(5)]
        time.sleep(seconds)
        child.kill()
        child.wait()
    return steps[0]


def test_a_child_killed_while_it_saves_loses_at_most_the_save(tmp_path: Path, root: Path) -> None:
    steps = [run_until_killed(tmp_path, root, 0.003 * k) for k in range(5)]
    entries = read(tmp_path)
    found = newest_whole(tmp_path, entries)
    assert found.path is not None
    assert problem(found.path) is None
    assert steps == sorted(steps)
    saved = max(entry.event.step for entry in entries if isinstance(entry.event, Saved))
    assert found.step >= saved > 0

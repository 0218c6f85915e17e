"""Which checkpoints are deleted, and above all which are not."""

import os
from pathlib import Path

import pytest
from tests.training.nights import Night, newest_whole, read_only

from overnight.training.disk import DiskTrouble
from overnight.training.lineage import prune


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path).begin()


def test_the_oldest_are_pruned_beyond_the_limit(night: Night) -> None:
    night.save(5, 10, 15, 20)
    assert prune(night.folder, night.entries, keep=(), limit=2) == ("checkpoint-5", "checkpoint-10")
    assert night.names() == ["checkpoint-15", "checkpoint-20"]
    assert prune(night.folder, night.entries, keep=(), limit=2) == ()


def test_the_best_the_promoted_and_those_to_keep_are_never_pruned(night: Night) -> None:
    night.save(5, 10).evaluate(10, 1.0).save(15).promote(15).save(20, 25).evaluate(25, 2.0)
    gone = prune(night.folder, night.entries, keep=["checkpoint-5"], limit=1)
    assert gone == ("checkpoint-20",)


@pytest.mark.parametrize("limit", [-1, 0, 1])
def test_the_newest_is_never_pruned(night: Night, limit: int) -> None:
    night.save(5, 10)
    prune(night.folder, night.entries, keep=(), limit=limit)
    assert night.names() == ["checkpoint-10"]


def test_what_is_gone_on_from_if_the_newest_is_damaged_is_never_pruned(night: Night) -> None:
    night.save(5, 10, 15)
    night.damage(15)
    assert prune(night.folder, night.entries, keep=(), limit=1) == ("checkpoint-5",)
    assert newest_whole(night.folder, night.entries).name == "checkpoint-10"


def test_where_none_is_whole_nothing_is_pruned(night: Night) -> None:
    night.save(5, 10)
    night.damage(5)
    night.damage(10)
    assert prune(night.folder, night.entries, keep=(), limit=1) == ()


def test_foreign_and_set_aside_folders_are_not_pruned(night: Night) -> None:
    night.save(5, 5, 10, 15)
    (night.folder / "checkpoint-1").mkdir()
    prune(night.folder, night.entries, keep=(), limit=1)
    assert night.names() == ["checkpoint-1", "checkpoint-15", "set-aside"]


def test_what_a_rewind_left_behind_is_set_aside_and_does_not_pile_up(night: Night) -> None:
    night.save(5, 10, 15).rewind(5).save(7)
    assert prune(night.folder, night.entries, keep=(), limit=3) == ()
    assert night.names() == ["checkpoint-5", "checkpoint-7", "set-aside"]
    assert night.set_aside() == ["checkpoint-10-1", "checkpoint-15-2"]


def test_a_clock_that_went_back_does_not_prune_the_new(night: Night) -> None:
    night.save(4, 6)
    for step in (4, 6):
        os.utime(night.folder / f"checkpoint-{step}", (2e9, 2e9))
    night.save(8)
    prune(night.folder, night.entries, keep=(), limit=2)
    assert night.names() == ["checkpoint-6", "checkpoint-8"]


def test_a_refused_pruning_is_told(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.save(5, 10)
    monkeypatch.setattr(os, "rename", read_only)
    with pytest.raises(DiskTrouble, match="Read-only file system"):
        prune(night.folder, night.entries, keep=(), limit=1)

"""The machine around a device, and what a container leaves of it."""

import os
from pathlib import Path

import psutil
import pytest

from overnight.probe import host
from overnight.probe.container import Limits
from overnight.probe.host import disk_rate, host_memory, memory_rate, usable_processors

GIB = 2**30


def test_a_container_limits_the_host_memory() -> None:
    held = Limits(memory_bytes=2 * GIB, memory_used_bytes=GIB, processors=None)
    total, free = host_memory(held)
    assert total == min(2 * GIB, psutil.virtual_memory().total)
    assert free <= GIB


def test_without_a_container_the_host_is_the_machine() -> None:
    open_ = Limits(memory_bytes=None, memory_used_bytes=0, processors=None)
    assert host_memory(open_)[0] == psutil.virtual_memory().total


@pytest.mark.parametrize(("quota", "usable"), [(0.5, 1), (1.5, 1), (1000.0, None), (None, None)])
def test_processors_are_what_quota_and_affinity_leave(quota: float | None, usable: int) -> None:
    held = Limits(memory_bytes=None, memory_used_bytes=0, processors=quota)
    allowed = len(os.sched_getaffinity(0))
    assert usable_processors(held) == (usable or allowed)


def test_the_disk_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    assert (disk_rate(tmp_path) or 0) > 1e4
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_has_no_rate(tmp_path: Path) -> None:
    assert disk_rate(tmp_path / "nowhere") is None


def test_a_full_disk_has_no_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> float:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(host, "_write", full)
    assert disk_rate(tmp_path) is None


@pytest.mark.parametrize(
    ("fixed", "per_block", "writes"),
    [(1.0, 0.0, [1]), (0.02, 0.01, [1, 2, 4]), (0.0, 0.0001, [1, 2, 4, 8, 16, 32])],
)
def test_writes_double_until_time_is_over_and_the_fastest_counts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fixed: float,
    per_block: float,
    writes: list[int],
) -> None:
    asked = []

    def write(file: int, block: bytes, times: int) -> float:
        asked.append(times)
        return fixed + times * per_block

    monkeypatch.setattr(host, "_write", write)
    last = writes[-1]
    assert disk_rate(tmp_path) == pytest.approx(last * host.BLOCK / (fixed + last * per_block))
    assert asked == writes


def test_memory_has_a_rate() -> None:
    assert memory_rate() > 1e7

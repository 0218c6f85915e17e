"""This machine, and what a container leaves of it."""

import os
from collections.abc import Callable

import psutil
import pytest
import torch

from overnight.probe import hardware
from overnight.probe.container import Limits
from overnight.probe.hardware import host_memory, look, precisions, usable_processors

GIB = 2**30


def test_looking_without_measuring_leaves_the_rates_out() -> None:
    found = look(measure=False)
    assert (found.flops, found.flops_source) == ({}, "")
    assert 0 < found.memory_free_bytes <= found.memory_bytes
    assert found.name
    assert found.disk_free_bytes > 0


@pytest.mark.tiny
def test_rates_are_measured_and_name_their_source() -> None:
    found = look()
    assert found.flops_source == "measured"
    assert found.flops["fp32"] > 1e8
    assert all(rate >= found.flops["fp32"] for rate in found.flops.values())


@pytest.mark.tiny
def test_looking_leaves_the_random_state_as_it_was() -> None:
    before = torch.random.get_rng_state()
    look()
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("device", "capability", "wanted"),
    [
        ("cuda", (6, 1), ("fp32",)),
        ("cuda", (7, 5), ("fp32", "fp16")),
        ("cuda", (8, 0), ("fp32", "bf16", "fp16")),
        ("cuda", (12, 0), ("fp32", "bf16", "fp16")),
        ("cpu", None, ("fp32", "bf16")),
        ("mps", None, ("fp32",)),
    ],
)
def test_a_precision_that_is_only_emulated_is_not_measured(
    device: str, capability: tuple[int, int] | None, wanted: tuple[str, ...]
) -> None:
    assert precisions(device, capability) == wanted


@pytest.mark.parametrize(("bf16", "kept"), [(1.19e11, False), (1.21e11, True)])
def test_bf16_on_a_cpu_must_beat_fp32_clearly(
    monkeypatch: pytest.MonkeyPatch, bf16: float, kept: bool
) -> None:
    rates = {"fp32": 1e11, "bf16": bf16}
    monkeypatch.setattr(hardware, "_device", lambda: "cpu")
    monkeypatch.setattr(hardware, "_rate", lambda device, precision: rates[precision])
    assert ("bf16" in look().flops) is kept


def test_a_slow_device_is_judged_by_a_small_product(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def slow(device: str, precision: str, *, side: int) -> Callable[[], float]:
        asked.append(side)
        return lambda: 0.5

    monkeypatch.setattr(hardware, "_stopwatch", slow)
    assert hardware._rate("cpu", "bf16") == 2 * 256**3 / 0.5
    assert asked == [256]


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


def test_a_card_is_described_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_device", lambda: "cuda")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (14 * GIB, 15 * GIB))
    found = look(measure=False)
    assert (found.device, found.name, found.num_devices) == ("cuda", "Tesla T4", 2)
    assert (found.memory_bytes, found.memory_free_bytes) == (15 * GIB, 14 * GIB)
    assert found.compute_capability == (7, 5)

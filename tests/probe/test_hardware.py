"""This machine, and what a container leaves of it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from overnight.probe import hardware, nvml
from overnight.probe.hardware import look, precisions
from overnight.probe.nvml import Told
from overnight.values.errors import InputError

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
    measured = ("flops", "bandwidth", "disk_bytes_per_second")
    assert [found.sources[field] for field in measured] == ["measured"] * 3
    assert found.flops_source == "measured"
    assert found.flops["fp32"] > 1e8
    assert found.bandwidth and found.bandwidth > 1e8
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


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, float]], list[int]]:
    """Products that take as long as is said, by their side; the list of sides asked for."""

    def take(seconds: dict[int, float]) -> list[int]:
        asked: list[int] = []

        def stopwatch(device: str, precision: str, *, side: int) -> Callable[[], float]:
            asked.append(side)
            return lambda: seconds[side]

        monkeypatch.setattr(hardware, "_stopwatch", stopwatch)
        monkeypatch.setattr(hardware, "SECONDS", 0.02)
        return asked

    return take


def test_a_slow_device_is_judged_by_smaller_products(products: Any) -> None:
    asked = products({256: 0.5, 512: 4.0})
    assert hardware._rate("cpu", "bf16") == 2 * 512**3 / 4.0
    assert asked == [256, 512]


def test_small_products_that_were_held_up_are_not_believed(products: Any) -> None:
    asked = products({256: 0.5, 512: 0.02, 1024: 0.1})
    assert hardware._rate("cpu", "fp32") == 2 * 1024**3 / 0.1
    assert asked == [256, 512, 1024]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets torch and the driver describe a card that is not there."""

    def describe(
        name: str,
        capability: tuple[int, int],
        *,
        built: tuple[str, ...] = ("sm_75", "sm_86", "sm_120"),
        told: Told | None = None,
        gib: float = 15,
    ) -> None:
        answers = {
            "get_device_capability": capability,
            "get_device_name": name,
            "device_count": 2,
            "mem_get_info": (14 * GIB, int(gib * GIB)),
            "get_arch_list": list(built),
            "get_device_properties": SimpleNamespace(uuid="0-1"),
        }
        for function, answer in answers.items():
            monkeypatch.setattr(torch.cuda, function, lambda *_, answer=answer: answer)
        monkeypatch.setattr(hardware, "_device", lambda: "cuda")
        monkeypatch.setattr(nvml, "ask", lambda uuid: told or Told())

    return describe


def test_a_card_is_described_by_torch(card: Callable[..., None]) -> None:
    card("Tesla T4", (7, 5))
    found = look(measure=False)
    assert (found.device, found.name, found.num_devices) == ("cuda", "Tesla T4", 2)
    assert (found.memory_bytes, found.memory_free_bytes) == (15 * GIB, 14 * GIB)
    assert found.compute_capability == (7, 5)
    assert found.sources["memory_bytes"] == "torch"


def test_a_known_card_has_the_catalogue_s_facts_too(card: Callable[..., None]) -> None:
    card("Tesla T4", (7, 5))
    found = look(measure=False)
    assert (found.bandwidth, found.power_watts, found.power_limited) == (320e9, 70.0, True)
    assert found.peak_flops == {"fp32": 8.1e12, "fp16": 65e12}
    assert found.flops == {}
    assert found.sources["bandwidth"].startswith("the catalogue: ")


def test_an_unknown_card_is_left_as_torch_describes_it(card: Callable[..., None]) -> None:
    card("NVIDIA GeForce RTX 4090 Laptop GPU", (8, 9))
    found = look(measure=False)
    assert (found.bandwidth, found.peak_flops, found.undrivable) == (None, {}, "")


def test_the_driver_s_limit_counts_before_the_data_sheet_s(card: Callable[..., None]) -> None:
    told = Told(power_watts=300.0, driver="580.1")
    card("NVIDIA GeForce RTX 4090", (8, 9), told=told, gib=23.6)
    found = look(measure=False)
    assert (found.power_watts, found.power_limited, found.driver) == (300.0, True, "580.1")
    assert found.sources["power_watts"] == nvml.SOURCE


def test_a_card_without_code_is_said_so_and_computes_nothing(
    card: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    card("Tesla V100-SXM2-16GB", (7, 0))
    monkeypatch.setattr(hardware, "_rate", lambda device, precision: pytest.fail("computed"))
    found = look()
    assert "none for the 7.0 of Tesla V100-SXM2-16GB; install" in found.undrivable
    assert (found.flops, found.flops_source) == ({}, "")
    with pytest.raises(InputError, match=r"which has it; or train on the processor"):
        hardware.check_drivable(found)


def test_code_that_is_compiled_at_the_start_runs_on_later_cards(card: Callable[..., None]) -> None:
    card("some later card", (13, 0), built=("sm_120", "compute_120"))
    hardware.check_drivable(look(measure=False))
    card("some later card", (13, 0), built=("sm_120",))
    assert "a newer torch or another card" in look(measure=False).undrivable

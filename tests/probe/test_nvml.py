"""What the driver says, through a driver that is not there."""

import os
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from overnight.probe import nvml
from overnight.probe.nvml import Told


class NVMLError(Exception):
    """As nvidia-ml-py's."""


def refuses(*_: object) -> Any:
    raise NVMLError


def process(pid: int, used: int | None) -> SimpleNamespace:
    return SimpleNamespace(pid=pid, usedGpuMemory=used)


OURS = process(os.getpid(), 500)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SimpleNamespace]:
    def install(**changed: Any) -> SimpleNamespace:
        asked: list[str] = []
        answers = {
            "NVMLError": NVMLError,
            "nvmlInit": lambda: None,
            "nvmlShutdown": lambda: asked.append("shutdown"),
            "nvmlDeviceGetHandleByUUID": asked.append,
            "nvmlDeviceGetEnforcedPowerLimit": lambda card: 70_000,
            "nvmlSystemGetDriverVersion": lambda: "580.65.06",
            "nvmlDeviceGetComputeRunningProcesses": lambda card: [OURS, process(-1, 300)],
        }
        found = SimpleNamespace(asked=asked, **(answers | changed))
        monkeypatch.setitem(sys.modules, "pynvml", found)
        return found

    return install


def test_the_driver_tells_limit_version_and_other_processes(driver: Any) -> None:
    found = driver()
    told = nvml.ask("12-34")
    assert told == Told(power_watts=70.0, driver="580.65.06", others_bytes=300)
    assert found.asked == ["GPU-12-34", "shutdown"]


def test_without_the_package_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml.ask("12-34") == Told()


def test_without_a_driver_nothing_is_told(driver: Any) -> None:
    driver(nvmlInit=refuses)
    assert nvml.ask("12-34") == Told()


def test_a_slice_of_a_card_is_not_asked_about(driver: Any) -> None:
    found = driver(nvmlDeviceGetHandleByUUID=refuses)
    assert nvml.ask("MIG-12") == Told()
    assert found.asked == ["shutdown"]


def test_an_answer_that_is_refused_leaves_the_others(driver: Any) -> None:
    driver(nvmlDeviceGetEnforcedPowerLimit=refuses)
    assert nvml.ask("1") == Told(driver="580.65.06", others_bytes=300)


@pytest.mark.parametrize(
    ("processes", "others"),
    [
        ([OURS], 0),
        ([process(-1, 300)], None),
        ([OURS, process(-1, None)], None),
        ([OURS, process(-1, 300), process(-2, 40)], 340),
    ],
)
def test_other_processes_are_counted_only_where_ours_is_known(
    driver: Any, processes: list[SimpleNamespace], others: int | None
) -> None:
    driver(nvmlDeviceGetComputeRunningProcesses=lambda card: processes)
    assert nvml.ask("1").others_bytes == others

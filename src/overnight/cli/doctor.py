"""What people paste when they ask for help: versions, device, memory, disk, what is unmeasured.

In: a `Hardware` and the installed distributions. Out: one object, or lines. Never: measuring.
"""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from overnight.codec import to_json
from overnight.values.facts import Hardware
from overnight.values.units import show_bytes

_PACKAGES = ("overnight", "torch", "transformers", "peft", "trl", "accelerate", "datasets",
             "safetensors", "bitsandbytes", "nvidia-ml-py")  # fmt: skip


def doctor_object(hardware: Hardware) -> dict[str, Any]:
    """Everything that `overnight doctor` knows."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "hardware": to_json(hardware),
        "unproven": _unproven(hardware),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _unproven(hardware: Hardware) -> list[str]:
    """What was never measured or tried here, a sentence each."""
    said = []
    if hardware.flops_source != "measured":
        source = hardware.flops_source or "nobody"
        said.append(f"the pace of {hardware.name}: figures are from {source}, not from here")
    if platform.system() != "Linux":
        said.append(f"{platform.system()}: the project is proven on Linux only")
    return said


def doctor_lines(hardware: Hardware) -> list[str]:
    """The same for people."""
    told = doctor_object(hardware)
    versions = ", ".join(f"{name} {number or '(absent)'}"
                         for name, number in told["versions"].items())  # fmt: skip
    return [
        f"system    {told['system']}, Python {told['python']}",
        f"packages  {versions}",
        f"device    {_device(hardware)}",
        f"memory    {show_bytes(hardware.memory_free_bytes)} free of "
        f"{show_bytes(hardware.memory_bytes)} a device, "
        f"{show_bytes(hardware.host_memory_bytes)} in the machine",
        f"disk      {show_bytes(hardware.disk_free_bytes)} free here",
        *(f"unproven  {sentence}" for sentence in told["unproven"]),
    ]


def _device(hardware: Hardware) -> str:
    capability = hardware.compute_capability
    known = f", compute capability {capability[0]}.{capability[1]}" if capability else ""
    rates = ", ".join(f"{name} {rate / 1e12:.3g} TFLOP/s" for name, rate in hardware.flops.items())
    return (f"{hardware.num_devices} x {hardware.name} ({hardware.device}{known}), "
            f"{hardware.cpu_count} cores{', ' + rates if rates else ''}")  # fmt: skip

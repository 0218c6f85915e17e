"""What people paste when they ask for help: versions, the machine with its sources, the unmeasured.

In: a `Hardware` and the installed distributions. Out: one object, or lines. Never: measuring.
"""

import platform
from typing import Any

from overnight.codec import to_json
from overnight.probe import catalogue
from overnight.probe.host import installed
from overnight.values.facts import Hardware
from overnight.values.units import show_bytes

_PACKAGES = ("overnight", "torch", "transformers", "peft", "trl", "accelerate", "datasets",
             "safetensors", "bitsandbytes", "nvidia-ml-py")  # fmt: skip


def doctor_object(hardware: Hardware) -> dict[str, Any]:
    """Everything that `overnight doctor` knows; `cards` are the names that --gpu takes."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: installed(name) for name in _PACKAGES},
        "hardware": to_json(hardware),
        "unproven": _unproven(hardware),
        "cards": list(catalogue.names()),
    }


def _unproven(hardware: Hardware) -> list[str]:
    """What was never measured or tried here, a sentence each."""
    said = []
    if hardware.undrivable:
        said.append(f"anything on {hardware.name}: {hardware.undrivable}")
    elif hardware.flops_source != "measured":
        source = hardware.flops_source or "nobody"
        said.append(f"the pace of {hardware.name}: figures are from {source}, not from here")
    if hardware.device == "cuda" and hardware.catalogue == "" and not hardware.peak_flops:
        said.append(
            f"{hardware.name} is not in the catalogue: its bandwidth and limits are unknown"
        )
    if hardware.device == "cuda":
        said.append("use_liger_kernel, 8-bit optimizers and 4-bit weights on a card: their speed "
                    "and memory were never measured")  # fmt: skip
    if hardware.varlen_attention:
        said.append(f"packing with {hardware.varlen_attention}: its boundaries are tested on your "
                    "model before every night, its speed was never measured")  # fmt: skip
    if platform.system() != "Linux":
        said.append(f"{platform.system()}: the project is proven on Linux only")
    return said


def doctor_lines(hardware: Hardware) -> list[str]:
    """The same for people, the source of each figure in brackets."""
    told = doctor_object(hardware)
    versions = ", ".join(f"{name} {number or '(absent)'}"
                         for name, number in told["versions"].items())  # fmt: skip
    return [
        f"system    {told['system']}, Python {told['python']}",
        f"packages  {versions}",
        f"device    {_device(hardware)}",
        *_rates(hardware),
        f"memory    {show_bytes(hardware.memory_free_bytes)} free of "
        f"{show_bytes(hardware.memory_bytes)} a device, "
        f"{show_bytes(hardware.host_memory_bytes)} in the machine{_others(hardware)}",
        f"disk      {show_bytes(hardware.disk_free_bytes)} free here{_disk(hardware)}",
        *(f"unproven  {sentence}" for sentence in told["unproven"]),
    ]


def _device(hardware: Hardware) -> str:
    capability = hardware.compute_capability
    known = f", compute capability {capability[0]}.{capability[1]}" if capability else ""
    driver = f", driver {hardware.driver}" if hardware.driver else ""
    return (f"{hardware.num_devices} x {hardware.name} ({hardware.device}{known}{driver}), "
            f"{hardware.cpu_count} cores")  # fmt: skip


def _rates(hardware: Hardware) -> list[str]:
    """What it computes and moves a second, a line for each that is known."""
    starved = ", so low that it clocks far below its boost" if hardware.power_limited else ""
    published = hardware.peak_flops if hardware.peak_flops != hardware.flops else {}
    rows = (
        (_tera(hardware.flops), hardware.flops_source),
        (_tera(published, after=" by its data sheet"), _source(hardware, "peak_flops")),
        (_ceiling(hardware), _source(hardware, "ceiling_flops")),
        (_giga(hardware.bandwidth, "to and from memory"), _source(hardware, "bandwidth")),
        (f"{hardware.power_watts:.0f} W{starved}" if hardware.power_watts else "",
         _source(hardware, "power_watts")),
    )  # fmt: skip
    return [f"rates     {said}{f' [{source}]' if source else ''}" for said, source in rows if said]


def _source(hardware: Hardware, field: str) -> str:
    return hardware.sources.get(field, "")


def _tera(rates: dict[str, float], *, after: str = "") -> str:
    said = ", ".join(f"{name} {rate / 1e12:.3g} TFLOP/s" for name, rate in rates.items())
    return f"{said}{after}" if said else ""


def _ceiling(hardware: Hardware) -> str:
    most = hardware.ceiling_flops
    return f"{most / 1e12:.3g} TFLOP/s is the most that others measured in 16 bits" if most else ""


def _giga(rate: float | None, what: str) -> str:
    return f"{rate / 1e9:.3g} GB/s {what}" if rate else ""


def _disk(hardware: Hardware) -> str:
    rate = hardware.disk_bytes_per_second
    return f", {rate / 1e9:.2g} GB/s written and synced [measured]" if rate else ""


def _others(hardware: Hardware) -> str:
    held = hardware.others_bytes
    return f"; {show_bytes(held)} of the device are held by other processes" if held else ""

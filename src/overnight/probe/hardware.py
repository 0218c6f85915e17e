"""This machine as a value.

In: nothing but the machine. Out: `Hardware`: the device, its memory, what a container leaves of the
host, measured rates of matrix products, memory and disk, and what the catalogue and the driver know
of the card; every figure with its source. Never: settings of the machine or of torch changed; a
precision listed that the device only emulates.
"""

import math
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from overnight.probe import catalogue, host, nvml
from overnight.probe.catalogue import BF16_CAPABILITY
from overnight.probe.container import limits
from overnight.values.errors import InputError
from overnight.values.facts import Hardware

FP16_CAPABILITY = (7, 0)
"""Volta is the first with fp16 tensor cores."""
BF16_WORTH = 1.2
"""On a CPU bf16 counts only if it beats fp32 by this factor: below it is emulation or a tie."""
SIZES = {"cpu": 1024, "cuda": 4096, "mps": 2048}
"""Matrix side: large enough to come near the peak, small enough for 0.1 s a precision."""
SECONDS = 0.1
"""Of measuring, each precision."""
HOST = "psutil and the limits of the container"
VARLEN = (
    ("flash_attention_3", "flash-attn-3", (9, 0), (9, 0)),
    ("flash_attention_2", "flash-attn", (8, 0), (99, 0)),
)
"""As transformers calls it, the package that brings it, the cards it is for: FlashAttention 3 is
for Hopper alone, 2 for Ampere and later (their READMEs, 2026)."""
STARVED = 0.8
"""A card whose limit was set below this share of its design power runs far below its boost."""


def look(*, measure: bool = True) -> Hardware:
    """This machine; with `measure`, about 0.4 s are spent on matrix products, copies and writes."""
    device = _device()
    held = limits()
    host_total, host_free = host.host_memory(held)
    total, free = _device_memory(device) or (host_total, host_free)
    memory = HOST if device == "cpu" else "torch"
    found = Hardware(
        device=device,
        name=host.processor_name(),
        num_devices=1,
        memory_bytes=total,
        memory_free_bytes=free,
        host_memory_bytes=host_total,
        cpu_count=host.usable_processors(held),
        disk_free_bytes=shutil.disk_usage(Path.cwd()).free,
        sources={"memory_bytes": memory, "memory_free_bytes": memory,
                 "host_memory_bytes": HOST},
    )  # fmt: skip
    if device == "cuda":
        found = _with_card(found)
    return _with_rates(found) if measure else found


def _with_card(found: Hardware) -> Hardware:
    """What torch, the driver and the catalogue know of the card."""
    import torch

    capability = torch.cuda.get_device_capability()
    name = torch.cuda.get_device_name()
    told = nvml.ask(str(getattr(torch.cuda.get_device_properties(0), "uuid", "")))
    found = replace(
        found,
        name=name,
        num_devices=torch.cuda.device_count(),
        compute_capability=capability,
        undrivable=_undrivable(name, capability, torch.cuda.get_arch_list()),
        varlen_attention=varlen_attention(capability),
        power_watts=told.power_watts,
        driver=told.driver,
        others_bytes=told.others_bytes,
        sources=found.sources | ({"power_watts": nvml.SOURCE} if told.power_watts else {}),
    )
    card = catalogue.of_device(name, found.memory_bytes)
    return _completed(found, card) if card else found


def varlen_attention(capability: tuple[int, int]) -> str:
    """What transformers calls the newest installed attention for rows end to end, as far as a card
    of this capability runs it; "" where there is none."""
    return next((name for name, package, least, most in VARLEN
                 if least <= capability <= most and host.installed(package)), "")  # fmt: skip


def _completed(found: Hardware, card: catalogue.Card) -> Hardware:
    """With the published facts of a card that is known; what was asked here stays."""
    watts = found.power_watts or card.power_watts
    kept = {"bandwidth": "bandwidth", "flops": "peak_flops", "ceiling_flops": "ceiling_flops",
            "power_watts": "power_watts"}  # fmt: skip
    published = {kept[field]: f"the catalogue: {source}" for field, source in card.sources.items()
                 if field in kept}  # fmt: skip
    return replace(
        found,
        bandwidth=card.bandwidth,
        peak_flops=dict(card.flops),
        ceiling_flops=card.ceiling_flops,
        power_watts=watts,
        power_limited=card.power_limited or watts < STARVED * card.power_watts,
        sources=published | found.sources,
    )


def _undrivable(name: str, capability: tuple[int, int], built: list[str]) -> str:
    """One sentence where this torch has no code for the card; `built` as torch lists it."""
    import torch

    codes = [(int(code[1]), int(code[2])) for code in (
        re.fullmatch(r"sm_(\d+)(\d)[a-z]?", one) for one in built) if code]  # fmt: skip
    # Code that is compiled when the program starts runs on every later card.
    later = [(int(code[1]), int(code[2])) for code in (
        re.fullmatch(r"compute_(\d+)(\d)", one) for one in built) if code]  # fmt: skip
    if not codes or catalogue.has_code(capability, codes) or any(capability >= c for c in later):
        return ""
    return catalogue.no_code(name, capability, codes, f"this torch ({torch.__version__})")


def _with_rates(found: Hardware) -> Hardware:
    """Measured: products, disk, and on a CPU its memory; a card without code computes nothing."""
    rates = {} if found.undrivable else _measured(found.device, found.compute_capability)
    disk = host.disk_rate(Path.cwd())
    sources = {"flops": "measured", "disk_bytes_per_second": "measured"}
    if found.device == "cpu":
        sources["bandwidth"] = "measured"
    known = {"flops": rates, "disk_bytes_per_second": disk}
    return replace(
        found,
        flops=rates,
        flops_source="measured" if rates else "",
        disk_bytes_per_second=disk,
        bandwidth=host.memory_rate() if found.device == "cpu" else found.bandwidth,
        sources=found.sources | {k: v for k, v in sources.items() if known.get(k, True)},
    )


def check_drivable(found: Hardware) -> None:
    """See that torch has code for the card that would train.

    Raises:
        InputError: it has none.
    """
    if found.undrivable:
        raise InputError(
            f"{found.undrivable}; or train on the processor, with CUDA_VISIBLE_DEVICES= before "
            "the command"
        )


def precisions(device: str, capability: tuple[int, int] | None) -> tuple[str, ...]:
    """Precisions worth measuring: those that the device does not merely emulate."""
    if device == "cuda" and capability:
        wanted = (("bf16", BF16_CAPABILITY), ("fp16", FP16_CAPABILITY))
        return ("fp32", *(name for name, least in wanted if capability >= least))
    return ("fp32", "bf16") if device == "cpu" else ("fp32",)


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _device_memory(device: str) -> tuple[int, int] | None:
    """(total, free) bytes of the accelerator; None where it has none of its own."""
    import torch

    if device == "cuda":
        free, total = torch.cuda.mem_get_info()
        return total, free
    if device == "mps":
        total = torch.mps.recommended_max_memory()
        return total, total - torch.mps.driver_allocated_memory()
    return None


def _measured(device: str, capability: tuple[int, int] | None) -> dict[str, float]:
    rates = {name: _rate(device, name) for name in precisions(device, capability)}
    if device == "cpu" and rates["bf16"] < BF16_WORTH * rates["fp32"]:
        del rates["bf16"]
    return rates


def _rate(device: str, precision: str) -> float:
    """The best FLOP/s of square products; a slow device is judged by smaller ones.

    Small products wait for each other's threads where processes share the cores, so two sizes must
    agree that a device is slow.
    """
    side = SIZES[device]
    for part, tries in ((4, 5), (2, 1)):
        try_out = _stopwatch(device, precision, side=side // part)
        # The best of a few: another process may hold a core for many milliseconds.
        small = min(try_out() for _ in range(tries))
        if part**3 * small <= 10 * SECONDS:
            return _long_rate(device, precision)
    return 2 * (side // part) ** 3 / small


def _long_rate(device: str, precision: str) -> float:
    side = SIZES[device]
    product = _stopwatch(device, precision, side=side)
    end, seconds = time.perf_counter() + SECONDS, math.inf
    while time.perf_counter() < end or seconds == math.inf:
        seconds = min(seconds, product())
    return 2 * side**3 / seconds


def _stopwatch(device: str, precision: str, *, side: int) -> Callable[[], float]:
    """A call that multiplies two square matrices and returns the seconds it took."""
    import torch

    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    # Not random: looking leaves the random states as they were.
    matrix = torch.linspace(-1, 1, side * side, device=device).reshape(side, side).to(dtype)
    repeats = 1 if device == "cpu" else 10

    def once() -> float:
        begun = time.perf_counter()
        for _ in range(repeats):
            torch.mm(matrix, matrix)
        _wait(device)
        return (time.perf_counter() - begun) / repeats

    once()
    return once


def _wait(device: str) -> None:
    """Until the accelerator has done what it was given."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
    if device == "mps":
        torch.mps.synchronize()

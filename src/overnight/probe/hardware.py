"""This machine as a value.

In: nothing but the machine. Out: `Hardware`: the device, its memory, what a container leaves of the
host, and the matrix FLOP/s by precision, measured. Never: settings of the machine or of torch
changed; a precision listed that the device only emulates.
"""

import math
import platform
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from overnight.probe.container import Limits, limits
from overnight.values.facts import Hardware

BF16_CAPABILITY = (8, 0)
"""Ampere is the first with bf16 tensor cores; older cards emulate it (NVIDIA's CUDA guide)."""
FP16_CAPABILITY = (7, 0)
"""Volta is the first with fp16 tensor cores."""
BF16_WORTH = 1.2
"""On a CPU bf16 counts only if it beats fp32 by this factor: below it is emulation or a tie."""
SIZES = {"cpu": 1024, "cuda": 4096, "mps": 2048}
"""Matrix side: large enough to come near the peak, small enough for 0.1 s a precision."""
SECONDS = 0.1
"""Of measuring, each precision."""


def look(*, measure: bool = True) -> Hardware:
    """This machine; with `measure`, about 0.3 s are spent on matrix products (`flops`)."""
    import torch

    device = _device()
    capability = torch.cuda.get_device_capability() if device == "cuda" else None
    host_total, host_free = host_memory(limits())
    total, free = _device_memory(device) or (host_total, host_free)
    return Hardware(
        device=device,
        name=torch.cuda.get_device_name() if device == "cuda" else _processor_name(),
        num_devices=torch.cuda.device_count() if device == "cuda" else 1,
        memory_bytes=total,
        memory_free_bytes=free,
        host_memory_bytes=host_total,
        cpu_count=usable_processors(limits()),
        disk_free_bytes=shutil.disk_usage(Path.cwd()).free,
        compute_capability=capability,
        flops=_measured(device, capability) if measure else {},
        flops_source="measured" if measure else "",
    )


def host_memory(container: Limits) -> tuple[int, int]:
    """(total, free) bytes of the host that this process may use."""
    memory = psutil.virtual_memory()
    if container.memory_bytes is None:
        return memory.total, memory.available
    left = max(container.memory_bytes - container.memory_used_bytes, 0)
    return min(memory.total, container.memory_bytes), min(memory.available, left)


def usable_processors(container: Limits) -> int:
    """Processors that this process may run on, by affinity and by quota; at least one."""
    process = psutil.Process()
    # macOS knows no affinity.
    allowed = (
        len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else psutil.cpu_count()
    )
    return max(1, int(min(allowed or 1, container.processors or math.inf)))


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


def _processor_name() -> str:
    """The model as the kernel names it; elsewhere as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _measured(device: str, capability: tuple[int, int] | None) -> dict[str, float]:
    rates = {name: _rate(device, name) for name in precisions(device, capability)}
    if device == "cpu" and rates["bf16"] < BF16_WORTH * rates["fp32"]:
        del rates["bf16"]
    return rates


def _rate(device: str, precision: str) -> float:
    """The best FLOP/s of square products; a slow device is judged by smaller ones."""
    side = SIZES[device]
    try_out = _stopwatch(device, precision, side=side // 4)
    # The best of a few: another process may hold a core for many milliseconds.
    small = min(try_out() for _ in range(5))
    if 4**3 * small > 10 * SECONDS:
        return 2 * (side // 4) ** 3 / small
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

"""The machine around a device: memory, processors and disk, as far as this process may use them.

In: nothing but the machine. Out: bytes, counts, rates. Never: settings changed, a file left behind,
a failure where a disk is full or read-only (the figure is then None).
"""

import contextlib
import math
import os
import platform
import tempfile
import time
from importlib import metadata
from pathlib import Path

import psutil

from overnight.probe.container import Limits

BLOCK = 2**20
MOST_BLOCKS = 32
DISK_SECONDS = 0.1
"""Of writing; the last write may end later."""
COPIED = 32 * 2**20
"""Bytes, well beyond the caches next to one core."""


def installed(package: str) -> str | None:
    """Its version; None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


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


def processor_name() -> str:
    """The model as the kernel names it; elsewhere as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def disk_rate(folder: Path) -> float | None:
    """Bytes a second of writing and fsync there, from up to 63 MiB; None where it cannot be tried.

    Each write is twice as long as the one before, and the fastest counts: what an fsync takes
    whatever it writes weighs least there, and others use the disk too.
    """
    block = os.urandom(BLOCK)  # what compresses well would flatter some file systems
    blocks, best, spent = 1, 0.0, 0.0
    # Without a name: nothing is left behind, even by a process that is killed here.
    with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=folder) as file:
        while blocks <= MOST_BLOCKS and spent < DISK_SECONDS:
            seconds = _write(file.fileno(), block, blocks)
            best, spent = max(best, blocks * BLOCK / seconds), spent + seconds
            blocks *= 2
    return best or None


def _write(file: int, block: bytes, times: int) -> float:
    """Seconds that it took to have so many blocks on the disk."""
    os.lseek(file, 0, os.SEEK_SET)
    begun = time.perf_counter()
    for _ in range(times):
        os.write(file, block)
    os.fsync(file)
    return time.perf_counter() - begun


def memory_rate() -> float:
    """Bytes a second between processor and memory, read and written, of one copying thread."""
    import numpy as np

    source = np.ones(COPIED // 8)
    target = np.empty_like(source)
    best = math.inf
    for _ in range(4):  # the first touches the pages; another process may hold the core
        begun = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - begun)
    return 2 * COPIED / best

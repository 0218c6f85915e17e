"""What a container leaves of the machine: memory and processors after Linux control groups.

In: the root of a file system with /proc and /sys. Out: `Limits`; None where nothing is limited;
how often the kernel has killed for want of memory.
Never: what the machine itself has (hardware.py). On other systems there is nothing to find.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

UNLIMITED = 2**62
"""Version 1 writes "no limit" as the largest multiple of a page: just under 2**63."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The tightest limits of this process's group and the groups around it."""

    memory_bytes: int | None
    memory_used_bytes: int
    """Counted against that limit, without file caches that the kernel would give back."""
    processors: float | None


def limits(root: Path = Path("/")) -> Limits:
    """The limits that this process lives under; version 2 of control groups or version 1."""
    memory = [found for found in map(_memory, _folders(root, "memory")) if found]
    shares = [found for found in map(_processors, _folders(root, "cpu")) if found]
    tightest = min(memory, key=lambda pair: pair[0] - pair[1], default=(None, 0))
    return Limits(
        memory_bytes=tightest[0],
        memory_used_bytes=tightest[1],
        processors=min(shares, default=None),
    )


def memory_kills(root: Path = Path("/")) -> int | None:
    """How many processes the kernel has killed because memory was used up; None: it does not say.

    Of this process's group where that is counted (version 2, or version 1 since Linux 4.19), else
    of the whole machine.
    """
    for folder in _folders(root, "memory"):
        for name in ("memory.events", "memory.oom_control"):
            if (folder / name).is_file():
                return _entry(folder / name, "oom_kill")
    if (root / "proc/vmstat").is_file():
        return _entry(root / "proc/vmstat", "oom_kill")
    return None


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """The folder of this process's group and those around it, innermost first."""
    for top, inside in _groups(root, controller):
        start = top / inside.lstrip("/")
        # In a container the group's path may be the host's, which cannot be seen from inside.
        here = start if start.is_dir() else top
        yield from (f for f in (here, *here.parents) if f == top or top in f.parents)


def _groups(root: Path, controller: str) -> Iterator[tuple[Path, str]]:
    """(where the hierarchy is mounted, path of this process's group in it)."""
    mounted = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, inside = line.split(":", 2)
        if controllers == "":
            yield mounted, inside
        elif controller in controllers.split(","):
            yield mounted / controller, inside


def _memory(folder: Path) -> tuple[int, int] | None:
    """(limit, used) in bytes."""
    for limit, usage, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        most = _number(folder / limit)
        if most is not None and most < UNLIMITED:
            given_back = _entry(folder / "memory.stat", cache)
            return most, max((_number(folder / usage) or 0) - given_back, 0)
    return None


def _processors(folder: Path) -> float | None:
    """Processors' worth of time per time: quota / period."""
    quota, _, period = _text(folder / "cpu.max").partition(" ")
    if quota.isdigit():
        return int(quota) / int(period)
    old, every = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return old / every if old and every else None


def _entry(path: Path, name: str) -> int:
    found = (line.split() for line in _text(path).splitlines())
    return next((int(words[1]) for words in found if words[0] == name), 0)


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    """The file's text; nothing where it is absent or not ours to read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""

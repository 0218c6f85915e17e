"""What a fault needs of the machine: root and mount(8), strace, time namespaces. Skips say what."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from tests.small_nights import wait_until

PATIENCE = 300.0
"""Seconds after which a night of seconds hangs, also on a machine that others use."""

EVERY = "OVERNIGHT_EVERY_FAULT"
"""Set in a soak: every case of a fault; else the first one of each."""


def strided(*cases: str) -> tuple[str, ...]:
    """The cases of a fault that this run strikes with."""
    return cases if EVERY in os.environ else cases[:1]


def tried(*words: str) -> bool:
    """Whether a command of the system is there and allowed."""
    if shutil.which(words[0]) is None:
        return False
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Disk:
    """A small file system of its own, in memory."""

    place: Path

    def fill(self) -> None:
        """Not one more byte goes onto it."""
        with open(self.place / "fill", "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def free(self) -> None:
        """What filled it is gone."""
        (self.place / "fill").unlink()

    def allow(self, writing: bool) -> None:
        """Mounts it anew, for reading alone or for writing too."""
        mode = "rw" if writing else "ro"
        subprocess.run(["mount", "-o", f"remount,{mode}", str(self.place)], check=True)


@contextmanager
def disk(place: Path, size: str = "24m") -> Iterator[Disk]:
    """A disk while the block runs."""
    place.mkdir(parents=True)
    if not tried("mount", "-t", "tmpfs", "-o", f"size={size}", "overnight-test", str(place)):
        pytest.skip("NOT SHOWN: a disk of its own needs root and mount(8)")
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


@contextmanager
def refusing(pid: int, *injections: str) -> Iterator[None]:
    """While the block runs the kernel answers a process's calls otherwise: strace's `inject=`."""
    if not tried("strace", "-o", "/dev/null", "true"):
        pytest.skip("NOT SHOWN: calls that fail need strace and the right to trace")
    given = [word for one in injections for word in ("-e", f"inject={one}")]
    calls = ",".join(one.partition(":")[0] for one in injections)
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
                               *given, "-p", str(pid)], stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        wait_until(lambda: traced(pid), tracer)
        yield
    finally:
        _let_go(tracer)


def _let_go(tracer: "subprocess.Popen[bytes]") -> None:
    """Traced no more, a process goes on; one that was killed in a call that hung is gone now."""
    tracer.send_signal(signal.SIGINT)
    try:
        tracer.wait(3.0)
    except subprocess.TimeoutExpired:
        tracer.kill()
        tracer.wait()


def traced(pid: int) -> bool:
    """Whether somebody traces every thread of a process."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    return all("TracerPid:\t0\n" not in (task / "status").read_text() for task in tasks)


def later(seconds: float) -> tuple[str, ...]:
    """In front of a command: for it the machine has slept so long (CLOCK_BOOTTIME alone jumps)."""
    if os.name != "posix" or not tried("unshare", "--time", "--boottime", "1", "true"):
        pytest.skip("NOT SHOWN: a clock of its own for boot time needs unshare(1) and the right")
    return ("unshare", "--fork", "--kill-child", "--time", "--boottime", f"{seconds:.0f}", "--")


def the_child(supervisor: int, word: str = "_night") -> int:
    """Process id of what a command has started; waits until that is there."""
    found: list[int] = []

    def looked() -> bool:
        for child in psutil.Process(supervisor).children(recursive=True):
            with suppress(psutil.Error):
                if word in child.cmdline():
                    found.append(child.pid)
        return bool(found)

    wait_until(looked)
    return found[0]

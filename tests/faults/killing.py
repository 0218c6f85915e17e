"""SIGKILL at the k-th call of one kind: a child is forked, traced from outside, and let go.

In: acts to be done in a forked child. Out: how it ended, and every call that it made. Never: torch
in here; the parent must not have run autograd before it forks.

The calls are killed as databases do it: strace attaches to the waiting child and has the kernel
deliver SIGKILL at the entry of the k-th occurrence, so that all before it is done and it is not.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALLS = (
    "open", "openat", "creat", "close", "write", "writev", "pwrite64", "pwritev", "sendfile",
    "copy_file_range", "ftruncate", "truncate", "fallocate", "fsync", "fdatasync", "msync",
    "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink",
    "unlinkat", "mkdir", "mkdirat", "rmdir",
)  # fmt: skip
"""Every call that changes a file, a folder or what is open; those of them that this processor has
not are passed over."""
PATIENCE = 1800
"""Seconds after which a child that should have ended is taken to hang."""
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)$")
_FILE = re.compile(r"\b\d+<(/[^>]*)>")
_RESULT = re.compile(r"= (\d+)$")
_TWO = re.compile(r'(?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]*)", (?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]*)"')
APPENDS = ("write", "writev", "sendfile", "copy_file_range")
"""Writes where the file goes on; SQLite's in the middle of its own (pwrite64) are its business."""

Gate = Callable[[], None]
"""Called by a child when it is ready; returns once it is traced."""


@dataclass(frozen=True)
class Call:
    """One call of the system as strace wrote it down."""

    thread: int
    name: str
    rest: str

    @property
    def file(self) -> str:
        """The path behind the file descriptor that it changes; empty where it has none."""
        found = _FILE.findall(self.rest)
        which = 1 if self.name == "copy_file_range" else 0
        return found[which] if len(found) > which else ""

    @property
    def done(self) -> bool:
        """False for the call at which the child was killed."""
        return not self.rest.endswith("= ?")

    @property
    def written(self) -> int:
        """Bytes that a write added."""
        found = _RESULT.search(self.rest)
        return int(found[1]) if found and self.name in APPENDS else 0

    @property
    def two(self) -> tuple[str, str] | None:
        """The two names of a rename or a link."""
        found = _TWO.search(self.rest)
        return (found[1], found[2]) if found else None


def why_not() -> str:
    """Why nothing can be killed here; empty where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True,
                           check=False)  # fmt: skip
    return "" if tried.returncode == 0 else "tracing is forbidden here"


def killed(act: Callable[[Gate], object], log: Path, *inject: str) -> tuple[int, list[Call]]:
    """Does `act` in a forked, traced child; its wait status, and its calls from the gate on."""
    ready, gate = os.pipe(), os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(ready[0])
        os.close(gate[1])
        _in_child(lambda: act(lambda: _wait_at(ready[1], gate[0])))
    os.close(ready[1])
    os.close(gate[0])
    try:
        came = os.read(ready[0], 1)
        tracer = _trace(pid, log, inject) if came else None
    finally:
        os.close(gate[1])  # the child goes on
        os.close(ready[0])
    status = os.waitpid(pid, 0)[1]
    if tracer is None:
        raise RuntimeError(f"the child never came to its gate (status {status})")
    tracer.communicate(timeout=PATIENCE)
    return status, calls(log)


def _wait_at(ready: int, gate: int) -> None:
    os.write(ready, b"r")
    os.read(gate, 1)


def _in_child(act: Callable[[], object]) -> None:
    """Never comes back: nothing of the parent's may run in here afterwards."""
    signal.alarm(PATIENCE)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what it says is not what came of it
    try:
        act()
    except BaseException:
        traceback.print_exc()
        os._exit(97)
    os._exit(0)


def _trace(pid: int, log: Path, inject: tuple[str, ...]) -> "subprocess.Popen[str]":
    """strace, attached to every thread of the process when this returns."""
    traced = ",".join(f"?{name}" for name in CALLS)
    more = [word for one in inject for word in ("-e", f"inject={one}")]
    tracer = subprocess.Popen(
        ["strace", "-f", "-y", "-s", "0", "-o", str(log), "-e", f"trace={traced}", *more,
         "-e", "signal=none", "-p", str(pid)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    if "attached" not in said:
        tracer.kill()
        raise RuntimeError(f"strace could not attach: {said.strip()}")
    return tracer


def calls(log: Path) -> list[Call]:
    """What a log holds, in order; a call that another thread interrupted counts once."""
    found = (_LINE.match(line) for line in log.read_text(errors="replace").splitlines())
    return [Call(int(one[1]), one[2], one[3]) for one in found if one and one[2] in CALLS]


def points(seen: list[Call]) -> list[tuple[str, int]]:
    """Every (call, k) at which a child that does `seen` can be killed, in the order of the calls.

    strace counts for every thread by itself.
    """
    count: Counter[tuple[int, str]] = Counter()
    found: dict[tuple[str, int], None] = {}
    for call in seen:
        count[call.thread, call.name] += 1
        found.setdefault((call.name, count[call.thread, call.name]))
    return list(found)


def unflushed(seen: list[Call]) -> dict[str, int]:
    """Bytes at the end of files that were written and not flushed: a power cut may take them."""
    lost: Counter[str] = Counter()
    for call in (one for one in seen if one.done):
        both = call.two if call.name.startswith("rename") else None
        if call.written and call.file:
            lost[call.file] += call.written
        elif call.name in ("fsync", "fdatasync") and call.file:
            lost.pop(call.file, None)
        elif both:
            lost = Counter({_moved(path, *both): count for path, count in lost.items()})
    return dict(lost)


def _moved(path: str, old: str, new: str) -> str:
    return new + path[len(old) :] if path == old or path.startswith(f"{old}/") else path


def asked(act: Callable[[], Any]) -> Any:
    """What `act` returns, done in a forked child; what it raised, as {"raised": sentence}."""
    told, telling = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _in_child(lambda: _tell(act, telling))
    os.close(telling)
    with os.fdopen(told, "rb") as file:
        said = file.read()
    os.waitpid(pid, 0)
    return json.loads(said) if said else {"raised": "the child died"}


def _tell(act: Callable[[], Any], telling: int) -> None:
    try:
        found = act()
    except Exception as error:
        found = {"raised": f"{type(error).__name__}: {error}"}
    with os.fdopen(telling, "wb") as file:
        file.write(json.dumps(found).encode())

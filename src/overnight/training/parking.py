"""Sessions that take turns in one process: let go of one, count the memory of the next by itself.

In: the kind of device. Out: nothing of the session before in the way of the next; the most memory
taken since the count was begun anew. Never: a session's state (state.py writes and reads it).
"""

import gc
import re
from contextlib import suppress
from pathlib import Path

from overnight.training import state

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
_RESET = "5"
"""Written into clear_refs it sets the peak of the resident memory to what is resident (proc(5))."""


def let_go(device: str) -> None:
    """Gives back what a session held that nobody refers to any more.

    Accelerate keeps one precision a process: the next session may have another.
    """
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    state.free_memory(device)  # what refers to itself goes first


def settle() -> None:
    """Everything that is here now stays: letting go of a session need not look through it, which
    takes 0.2 s each time with all libraries loaded."""
    gc.collect()
    gc.freeze()


def count_anew(device: str) -> bool:
    """Begins to count the most memory taken; False where the system counts only once a process."""
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
        return True
    with suppress(OSError):
        _CLEAR.write_text(_RESET)
        return _PEAK.search(_STATUS.read_text()) is not None
    return False


def peak_bytes(device: str) -> int:
    """The most memory taken since `count_anew`: of the device, or resident on a CPU."""
    if device == "cuda":
        return state.peak_bytes(device)
    with suppress(OSError):
        found = _PEAK.search(_STATUS.read_text())
        return 1024 * int(found[1]) if found else state.peak_bytes(device)
    return state.peak_bytes(device)

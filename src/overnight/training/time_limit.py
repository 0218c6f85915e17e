"""An end for what may have none: a template that comes with a model.

In: seconds and what to raise. Out: the block, or that error. Never: ends a single long call of C,
or anything outside the main thread and on Windows, where the block runs as long as it runs.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def within(seconds: float, error: Exception) -> Iterator[None]:
    """Raises `error` inside the block once it has taken so many seconds."""
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield
        return

    def late(number: int, frame: FrameType | None) -> None:
        raise error

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)

"""`overnight` and `python -m overnight`.

In: the words of the command line. Out: the exit status. Never: anything but the environment that
libraries must find before they load.
"""

import os
import sys
from contextlib import suppress
from typing import NoReturn

_QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",  # people bring private chats
    "DO_NOT_TRACK": "1",
    # Rows are tokenised before any worker is forked, and workers tokenise nothing: the threads are
    # safe, and without a word on it every fork prints a warning.
    "TOKENIZERS_PARALLELISM": "true",
    # In bf16 on a CPU every shape of a batch is compiled anew and kept. Rounded shapes
    # (planning/shapes.py) are few: 110 MB more than with 64, and 1.7 times the pace. Without
    # rounding (packing) it grew by 10 MB a step towards 1024; from 256 on the pace is the same.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "512",
    "LRU_CACHE_CAPACITY": "512",
}


def main(words: list[str] | None = None) -> int:
    """The exit status of the command (DESIGN 9); `words` default to the command line's."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    from overnight.cli.app import run

    return run(sys.argv[1:] if words is None else words)


def _leave(status: int) -> NoReturn:
    """Ends this process: at once where torch is loaded, which takes a second to be taken down, and
    with several processes may abort over it. By now everything is on the disk."""
    if "torch" not in sys.modules:
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    _leave(main())

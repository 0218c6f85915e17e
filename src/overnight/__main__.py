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
    # In bf16 on a CPU every width of a batch is compiled anew and kept: 10 MB a step with the
    # libraries' 1024 (2 M to 20 M parameters). What it costs in pace was never measured cleanly.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    "LRU_CACHE_CAPACITY": "64",
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

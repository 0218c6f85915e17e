"""Going on without anybody to speak to: a terminal that was closed, a pipe nobody reads.

In: the process's standard output and error. Out: the same, which from the first failed write on
say nothing. Never: an error for words that cannot be said; a line of the journal.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO


class Lasting:
    """A text stream that outlives whoever read it; everything but writing is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """As the stream does it; what cannot be written is dropped, and all that follows."""
        try:
            return self._stream.write(text)
        except OSError:
            self._forget()
            return len(text)

    def flush(self) -> None:
        """As the stream does it."""
        try:
            self._stream.flush()
        except OSError:
            self._forget()

    def writelines(self, lines: Any) -> None:
        """As the stream does it."""
        for line in lines:
            self.write(line)

    def _forget(self) -> None:
        """The stream's own file becomes one that takes everything, also what others write there.

        Otherwise Python would fail once more as it flushes on its way out, with its own status.
        """
        with suppress(OSError, io.UnsupportedOperation, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        if self._stream is not sys.__stderr__:
            print("overnight: nobody reads this any more; the night goes on", file=sys.stderr)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def outliving_readers() -> Iterator[None]:
    """Within the block this process prints as long as anybody reads, and goes on after that."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_lasting(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _lasting(stream: TextIO) -> Any:
    return stream if stream is None or isinstance(stream, Lasting) else Lasting(stream)

"""What every reader of files shares: a record with its place, the bad ones, text with its lines.

In: paths and what the readers found wrong. Out: `Record`, `BadRows`, text of a file. Never: what a
record means (formats.py), which reader a file gets (sources.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO

from overnight.values.errors import DataError
from overnight.values.facts import Finding

MAX_BYTES = 4 * 2**20
"""Longest row that is read: a longer one is a broken file more often than a row."""

_FOREIGN = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "compressed (gzip)"}


@dataclass(frozen=True, slots=True)
class Record:
    """One raw row and where it stands: `train.jsonl:17`."""

    value: object
    place: str


class BadRows:
    """Raises at the first bad row, or counts them where they may be skipped."""

    TOLD = 3
    """So many are remembered: a file may be full of them."""

    def __init__(self, *, skip: bool) -> None:
        self._skip = skip
        self.count = 0
        self.found: list[str] = []
        """What is wrong with the first of them."""
        self._first = ""

    def report(self, place: str, why: str) -> None:
        """Note the row at `place` as bad.

        Raises:
            DataError: bad rows may not be skipped.
        """
        if not self._skip:
            raise DataError(f"{place}: {why}; mend it, or leave such rows out: --skip-bad-rows")
        self._first = self._first or place
        self.count += 1
        if self.count <= self.TOLD:
            self.found.append(f"{place}: {why}")

    def findings(self) -> tuple[Finding, ...]:
        """None, or one that counts them and tells the first three."""
        if not self.count:
            return ()
        told = "; ".join(self.found) + " ..." * (self.count > self.TOLD)
        what = f"could not be read and are left out ({told})"
        return (Finding(kind="bad-row", count=self.count, what=what, example=self._first),)


def undecodable(text: str) -> str:
    """Why `text` cannot be UTF-8 text, or nothing."""
    if text.isascii():  # known of every string without looking at its characters
        return ""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        if 0xDC80 <= code <= 0xDCFF:
            return f"not UTF-8 (byte 0x{code - 0xDC00:02x}); save the file as UTF-8"
        return f"holds half a character (\\u{code:04x}), which no tokenizer takes"
    return ""


def check_encoding(path: Path) -> None:
    """See that a file does not begin as no text file does.

    Raises:
        DataError: the file is UTF-16 or compressed.
    """
    with path.open("rb") as file:
        _check(file.read(2), path)


def _check(raw: bytes, path: Path) -> None:
    for mark, name in _FOREIGN.items():
        if raw.startswith(mark):
            raise DataError(f"{path.name}:1: the file is {name}, not UTF-8 text; convert it first")


def decode(raw: bytes, path: Path) -> str:
    """Text of `raw`; bytes that are not UTF-8 stay visible to `undecodable`.

    Raises:
        DataError: the file is UTF-16 or compressed.
    """
    _check(raw, path)
    return raw.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def text_of(path: Path) -> str:
    """The whole file, newlines as they are."""
    return decode(path.read_bytes(), path)


def lines_of(path: Path, bad: BadRows) -> Iterator[tuple[str, str]]:
    """(place, line) of every line that is not blank and can be read, one at a time."""
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(MAX_BYTES + 1):
            number += 1
            place = f"{path.name}:{number}"
            if len(raw) > MAX_BYTES:
                while raw and not raw.endswith(b"\n"):
                    raw = file.readline(MAX_BYTES)
                bad.report(place, "line of over 4 MB; expected one row a line")
                continue
            line = decode(raw, path) if number == 1 else raw.decode("utf-8", "surrogateescape")
            if not line.strip():
                continue
            if why := undecodable(line):
                bad.report(place, why)
            else:
                yield place, line


def paragraphs(path: Path, bad: BadRows) -> Iterator[Record]:
    """Pieces of a text file between blank lines, each at its first line."""
    start, size, held = 0, 0, list[str]()
    for number, line in enumerate(chain(_split_lines(path), [""]), 1):
        if line.strip():
            start, size = (start, size + len(line)) if held else (number, len(line))
            held += [line] if size <= MAX_BYTES or not held else []
        elif held:
            text, place = "\n".join(held), f"{path.name}:{start}"
            held = []
            if why := _too_long(size) or undecodable(text):
                bad.report(place, why)
            else:
                yield Record({"text": text}, place)


def _too_long(size: int) -> str:
    return "over 4 MB without a blank line; expected one row between two" * (size > MAX_BYTES)


def _split_lines(path: Path) -> Iterator[str]:
    """Lines without their ends, one at a time, parted as `str.splitlines` parts the whole text.

    One that has no end in sight comes in pieces, each of them too long for a row.
    """
    check_encoding(path)
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        while text := file.readline(MAX_BYTES + 1):
            yield from text.splitlines() if len(text) <= MAX_BYTES else (text,)


def bounded(file: TextIO, path: Path) -> Iterator[str]:
    """Lines with their ends, none of them longer than a row may be.

    Raises:
        DataError: one is longer; what follows could not be told apart from it.
    """
    number = 0
    while line := file.readline(MAX_BYTES + 1):
        number += 1
        if len(line) > MAX_BYTES:
            raise DataError(f"{path.name}:{number}: line of over 4 MB; expected one row a line")
        yield line

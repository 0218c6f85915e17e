"""Any data that a user brings, read into rows one at a time: the one door.

In: a path or a hub name. Out: `Source`, which gives its rows as often as asked. Never: a row left
out unsaid, rows held, a file written, code from the data run.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path

import xxhash

from overnight.probe import irc
from overnight.probe.exports import Export
from overnight.probe.formats import Reader
from overnight.probe.json_records import json_records
from overnight.probe.layouts import Layout, Listener, columns_of, recognise
from overnight.probe.marks import Marks, Named, find
from overnight.probe.records import BadRows, Record, paragraphs
from overnight.probe.roles import Cast, Misfit
from overnight.probe.tables import (
    MOST_NAMES,
    csv_records,
    folder_records,
    hub_records,
    is_hub_name,
    is_saved,
    parquet_records,
)
from overnight.values.errors import DataError
from overnight.values.facts import Finding
from overnight.values.rows import Row

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".txt", ".md", ".log")


BESIDE = ("README", "LICENSE", "LICENCE", "SOURCE")
"""Files that stand beside data and are none."""
NOTHING_NAMED = Named()
HEAD = 2000
"""Records from the beginning of a file that its format is recognised by."""


class Source:
    """A file, a `save_to_disk` folder or `org/name[:config][@split][#500]` of the hub.

    Its rows come one at a time, at every iteration from the beginning again; what else is to be
    known of it, once the first iteration has come to its end. `learn` names the role that is learnt
    in place of the assistant's: it becomes the assistant, every other speaker but the system the
    user.
    """

    def __init__(
        self,
        path: str,
        *,
        learn: str | None = None,
        skip_bad_rows: bool = False,
        named: Named = NOTHING_NAMED,
    ) -> None:
        self.path = path
        self.format = ""
        """`messages`, `sharegpt`, `turns`, `alpaca`, `prompt-completion` or `text`."""
        self.count: int | None = None
        """Rows; None until all have been read."""
        self.findings: tuple[Finding, ...] = ()
        self.marks = Marks()
        """Where its rows say how they were taken and when they were written."""
        self._learn, self._skip, self._named = learn, skip_bad_rows, named

    def __iter__(self) -> Iterator[Row]:
        """Every row in its order.

        Raises:
            DataError: with file and line, what was expected and how to mend it; bad rows are
                counted as a finding instead with `skip_bad_rows`.
        """
        bad, export = BadRows(skip=self._skip), Export(self._learn)
        records = export.opened(_records(self.path, bad))
        learn = None if export.known else self._learn
        head = list(islice(records, HEAD))
        if not head:
            raise DataError(export.nothing() or _nothing(self.path, bad))
        layout = recognise(head)
        self.format = layout.format
        heard = Listener(learn, layout, head[0].place) if learn else None
        if heard and len(head) < HEAD:
            _listen(heard, head)
        self.marks = _marks(head, layout, self._named)
        marks = self.marks if self._named.read else Marks()
        reader = Reader(layout, cast=Cast(learn), bad=bad, marks=marks)
        count = 0
        for row in reader.rows(_heard(chain(_each(head), records), heard)):
            count += 1
            yield row
        if not count:
            raise DataError(_nothing(self.path, bad))
        self._ended(count, (*export.findings(), *bad.findings(), *reader.findings()))

    def _ended(self, count: int, findings: tuple[Finding, ...]) -> None:
        if self.count not in (None, count):
            raise DataError(f"{self.path}: the data changed while it was read; start again")
        self.count, self.findings = count, findings

    def some(self, indices: Iterable[int]) -> dict[int, Row]:
        """The rows at these indices, read anew."""
        wanted = set(indices)
        last = max(wanted, default=-1)
        return {n: row for n, row in enumerate(islice(self, last + 1)) if n in wanted}


def _marks(head: list[Record], layout: Layout, named: Named) -> Marks:
    rows = []
    for record in head:
        with suppress(Misfit):
            rows.append((columns_of(record), record.place))
    return find(rows, layout.prompt, named)


def _each(head: list[Record]) -> Iterator[Record]:
    """Records of the head, let go one by one."""
    head.reverse()
    while head:
        yield head.pop()


def _listen(heard: Listener, records: Iterable[Record]) -> None:
    for record in records:
        heard.hear(record)
    heard.check()


def _heard(records: Iterable[Record], heard: Listener | None) -> Iterator[Record]:
    """The records, listened to as they go by; nobody heard at their end is an error."""
    for record in records:
        if heard:
            heard.hear(record)
        yield record
    if heard:
        heard.check()


class Fingerprint:
    """Hash (xxh3_128) of what rows say and what of it is learnt, in order, wherever they lie."""

    def __init__(self) -> None:
        self._digest = xxhash.xxh3_128()

    def add(self, row: Row) -> None:
        """The next row."""
        said = [f"{row.kind}:{len(row.turns)};"]
        said += [f"{one.role}:{one.learn:d}:{len(one.text)};{one.text}" for one in row.turns]
        self._digest.update("".join(said).encode())

    def __str__(self) -> str:
        return self._digest.hexdigest()


def _records(path: str, bad: BadRows) -> Iterator[Record]:
    place = Path(os.path.expanduser(path))
    if os.path.isdir(place):  # unlike the path's own methods these take any name
        return folder_records(place) if is_saved(place) else _files(place, bad)
    if not os.path.exists(place):
        named = is_hub_name(path) and place.suffix not in SUFFIXES
        if named and not os.path.isdir(place.parent):
            return hub_records(path)
        raise DataError(_missing(place))
    return _file_records(place, bad)


def _files(folder: Path, bad: BadRows) -> Iterator[Record]:
    """Every file of a folder of files of one kind, by name: a channel's days, a server's channels.

    Raises:
        DataError: it holds none, or files of several kinds.
    """
    every = (one for one in folder.iterdir() if one.suffix.lower() in SUFFIXES)
    found = sorted(one for one in every if not one.name.upper().startswith(BESIDE))
    kinds = sorted({one.suffix.lower() for one in found})
    if len(kinds) == 1:
        return chain.from_iterable(_file_records(one, bad) for one in found)
    held = f"files of several kinds ({', '.join(kinds)})" if kinds else "none of these files"
    known = ", ".join(SUFFIXES)
    raise DataError(
        f"{folder} is a folder that `save_to_disk` did not write and holds {held}; name one file, "
        f"or a folder with files of one kind ({known})"
    )


def _file_records(path: Path, bad: BadRows) -> Iterator[Record]:
    if not path.is_file():
        raise DataError(f"{path} is no plain file, and would be waited for without end; save what "
                        "it gives as a file")  # fmt: skip
    if not os.access(path, os.R_OK):
        raise DataError(f"{path}: the file may not be read; check its permissions")
    if not path.stat().st_size:
        raise DataError(f"{path.name}:1: the file is empty; expected one row a line")
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson", ".json"):
        return json_records(path, bad)
    if suffix in (".csv", ".tsv"):
        return csv_records(path, bad)
    if suffix == ".parquet":
        return parquet_records(path)
    if suffix in (".txt", ".md", ".log"):
        return irc.records(path, bad) if irc.is_log(path) else paragraphs(path, bad)
    known = ", ".join(SUFFIXES)
    raise DataError(f"{path}: files ending in `{suffix}` are not read; expected one of {known}")


def _missing(path: Path) -> str:
    folder, there = path.parent, os.path.isdir(path.parent)
    names = sorted(item.name for item in islice(folder.iterdir(), MOST_NAMES)) if there else []
    near = get_close_matches(path.name, names, n=1, cutoff=0.8)  # the suffix alone is not near
    if near:
        return f"{path}: there is no such file; near: {folder / near[0]}"
    lacking = "" if there else f", nor a folder {folder}"
    return f"{path}: there is no such file{lacking}; give a file, a folder or org/name of the hub"


def _nothing(path: str, bad: BadRows) -> str:
    if bad.count:
        return f"{path}: none of its {bad.count} rows could be read; the first: {bad.found[0]}"
    return f"{Path(path).name}:1: the file holds no rows; expected at least one"

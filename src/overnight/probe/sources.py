"""Any data that a user brings, read into rows: the one door.

In: a path or a hub name. Out: `Read`, every row with its place. Never: a row left out unsaid, a
file written, code from the data run.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import xxhash

from overnight.probe.formats import check_learn, recognise, rows_of
from overnight.probe.json_records import json_records
from overnight.probe.records import BadRows, Record, paragraphs
from overnight.probe.roles import Cast
from overnight.probe.tables import (
    csv_records,
    folder_records,
    hub_records,
    is_hub_name,
    parquet_records,
)
from overnight.values.errors import DataError
from overnight.values.facts import Finding
from overnight.values.rows import Row

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".txt", ".md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What one source of data holds."""

    path: str
    rows: tuple[Row, ...]
    format: str
    """`messages`, `sharegpt`, `turns`, `alpaca`, `prompt-completion` or `text`."""
    findings: tuple[Finding, ...]
    fingerprint: str
    """xxh3_128 of the rows' content in order, wherever they lie."""


def read(path: str, *, learn: str | None = None, skip_bad_rows: bool = False) -> Read:
    """Read a file, a `save_to_disk` folder or `org/name[:config][@split][#500]` of the hub.

    `learn` names the role that is learnt in place of the assistant's: it becomes the assistant,
    every other speaker but the system the user.

    Raises:
        DataError: with file and line, what was expected and how to mend it; bad rows are counted
            as a finding instead with `skip_bad_rows`.
    """
    bad = BadRows(skip=skip_bad_rows)
    records = list(_records(path, bad))
    if not records:
        raise DataError(_nothing(path, bad))
    layout = recognise(records)
    if learn is not None:
        check_learn(learn, records, layout)
    rows, notes = rows_of(records, layout, cast=Cast(learn), bad=bad)
    if not rows:
        raise DataError(_nothing(path, bad))
    return Read(
        path=path,
        rows=tuple(rows),
        format=layout.format,
        findings=(*bad.findings(), *notes),
        fingerprint=fingerprint(rows),
    )


def fingerprint(rows: Iterable[Row]) -> str:
    """Hash of what the rows say and what of it is learnt, in order; their places do not count."""
    digest = xxhash.xxh3_128()
    for row in rows:
        digest.update(f"{row.kind}:{len(row.turns)};".encode())
        for turn in row.turns:
            digest.update(f"{turn.role}:{turn.learn:d}:{len(turn.text)};{turn.text}".encode())
    return digest.hexdigest()


def _records(path: str, bad: BadRows) -> Iterator[Record]:
    place = Path(path).expanduser()
    if place.is_dir():
        return folder_records(place)
    if not place.exists():
        if is_hub_name(path) and place.suffix not in SUFFIXES and not place.parent.is_dir():
            return hub_records(path)
        raise DataError(_missing(place))
    return _file_records(place, bad)


def _file_records(path: Path, bad: BadRows) -> Iterator[Record]:
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
    if suffix in (".txt", ".md"):
        return paragraphs(path, bad)
    known = ", ".join(SUFFIXES)
    raise DataError(f"{path}: files ending in `{suffix}` are not read; expected one of {known}")


def _missing(path: Path) -> str:
    folder = path.parent
    names = sorted(item.name for item in folder.iterdir()) if folder.is_dir() else []
    near = get_close_matches(path.name, names, n=1, cutoff=0.8)  # the suffix alone is not near
    if near:
        return f"{path}: there is no such file; near: {folder / near[0]}"
    lacking = "" if folder.is_dir() else f", nor a folder {folder}"
    return f"{path}: there is no such file{lacking}; give a file, a folder or org/name of the hub"


def _nothing(path: str, bad: BadRows) -> str:
    if bad.found:
        count = len(bad.found)
        return f"{path}: none of its {count} rows could be read; the first: {bad.found[0]}"
    return f"{Path(path).name}:1: the file holds no rows; expected at least one"

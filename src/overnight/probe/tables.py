"""Records of tables: CSV and TSV, Parquet, folders of `save_to_disk`, data sets of the hub.

In: a path or a hub name. Out: records of column name -> value, each at its line or row number.
Never: code that came with the data, images decoded.
"""

import csv
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from overnight.probe import row_groups
from overnight.probe.records import (
    MAX_BYTES,
    BadRows,
    Record,
    bounded,
    check_encoding,
    undecodable,
)
from overnight.values.errors import DataError, first_line

MOST_NAMES = 1000
"""Of a folder that are looked at for a hint: it may hold millions."""
_HUB = re.compile(
    r"(?P<name>\w[\w.-]*/\w[\w.-]*)(?::(?P<config>[\w.-]+))?(?:@(?P<split>[\w.-]+))?(?:#(?P<count>\d+))?"
)


def csv_records(path: Path, bad: BadRows) -> Iterator[Record]:
    """Rows of a CSV or TSV file with a header; comma, semicolon or tab, whichever the header has.

    Raises:
        DataError: two columns share a name.
    """
    check_encoding(path)
    limit = csv.field_size_limit(MAX_BYTES)
    try:
        # utf-8-sig leaves a byte order mark out; bytes that are not UTF-8 stay to be named.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield from _csv_rows(file, path, bad)
    finally:
        csv.field_size_limit(limit)


def _csv_rows(file: TextIO, path: Path, bad: BadRows) -> Iterator[Record]:
    heading = file.readline(MAX_BYTES)
    delimiter = "\t" if path.suffix == ".tsv" else max(",;\t", key=heading.count)
    file.seek(0)
    reader = csv.reader(bounded(file, path), delimiter=delimiter, strict=True)
    columns = [name.strip() for name in next(reader, [])]
    if len(set(columns)) < len(columns):
        raise DataError(f"{path.name}:1: two columns have the same name ({', '.join(columns)})")
    while True:
        place = f"{path.name}:{reader.line_num + 1}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            bad.report(place, f"not CSV ({error})")
            continue
        if why := _wrong_cells(cells, columns):
            bad.report(place, why)
        elif cells:
            yield Record(dict(zip(columns, cells, strict=True)), place)


def _wrong_cells(cells: list[str], columns: list[str]) -> str:
    if cells and len(cells) != len(columns):
        return f"{len(cells)} fields where the header has {len(columns)}"
    return next(filter(None, map(undecodable, cells)), "")


def parquet_records(path: Path) -> Iterator[Record]:
    """Rows of a Parquet file, numbered from 1.

    Raises:
        DataError: the file is not Parquet, or is torn.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            values = (row for batch in _batches(path, file) for row in batch.to_pylist())
            for number, value in enumerate(values, 1):
                yield Record(value, f"{path.name}:{number}")
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path.name}: not a whole Parquet file ({first_line(error)})") from None


def _batches(path: Path, file: Any) -> Iterator[Any]:
    for group, rows in row_groups.batches(path, file):
        yield from file.iter_batches(rows, row_groups=[group])


def is_saved(path: Path) -> bool:
    """Whether `datasets.save_to_disk` wrote this folder."""
    return any((path / name).is_file() for name in ("state.json", "dataset_dict.json"))


def folder_records(path: Path) -> Iterator[Record]:
    """Rows of a folder that `datasets.save_to_disk` wrote; of its `train` split if it has several.

    Raises:
        DataError: the folder is not whole, or has no clear split.
    """
    from datasets import load_from_disk

    try:
        loaded = load_from_disk(str(path))
    except Exception as error:
        raise DataError(
            f"{path}: not a whole `save_to_disk` folder ({first_line(error)})"
        ) from None
    return _dataset_rows(_one_split(loaded, str(path)), path.name)


def is_hub_name(name: str) -> bool:
    """Whether `name` is written like `org/name[:config][@split][#500]`."""
    return _HUB.fullmatch(name) is not None


def hub_records(name: str) -> Iterator[Record]:
    """Rows of a data set of the hub; split `train` unless named, the first N with `#N`.

    Raises:
        DataError: it cannot be had.
    """
    from datasets import load_dataset

    # Each of its five tries is a line of its own, and a retry another.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    found = _HUB.fullmatch(name)
    parts = found.groupdict() if found else {"name": name}
    split = parts.get("split") or "train"
    split += f"[:{parts['count']}]" if parts.get("count") else ""
    try:
        loaded = load_dataset(parts["name"], parts.get("config"), split=split)
    except Exception as error:
        raise DataError(
            f"{name}: there is no such file here, and the hub did not give it ({first_line(error)})"
        ) from None
    return _dataset_rows(loaded, name)


def _one_split(loaded: Any, name: str) -> Any:
    if not isinstance(loaded, dict):
        return loaded
    if "train" in loaded or len(loaded) == 1:
        return loaded["train"] if "train" in loaded else next(iter(loaded.values()))
    raise DataError(f"{name} holds the splits {', '.join(loaded)}; name the folder of one of them")


def _dataset_rows(dataset: Any, name: str) -> Iterator[Record]:
    number = 0
    for table in dataset.with_format("arrow").iter(batch_size=1000):
        for value in table.to_pylist():
            number += 1
            yield Record(value, f"{name}:{number}")

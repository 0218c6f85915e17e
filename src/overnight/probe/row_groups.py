"""How many rows of a Parquet file may be read at once, so that memory holds them.

In: an open Parquet file. Out: for each of its groups of rows, a count; or one line about a text
that no row can be. Never: a column unpacked: a few kilobytes can stand for gigabytes there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overnight.probe.records import MAX_BYTES
from overnight.values.errors import DataError

AT_ONCE = 2**28
"""Bytes that the rows read at once may take when they are unpacked."""
MOST_ROWS = 1000


def batches(path: Path, file: Any) -> Iterator[tuple[int, int]]:
    """(group, rows to read at once) of every group of rows.

    Raises:
        DataError: a text in it is longer than a row may be.
    """
    for group in range(file.metadata.num_row_groups):
        about = file.metadata.row_group(group)
        mean = about.total_byte_size // max(about.num_rows, 1)
        longest = max((_longest(path, about.column(at), group)
                       for at in range(about.num_columns)), default=0)  # fmt: skip
        if max(mean, longest) > MAX_BYTES:
            raise DataError(f"{path.name}: a text of over 4 MB in its group of rows {group + 1}; "
                            "expected rows as conversations are")  # fmt: skip
        yield group, max(1, min(MOST_ROWS, AT_ONCE // max(mean, longest, 1)))


def _longest(path: Path, column: Any, group: int) -> int:
    """Bytes of the longest text that a column repeats: it is written once and unpacked each time.

    A column that is small as a whole holds no long one.
    """
    small = column.total_uncompressed_size <= MAX_BYTES
    if small or not column.has_dictionary_page or column.physical_type != "BYTE_ARRAY":
        return 0
    from pyarrow import parquet

    name = column.path_in_schema
    with parquet.ParquetFile(path, read_dictionary=[name]) as file:
        first = next(file.iter_batches(1, row_groups=[group], columns=[name]), None)
    return max((_in(one) for one in first.columns), default=0) if first is not None else 0


def _in(array: Any) -> int:
    """Bytes of the longest text in the dictionaries of an array, however deep they lie."""
    import pyarrow as pa
    from pyarrow import compute

    if pa.types.is_dictionary(array.type):
        return compute.max(compute.binary_length(array.dictionary)).as_py() or 0
    if pa.types.is_struct(array.type):
        return max(map(_in, array.flatten()), default=0)
    return _in(array.values) if hasattr(array, "values") else 0

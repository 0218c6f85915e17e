"""A Parquet file says much with little: how many rows are unpacked at once."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from overnight.probe import row_groups
from overnight.values.errors import DataError

MEGA = 2**20


def written(path: Path, values: object, **options: object) -> list[tuple[int, int]]:
    parquet.write_table(pa.table({"a": values}), path, compression="zstd", **options)
    with parquet.ParquetFile(path) as file:
        return list(row_groups.batches(path, file))


def repeated(text: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), [text])


def test_rows_as_they_are_usual_are_read_by_the_thousand(tmp_path: Path):
    texts = [f"row {n}" for n in range(5_000)]
    assert written(tmp_path / "a", texts, row_group_size=2_000) == [(0, 1000), (1, 1000), (2, 1000)]


def test_of_long_rows_fewer_are_read_at_once(tmp_path: Path):
    texts = [f"{n}" * MEGA for n in range(9)]
    ((_, rows),) = written(tmp_path / "a", texts, use_dictionary=False)
    assert 1 < rows <= row_groups.AT_ONCE // MEGA


def test_of_long_rows_that_are_said_once_fewer_are_read_at_once(tmp_path: Path):
    long = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 2] * 500, pa.int32()), [f"{n}" * 2 * MEGA for n in range(3)]
    )
    ((_, rows),) = written(tmp_path / "a", long, dictionary_pagesize_limit=2**30)
    assert rows == row_groups.AT_ONCE // (2 * MEGA)
    assert (tmp_path / "a").stat().st_size < MEGA


@pytest.mark.parametrize("nested", [False, True])
def test_a_text_that_no_row_can_be_is_refused_before_it_is_unpacked(tmp_path: Path, nested: bool):
    texts = repeated("x" * 8 * MEGA, 4_000)
    inside = pa.StructArray.from_arrays([texts], ["content"])
    chats = pa.ListArray.from_arrays(list(range(4_001)), inside)
    with pytest.raises(DataError, match="a: a text of over 4 MB in its group of rows 1"):
        written(tmp_path / "a", chats if nested else texts, dictionary_pagesize_limit=2**30)


def test_a_file_without_rows_has_nothing_to_read(tmp_path: Path):
    assert written(tmp_path / "a", pa.array([], pa.string())) in ([], [(0, 1000)])

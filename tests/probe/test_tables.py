"""CSV, Parquet and saved data sets, whole and torn."""

import pyarrow as pa
import pytest
from pyarrow import parquet

from overnight.probe.records import BadRows
from overnight.probe.tables import (
    csv_records,
    folder_records,
    hub_records,
    is_hub_name,
    is_saved,
    parquet_records,
)
from overnight.values.errors import DataError

ROWS = [{"question": "a", "answer": "b"}, {"question": "c", "answer": "d\nd"}]


def table(tmp_path, text, *, name="a.csv", skip=False):
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8-sig"))
    return [(r.place, r.value) for r in csv_records(path, BadRows(skip=skip))]


@pytest.mark.parametrize(("sign", "name"), [(",", "a.csv"), (";", "a.csv"), ("\t", "a.tsv")])
def test_cells_are_parted_by_what_the_header_has(tmp_path, sign, name):
    text = f'question{sign}answer\r\na{sign}b\r\nc{sign}"d\nd"\r\n'
    assert table(tmp_path, text, name=name) == [(f"{name}:2", ROWS[0]), (f"{name}:3", ROWS[1])]


def test_a_row_with_too_few_cells_is_named_with_its_line(tmp_path):
    with pytest.raises(DataError, match=r"a.csv:3: 1 fields where the header has 2"):
        table(tmp_path, "question,answer\na,b\nc\n")


def test_a_quote_that_is_never_closed_is_named_where_the_row_begins(tmp_path):
    with pytest.raises(DataError, match=r"a.csv:2: not CSV"):
        table(tmp_path, 'question,answer\n"a,b\n')


def test_bad_rows_of_a_table_can_be_skipped(tmp_path):
    rows = table(tmp_path, 'question,answer\nc\n\na,b\n"x" y,z\n', skip=True)
    assert rows == [("a.csv:4", ROWS[0])]


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(DataError, match="same name"):
        table(tmp_path, "a,a\n1,2\n")


def test_a_long_cell_is_read(tmp_path):
    assert len(table(tmp_path, "text\n" + "x" * 200_000)[0][1]["text"]) == 200_000


def test_parquet_rows_are_numbered(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.Table.from_pylist(ROWS), path)
    found = [(r.place, r.value) for r in parquet_records(path)]
    assert found == [("a.parquet:1", ROWS[0]), ("a.parquet:2", ROWS[1])]


def test_a_torn_parquet_file_is_named(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.Table.from_pylist(ROWS), path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"a.parquet: not a whole Parquet file"):
        list(parquet_records(path))


def test_a_saved_data_set_is_read_in_its_selected_order(tmp_path):
    from datasets import Dataset

    Dataset.from_list(ROWS).select([1, 0]).save_to_disk(str(tmp_path / "kept"))
    found = [(r.place, r.value) for r in folder_records(tmp_path / "kept")]
    assert found == [("kept:1", ROWS[1]), ("kept:2", ROWS[0])]


def test_of_several_splits_train_is_read_and_without_it_one_must_be_named(tmp_path):
    from datasets import Dataset, DatasetDict

    one, two = Dataset.from_list(ROWS[:1]), Dataset.from_list(ROWS[1:])
    DatasetDict({"test": one, "train": two}).save_to_disk(str(tmp_path / "a"))
    assert [r.value for r in folder_records(tmp_path / "a")] == ROWS[1:]
    DatasetDict({"x": one, "y": two}).save_to_disk(str(tmp_path / "b"))
    with pytest.raises(DataError, match="splits x, y"):
        list(folder_records(tmp_path / "b"))


def test_a_folder_is_a_saved_one_by_what_save_to_disk_leaves_in_it(tmp_path):
    (tmp_path / "one.jsonl").write_text("{}", encoding="utf-8")
    assert not is_saved(tmp_path)
    (tmp_path / "state.json").write_text("{}", encoding="utf-8")
    assert is_saved(tmp_path)


def test_a_torn_saved_data_set_is_named(tmp_path):
    (tmp_path / "state.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="not a whole"):
        folder_records(tmp_path)


def test_hub_names_may_carry_configuration_split_and_count():
    names = ["org/name", "org/na.me:main", "org/name@test", "org/name:main@train#500"]
    assert all(map(is_hub_name, names))
    assert not any(map(is_hub_name, ["name", "a/b/c", "/a/b", "org/name#x", "./a"]))


def test_the_hub_is_asked_for_what_the_name_says_and_rows_are_numbered(monkeypatch):
    import datasets

    asked = []

    def give(name, config, *, split):
        asked.append((name, config, split))
        return datasets.Dataset.from_list(ROWS)

    monkeypatch.setattr(datasets, "load_dataset", give)
    assert [r.place for r in hub_records("o/n:main@test#2")][1] == "o/n:main@test#2:2"
    list(hub_records("o/n"))
    assert asked == [("o/n", "main", "test[:2]"), ("o/n", None, "train")]


def test_a_hub_that_does_not_answer_is_said_in_one_line(monkeypatch):
    import datasets

    def fail(*_, **__):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(DataError, match=r"o/n: .* \(no route\)$"):
        hub_records("o/n")

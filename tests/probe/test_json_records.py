"""JSON in every shape that people save it in, and what is said where it is broken."""

import json

import pytest

from overnight.probe.json_records import json_records
from overnight.probe.records import BadRows
from overnight.values.errors import DataError

ROWS = [{"a": 1}, {"a": 2}]


def found(tmp_path, text, *, name="a.json", skip=False):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return [(r.place, r.value) for r in json_records(path, BadRows(skip=skip))]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_rows_one_a_line_are_read_whatever_the_file_is_called(tmp_path, name):
    text = '{"a": 1}\n\n{"a": 2}\n'
    assert found(tmp_path, text, name=name) == [(f"{name}:1", ROWS[0]), (f"{name}:3", ROWS[1])]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_an_array_is_read_whatever_the_file_is_called(tmp_path, name):
    text = json.dumps(ROWS, indent=1)
    assert found(tmp_path, text, name=name) == [(f"{name}:2", ROWS[0]), (f"{name}:5", ROWS[1])]
    assert [value for _, value in found(tmp_path, json.dumps(ROWS), name=name)] == ROWS


def test_an_object_with_one_array_gives_its_rows_at_their_lines(tmp_path):
    text = json.dumps({"version": [1][0], "note": {"data": 3}, "data": ROWS}, indent=1)
    places = [place for place, _ in found(tmp_path, text)]
    assert places == ["a.json:7", "a.json:10"]


def test_an_object_with_several_arrays_is_refused_with_their_names(tmp_path):
    with pytest.raises(DataError, match=r"several arrays \(`train`, `test`\)"):
        found(tmp_path, json.dumps({"train": ROWS, "test": ROWS}))


def test_an_object_that_is_itself_a_conversation_is_one_row(tmp_path):
    row = {"messages": [{"role": "user", "content": "a"}]}
    assert found(tmp_path, json.dumps(row, indent=2)) == [("a.json:1", row)]
    assert found(tmp_path, json.dumps(row), name="a.jsonl") == [("a.jsonl:1", row)]


def test_a_row_that_is_an_array_on_each_line_is_not_taken_for_the_file(tmp_path):
    assert len(found(tmp_path, "[1]\n[2]\n", name="a.jsonl")) == 2


def test_a_broken_line_is_named_with_its_column(tmp_path):
    with pytest.raises(DataError, match=r"a.jsonl:2: not JSON \(.* at column \d+\).*--skip-bad"):
        found(tmp_path, '{"a": 1}\n{"a": \n{"a": 2}\n', name="a.jsonl")


def test_broken_lines_can_be_skipped(tmp_path):
    rows = found(tmp_path, '{"a": 1\n{"a": 2}\n', name="a.jsonl", skip=True)
    assert rows == [("a.jsonl:2", {"a": 2})]


@pytest.mark.parametrize("text", ['[{"a": 1},\n{"a": }]', '[{"a": 1}\n{"a": 2}]', '[{"a": 1},\n'])
def test_a_broken_array_is_named_at_its_line(tmp_path, text):
    with pytest.raises(DataError, match=r"a.json:[23]: not JSON"):
        found(tmp_path, text)


@pytest.mark.parametrize("depth", [65, 100_000])
def test_nesting_past_64_levels_is_refused(tmp_path, depth):
    row = '{"a": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"
    with pytest.raises(DataError, match=r"a.jsonl:1: nested deeper than 64"):
        found(tmp_path, row, name="a.jsonl")
    with pytest.raises(DataError, match=r"a.json:1: nested deeper than 64"):
        found(tmp_path, f"[{row}]")


def test_64_levels_and_brackets_in_text_are_fine(tmp_path):
    deep = {"a": "[" * 500, "b": json.loads("[" * 63 + "]" * 63)}
    assert found(tmp_path, json.dumps([deep])) == [("a.json:1", deep)]


def test_half_a_character_in_an_escape_is_left_to_the_format(tmp_path):
    assert found(tmp_path, '["\\ud83e"]') == [("a.json:1", "\ud83e")]


def test_an_element_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'[{"a": "x"},\n{"a": "\xe9"}]')
    with pytest.raises(DataError, match=r"a.json:2: not UTF-8"):
        list(json_records(path, BadRows(skip=False)))


def test_a_json_file_that_holds_neither_rows_nor_an_object_is_named(tmp_path):
    with pytest.raises(DataError, match=r"a.json:1: not JSON"):
        found(tmp_path, "once upon a time")

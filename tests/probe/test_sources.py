"""The one door: real files read whole, wrong ones named."""

import json
import os

import pytest

from overnight.probe.sources import fingerprint, read
from overnight.values.errors import DataError
from overnight.values.rows import Row, Turn


def write(path, *rows):
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("name", "rows", "shape"),
    [
        ("gsm8k/train.jsonl", 7473, "prompt-completion"),
        ("self_dialogue/self_dialogue_4000.jsonl", 4000, "turns"),
        ("smilechat_8000/smilechat_2000.jsonl", 2000, "messages"),
        ("fastchat_sharegpt/dummy_conversation.json", 500, "sharegpt"),
        ("llamafactory_demo/alpaca_en_demo.json", 999, "alpaca"),
        ("llamafactory_demo/glaive_toolcall_en_demo.json", 300, "sharegpt"),
        ("llamafactory_demo/v1_sft_demo.jsonl", 500, "messages"),
        ("llamafactory_demo/reason_tool_use_demo_50.jsonl", 50, "messages"),
    ],
)
def test_real_files_are_read_whole_with_something_learnt_in_nearly_every_row(
    shared_data, name, rows, shape
):
    held = read(str(shared_data / name))
    assert (len(held.rows), held.format) == (rows, shape)
    assert sum(bool(row.learnt) for row in held.rows) > 0.98 * rows


def test_real_files_that_are_not_conversations_are_refused_in_one_line(shared_data):
    for name in ("llamafactory_demo/mllm_demo.json", "fastchat_sharegpt/gpt-4.jsonl",
                 "openassistant_sample/en_100_message.jsonl"):  # fmt: skip
        with pytest.raises(DataError, match=r"^[\w.-]+:\d+: [^\n]+$"):
            read(str(shared_data / name))


def test_rows_know_where_they_stand(tmp_path):
    path = write(tmp_path / "a.jsonl", {"question": "q", "answer": "a"})
    assert read(path).rows[0].source == "a.jsonl:1"


def test_csv_text_and_json_lines_of_the_same_rows_have_one_fingerprint(tmp_path):
    lines = write(tmp_path / "a.jsonl", {"question": "q", "answer": "a"})
    (tmp_path / "b.csv").write_text("question,answer\nq,a\n", encoding="utf-8")
    assert read(lines).fingerprint == read(str(tmp_path / "b.csv")).fingerprint


def test_order_roles_words_and_what_is_learnt_change_the_fingerprint():
    def row(text, role="user", learn=False):
        return Row(turns=(Turn(role=role, text=text, learn=learn),))

    kinds = [[row("a"), row("b")], [row("b"), row("a")], [row("ab")], [row("a", "tool"), row("b")],
             [row("a", learn=True), row("b")]]  # fmt: skip
    assert len({fingerprint(rows) for rows in kinds}) == len(kinds)


def test_skipped_rows_are_counted(tmp_path):
    path = write(tmp_path / "a.jsonl", {"question": "q", "answer": "a"}, {"question": "q"}, 3)
    held = read(path, skip_bad_rows=True)
    assert len(held.rows) == 1
    assert [(f.kind, f.count, f.example) for f in held.findings] == [("bad-row", 2, "a.jsonl:2")]


def test_a_file_of_nothing_but_bad_rows_is_an_error_even_when_they_may_be_skipped(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("{\n{\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"none of its 2 rows .* a.jsonl:1: not JSON"):
        read(str(path), skip_bad_rows=True)


def test_another_role_can_be_learnt(tmp_path):
    said = [{"role": "Ann", "content": "q"}, {"role": "Bob", "content": "a"}]
    path = write(tmp_path / "a.jsonl", {"messages": said})
    assert read(path, learn="Ann").rows[0].learnt == "q"
    with pytest.raises(DataError, match="roles found: Ann, Bob"):
        read(path, learn="Cid")


@pytest.mark.parametrize("text", ["", "\n \n", "[]"])
def test_a_file_without_rows_is_named(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"a.json:1: the file (is empty|holds no rows)"):
        read(str(path))


def test_a_missing_file_is_named_with_what_is_near(tmp_path):
    write(tmp_path / "train.jsonl", {})
    with pytest.raises(DataError, match=r"trian.jsonl: there is no such file; near: .*train.jsonl"):
        read(str(tmp_path / "trian.jsonl"))
    with pytest.raises(DataError, match="nor a folder"):
        read(str(tmp_path / "nowhere" / "a.jsonl"))


def test_a_file_of_another_kind_is_refused_with_those_that_are_read(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"`.xlsx` are not read; expected one of .jsonl"):
        read(str(tmp_path / "a.xlsx"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_that_may_not_be_read_is_said_so(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("{}", encoding="utf-8")
    path.chmod(0)
    with pytest.raises(DataError, match="permissions"):
        read(str(path))

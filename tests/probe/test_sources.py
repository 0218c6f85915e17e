"""The one door: real files read whole, wrong ones named."""

import json
import os

import pytest

from overnight.probe.marks import Named
from overnight.probe.sources import HEAD, Fingerprint, Source
from overnight.values.errors import DataError
from overnight.values.rows import Row, Turn


def read(path, **how):
    """A source that has been read to its end, and its rows."""
    source = Source(path, **how)
    return source, list(source)


def fingerprint(rows):
    taken = Fingerprint()
    for row in rows:
        taken.add(row)
    return str(taken)


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
    source, held = read(str(shared_data / name))
    assert (len(held), source.count, source.format) == (rows, rows, shape)
    assert sum(bool(row.learnt) for row in held) > 0.98 * rows


def test_real_files_that_are_not_conversations_are_refused_in_one_line(shared_data):
    for name in ("llamafactory_demo/mllm_demo.json", "fastchat_sharegpt/gpt-4.jsonl"):
        with pytest.raises(DataError, match=r"^[\w.-]+:\d+: [^\n]+$"):
            read(str(shared_data / name))


def test_rows_know_where_they_stand(tmp_path):
    path = write(tmp_path / "a.jsonl", {"question": "q", "answer": "a"})
    assert read(path)[1][0].source == "a.jsonl:1"


def test_csv_text_and_json_lines_of_the_same_rows_have_one_fingerprint(tmp_path):
    lines = write(tmp_path / "a.jsonl", {"question": "q", "answer": "a"})
    (tmp_path / "b.csv").write_text("question,answer\nq,a\n", encoding="utf-8")
    one, other = (fingerprint(Source(path)) for path in (lines, str(tmp_path / "b.csv")))
    assert one == other


def test_order_roles_words_and_what_is_learnt_change_the_fingerprint():
    def row(text, role="user", learn=False):
        return Row(turns=(Turn(role=role, text=text, learn=learn),))

    kinds = [[row("a"), row("b")], [row("b"), row("a")], [row("ab")], [row("a", "tool"), row("b")],
             [row("a", learn=True), row("b")]]  # fmt: skip
    assert len({fingerprint(rows) for rows in kinds}) == len(kinds)


def test_skipped_rows_are_counted(tmp_path):
    path = write(tmp_path / "a.jsonl", {"question": "q", "answer": "a"}, {"question": "q"}, 3)
    source, held = read(path, skip_bad_rows=True)
    assert len(held) == 1
    assert [(f.kind, f.count, f.example) for f in source.findings] == [("bad-row", 2, "a.jsonl:2")]


def test_a_file_of_nothing_but_bad_rows_is_an_error_even_when_they_may_be_skipped(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("{\n{\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"none of its 2 rows .* a.jsonl:1: not JSON"):
        read(str(path), skip_bad_rows=True)


def test_another_role_can_be_learnt(tmp_path):
    said = [{"role": "Ann", "content": "q"}, {"role": "Bob", "content": "a"}]
    path = write(tmp_path / "a.jsonl", {"messages": said})
    assert read(path, learn="Ann")[1][0].learnt == "q"
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


def asks(count):
    return [{"question": f"q{n}", "answer": "a"} for n in range(count)]


def test_rows_are_read_as_often_as_asked_and_some_of_them_alone(tmp_path):
    source = Source(write(tmp_path / "a.jsonl", *asks(5)))
    assert list(source) == list(source)
    some = source.some([3, 1])
    assert {n: row.turns[0].text for n, row in some.items()} == {1: "q1", 3: "q3"}


def test_no_row_is_read_before_it_is_asked_for(tmp_path):
    path = tmp_path / "a.jsonl"
    write(path, *asks(HEAD + 1))
    path.write_text(path.read_text() + "\n{", encoding="utf-8")
    rows = iter(Source(str(path)))
    assert [next(rows).turns[0].text for _ in range(2)] == ["q0", "q1"]
    with pytest.raises(DataError, match=f"a.jsonl:{HEAD + 2}: not JSON"):
        list(rows)


def test_a_row_of_another_format_far_behind_the_head_is_named(tmp_path):
    path = write(tmp_path / "a.jsonl", *asks(HEAD + 9), {"text": "t"})
    with pytest.raises(DataError, match=rf"a.jsonl:{HEAD + 10}: no column `question`"):
        list(Source(path))


def test_a_role_that_speaks_only_far_behind_the_head_is_heard(tmp_path):
    said = [{"messages": [{"role": "user", "content": f"{n}"}]} for n in range(HEAD + 5)]
    late = {"messages": [{"role": "Cid", "content": "a"}]}
    path = write(tmp_path / "a.jsonl", *said, late)
    assert read(path, learn="Cid")[1][-1].learnt == "a"
    with pytest.raises(DataError, match=r"a.jsonl:1: nobody speaks as `Dan`; .* user, Cid"):
        list(Source(path, learn="Dan"))


def test_data_that_changes_between_two_readings_is_refused(tmp_path):
    path = write(tmp_path / "a.jsonl", *asks(3))
    source, _ = read(path)
    write(tmp_path / "a.jsonl", *asks(4))
    with pytest.raises(DataError, match="changed while it was read"):
        list(source)


def test_rows_of_every_table_keep_their_engagement_and_their_time(tmp_path):
    import pyarrow
    from pyarrow import parquet

    when = 1_714_564_800.0  # 1 May 2024, noon UTC
    rows = [{"prompt": "q", "completion": "a", "likes": n, "created_at": "2024-05-01T12:00:00Z"}
            for n in range(3)]  # fmt: skip
    write(tmp_path / "a.jsonl", *rows)
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    (tmp_path / "b.csv").write_text("\n".join(lines), encoding="utf-8")
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "c.parquet")
    for name in ("a.jsonl", "b.csv", "c.parquet"):
        held = read(str(tmp_path / name))[1]
        assert [(row.engagement, row.time) for row in held] == [(n, when) for n in range(3)]


def test_a_channels_log_is_dated_by_its_name_and_its_clock(shared_data):
    logs = sorted((shared_data / "ubuntu_irc/train").glob("2004-12-25*"))
    source, held = read(str(logs[0]))
    assert source.marks.time
    told = next(row for row in held if row.source == f"{logs[0].name}:1")
    assert 0 <= told.time - 1_103_966_040.0 < 7200  # its end, soon after 09:14 UTC


def test_a_sample_that_needs_what_a_real_file_lacks_is_refused(shared_data):
    with pytest.raises(DataError, match="found: `question`, `answer`; name it with --engagement"):
        read(str(shared_data / "gsm8k/train.jsonl"), named=Named(needed=("engagement",)))


def test_engagement_and_time_are_no_part_of_the_fingerprint(tmp_path):
    plain = write(tmp_path / "a.jsonl", {"question": "q", "answer": "a"})
    liked = write(tmp_path / "b.jsonl", {"question": "q", "answer": "a", "likes": 3})
    assert fingerprint(Source(plain)) == fingerprint(Source(liked))

"""Lines, paragraphs and bad rows, each at its place."""

import pytest

from overnight.probe.records import BadRows, lines_of, paragraphs, text_of, undecodable
from overnight.values.errors import DataError


def test_lines_keep_their_numbers_past_blank_ones_and_lose_the_byte_order_mark(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbfone\n\n  \ntwo\n")
    lines = list(lines_of(path, BadRows(skip=False)))
    assert lines == [("a.jsonl:1", "one\n"), ("a.jsonl:4", "two\n")]


def test_a_byte_that_is_not_utf8_is_named_with_its_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"fine\ncaf\xe9\n")
    with pytest.raises(DataError, match=r"a.txt:2: not UTF-8 \(byte 0xe9\)"):
        list(lines_of(path, BadRows(skip=False)))


@pytest.mark.parametrize(
    ("start", "name"), [("hi".encode("utf-16"), "UTF-16"), (b"\x1f\x8b", "gzip")]
)
def test_other_encodings_are_named_outright(tmp_path, start, name):
    path = tmp_path / "a.txt"
    path.write_bytes(start)
    with pytest.raises(DataError, match=name):
        text_of(path)


def test_a_line_of_over_4_mb_is_passed_over_whole(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("x" * 9_000_000 + "\nnext\n", encoding="utf-8")
    bad = BadRows(skip=True)
    assert list(lines_of(path, bad)) == [("a.jsonl:2", "next\n")]
    assert bad.found == ["a.jsonl:1: line of over 4 MB; expected one row a line"]


def test_paragraphs_stand_at_their_first_line(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("\n# One\ntwo\n\n\nthree\n", encoding="utf-8")
    found = [(r.place, r.value) for r in paragraphs(path, BadRows(skip=False))]
    assert found == [("a.md:2", {"text": "# One\ntwo"}), ("a.md:6", {"text": "three"})]


def test_a_paragraph_that_is_not_utf8_can_be_skipped(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"good\n\nb\xe9d\n")
    bad = BadRows(skip=True)
    assert [r.place for r in paragraphs(path, bad)] == ["a.txt:1"]
    assert bad.found[0].startswith("a.txt:3: not UTF-8")


def test_half_a_character_is_no_text():
    assert "half a character (\\ud83e)" in undecodable("fox \ud83e")
    assert undecodable("fox 🦊") == ""


def test_skipped_rows_are_one_finding_with_the_first_place():
    bad = BadRows(skip=True)
    for line in range(4, 9):
        bad.report(f"a:{line}", "torn")
    (finding,) = bad.findings()
    assert (finding.kind, finding.count, finding.example) == ("bad-row", 5, "a:4")
    assert "a:6: torn ..." in finding.what
    assert BadRows(skip=True).findings() == ()


def test_lines_of_text_are_those_that_python_parts_a_whole_text_into(tmp_path):
    text = "one\x0btwo\r\n\u2028three\r\rfour\x85\n\n five\x1c\nsix"
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode("utf-8-sig"))
    lines, found = (
        text.splitlines(),
        [r.value["text"] for r in paragraphs(path, BadRows(skip=True))],
    )
    assert "\n".join(found).split("\n") == [line for line in lines if line.strip()]


def test_of_many_bad_rows_the_first_three_are_kept():
    bad = BadRows(skip=True)
    for line in range(1000):
        bad.report(f"a:{line}", "torn")
    assert (bad.count, len(bad.found)) == (1000, 3)

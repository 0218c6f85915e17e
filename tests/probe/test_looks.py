"""What looks wrong is counted; what looks well is left alone."""

from overnight.probe.looks import Looks
from overnight.values.rows import Row, Turn


def talk(asked, answer):
    return (
        Turn(role="user", text=asked, learn=False),
        Turn(role="assistant", text=answer, learn=True),
    )


def rows(*pairs):
    return [Row(turns=talk(*pair), source=f"a:{n}") for n, pair in enumerate(pairs, 1)]


def looks(held):
    seen = Looks()
    for row in held:
        seen.at(row)
    return seen.findings(lambda indices: {index: held[index] for index in indices})


def found(*pairs):
    return [(f.kind, f.count, f.example) for f in looks(rows(*pairs))]


def test_healthy_rows_give_no_findings():
    assert found(("Was ist größer?", "Ünïcödé — “fine” 🦊 {x} NÃO"), ("b", "c")) == []


def test_holes_are_counted_in_rows():
    assert found(("a", "I am {{name}} by {{ author }}."), ("b", "c")) == [("hole", 1, "a:1")]


def test_garbled_text_is_found():
    pairs = [("a", "donâ€™t"), ("b", "cafÃ©"), ("c", "gr\ufffdn"), ("d", "fine")]
    assert found(*pairs) == [("garbled", 3, "a:1")]


def test_turns_without_text_are_found():
    assert found(("  ", "a"), ("b", "c")) == [("empty", 1, "a:1")]


def test_one_answer_over_and_over_is_found_and_ten_are_too_few_to_say():
    many = [(f"q{n}", "I do not know.") for n in range(10)]
    assert found(*many) == [("same-answer", 10, "a:1")]
    assert found(*many[:9]) == []


def test_one_question_with_two_answers_is_found():
    assert found(("q", "a"), ("q", "b"), ("r", "c"), ("r", "c")) == [("same-prompt", 2, "a:1")]


def test_of_answers_equally_common_the_first_is_told():
    many = [(f"q{n}", ("no", "yes")[n % 2]) for n in range(20)]
    (same,) = looks(rows(*many))
    assert (same.count, same.example, "'no'" in same.what) == (10, "a:1", True)


def test_a_row_with_two_holes_is_one_row():
    assert found(("{{a}}", "{{b}}"), ("b", "{{c}}")) == [("hole", 2, "a:1")]


def test_no_rows_give_no_findings():
    assert looks([]) == []


def test_the_real_identity_rows_have_holes(shared_data):
    from overnight.probe.sources import Source

    held = list(Source(str(shared_data / "llamafactory_demo" / "identity.json")))
    counts = {finding.kind: finding.count for finding in looks(held)}
    assert counts["hole"] > 80

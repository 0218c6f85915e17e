"""Formats recognised over many records, and who speaks in them."""

import pytest

from overnight.probe.layouts import Layout, Listener, columns_of, recognise, unpacked
from overnight.probe.records import Record
from overnight.probe.roles import Misfit
from overnight.values.errors import DataError


def records(*values):
    return [Record(value, f"f.jsonl:{n}") for n, value in enumerate(values, 1)]


def listened(learn, held):
    heard = Listener(learn, recognise(held), held[0].place)
    for record in held:
        heard.hear(record)
    heard.check()
    return heard


def test_the_format_is_what_most_records_are():
    held = records({"text": "t"}, *[{"question": "q", "answer": "a"}] * 300)
    assert recognise(held) == Layout("prompt-completion", "question", "answer")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            {"qestion": "q", "anwser": "a"},
            "`qestion` is near `question`; `anwser` is near `answer`",
        ),
        ({"question": "q", "level": 3}, "hold no answer to `question`"),
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, "preferences"),
        ({"message_id": 1, "text": "t", "replies": []}, "tree of messages"),
    ],
)
def test_unknown_columns_are_named_with_the_place_and_what_is_near(value, said):
    with pytest.raises(DataError, match=f"f.jsonl:1: columns .*{said}"):
        recognise(records(value))


def test_rows_that_are_no_objects_have_no_columns():
    with pytest.raises(DataError, match=r"f.jsonl:1: the rows have no columns; expected"):
        recognise(records(7))


def test_a_role_that_nobody_has_is_refused_with_those_found():
    held = records({"messages": [{"role": "Ann", "content": "q"}]})
    with pytest.raises(DataError, match=r"nobody speaks as `Anne`; roles found: Ann; near: `Ann`"):
        listened("Anne", held)
    assert listened("ann", held).heard


def test_a_role_asked_of_a_format_without_roles_is_refused():
    held = records({"question": "q", "answer": "a"})
    with pytest.raises(DataError, match="have no roles"):
        listened("user", held)


def test_the_speakers_of_bare_strings_are_user_and_assistant():
    held = records({"turns": ["q", "a"]})
    assert listened("user", held).heard
    with pytest.raises(DataError, match="roles found: user, assistant"):
        listened("Ann", held)


def test_bare_strings_and_lists_have_a_column_and_numbers_none():
    text, chat, number = records("t", [], 7)
    assert (columns_of(text), columns_of(chat)) == ({"text": "t"}, {"messages": []})
    with pytest.raises(Misfit, match="found int"):
        columns_of(number)


def test_a_list_that_a_table_holds_as_text_is_unpacked():
    assert (unpacked('["a"]'), unpacked("plain"), unpacked(3)) == (["a"], "plain", 3)
    with pytest.raises(Misfit, match="must be JSON"):
        unpacked("['a']")


def test_a_number_of_replies_makes_no_tree_and_rows_within_rows_do():
    assert recognise(records({"text": "hi", "replies": 3})) == Layout("text", "text")
    with pytest.raises(DataError, match="tree of messages"):
        recognise(records({"text": "hi", "replies": [{"text": "ho", "replies": []}]}))

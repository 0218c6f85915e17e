"""Formats recognised over many records, and rows read from each."""

import json

import pytest

from overnight.probe.formats import Reader
from overnight.probe.layouts import Layout, recognise
from overnight.probe.records import BadRows, Record
from overnight.probe.roles import Cast
from overnight.values.errors import DataError

MESSAGES = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
CHAT = [("user", "q", False), ("assistant", "a", True)]


def records(*values):
    return [Record(value, f"f.jsonl:{n}") for n, value in enumerate(values, 1)]


def rows_of(held, layout, *, cast, bad):
    """Every row, and what was worth a look."""
    reader = Reader(layout, cast=cast, bad=bad)
    return list(reader.rows(held)), reader.findings()


def turns(value, learn=None):
    """(format, turns) of a file with this one record."""
    held = records(value)
    layout = recognise(held)
    (row,), _ = rows_of(held, layout, cast=Cast(learn), bad=BadRows(skip=False))
    return layout.format, [(t.role, t.text, t.learn) for t in row.turns]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"messages": MESSAGES, "id": 3}, "messages"),
        ({"messages": json.dumps(MESSAGES)}, "messages"),
        (MESSAGES, "messages"),
        ({"conversations": MESSAGES}, "messages"),
        ({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
         "sharegpt"),
        ({"conversation": [{"human": "q", "assistant": "a"}]}, "sharegpt"),
        ({"topic": "x", "turns": ["q", "a"]}, "turns"),
        ({"dialog": ["q", "a"]}, "turns"),
        ({"instruction": "q", "input": "", "output": "a"}, "alpaca"),
        ({"prompt": "q", "completion": "a"}, "prompt-completion"),
        ({"prompt": [MESSAGES[0]], "completion": [MESSAGES[1]]}, "prompt-completion"),
        ({"question": "q", "answer": "a"}, "prompt-completion"),
        ({"query": "q", "response": "a"}, "prompt-completion"),
        ({"source": "q", "target": "a"}, "prompt-completion"),
        ({"input": "q", "output": "a"}, "prompt-completion"),
        ({"problem": "q", "answer": "a"}, "prompt-completion"),
    ],
)  # fmt: skip
def test_every_format_gives_the_same_conversation(value, name):
    assert turns(value) == (name, CHAT)


@pytest.mark.parametrize("value", [{"text": "t", "url": "u"}, {"content": "t"}, "t"])
def test_plain_text_is_learnt_whole(value):
    assert turns(value) == ("text", [("text", "t", True)])


def test_alpaca_brings_system_history_and_input():
    value = {
        "instruction": "i",
        "input": "n",
        "output": "a",
        "system": "s",
        "history": [["q", "r"]],
    }
    assert turns(value)[1] == [
        ("system", "s", False), ("user", "q", False), ("assistant", "r", True),
        ("user", "i\n\nn", False), ("assistant", "a", True),
    ]  # fmt: skip


def test_answers_inside_a_prompt_of_messages_are_not_learnt():
    value = {"prompt": [*MESSAGES, MESSAGES[0]], "completion": [MESSAGES[1]]}
    assert [learn for _, _, learn in turns(value)[1]] == [False, False, False, True]


def test_a_context_stands_before_its_question():
    value = {"context": "c", "question": "q", "answer": "a"}
    assert turns(value)[1][0] == ("user", "c\n\nq", False)


def test_the_list_of_tools_stands_in_the_system_turn_and_is_told():
    value = {"messages": [{"role": "system", "content": "s"}, *MESSAGES], "tools": [{"name": "f"}]}
    text = 's\n\nTools that can be called:\n[{"name": "f"}]'
    assert turns(value)[1][0] == ("system", text, False)
    held = records(value)
    _, (finding,) = rows_of(held, recognise(held), cast=Cast(), bad=BadRows(skip=False))
    assert (finding.kind, finding.count) == ("tools", 1)


def test_the_second_speaker_of_turns_is_learnt_or_the_first_if_asked():
    value = {"turns": ["a", "b", "c"]}
    assert [learn for _, _, learn in turns(value)[1]] == [False, True, False]
    assert [learn for _, _, learn in turns(value, "user")[1]] == [True, False, True]


def test_a_learnt_role_becomes_the_assistant():
    value = {"messages": [{"role": "Ann", "content": "q"}, {"role": "Bob", "content": "a"}]}
    assert turns(value, "bob")[1] == CHAT


def test_a_row_of_another_format_is_named_and_can_be_skipped():
    held = records(*[{"question": "q", "answer": "a"}] * 3, {"text": "t"}, 5)
    layout = recognise(held)
    with pytest.raises(DataError, match=r"f.jsonl:4: no column `question`.*found: text"):
        rows_of(held, layout, cast=Cast(), bad=BadRows(skip=False))
    bad = BadRows(skip=True)
    rows, _ = rows_of(held, layout, cast=Cast(), bad=bad)
    assert (len(rows), len(bad.found)) == (3, 2)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"messages": []}, "holds no turns"),
        ({"messages": "[{'role': 'user'}]"}, "must be JSON"),
        ({"messages": [{"role": "asistant", "content": "a"}]}, "near: `assistant`"),
        ({"messages": MESSAGES, "images": ["1.jpg"]}, "images or sound"),
        ({"messages": [{"role": "user", "content": "\ud83e"}]}, "half a character"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(value, said):
    held = records(value)
    with pytest.raises(DataError, match=f"f.jsonl:1: .*{said}"):
        rows_of(held, Layout("messages", "messages"), cast=Cast(), bad=BadRows(skip=False))


def test_answers_of_which_one_is_not_used_are_told():
    held = records({"question": "q", "answer": "a", "solution": "s"})
    _, (finding,) = rows_of(held, recognise(held), cast=Cast(), bad=BadRows(skip=False))
    assert (finding.kind, "solution is not" in finding.what) == ("columns", True)

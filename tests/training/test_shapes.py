"""Shapes of a conversation, and where the learnt turns stand in each."""

from overnight.training.shapes import SHAPES, Message, as_is
from overnight.values.rows import Turn

TURNS = [
    Turn(role=role, text=text, learn=role == "assistant")
    for role, text in (
        ("system", "s"), ("user", "u"), ("assistant", "a"), ("tool", "t"), ("user", "v"),
        ("assistant", "b"), ("assistant", "cc"),
    )
]  # fmt: skip


def test_each_shape_joins_more_than_the_one_before():
    roles = [[message.role[0] for message in shape(TURNS)] for shape in SHAPES]
    assert roles == [list("suatuaa"), list("suatua"), list("suaua"), list("uaua")]


def test_no_shape_loses_a_turn():
    for shape in SHAPES:
        assert [part for message in shape(TURNS) for part in message.parts] == TURNS


def test_a_message_says_its_parts_and_knows_where_the_learnt_ones_stand():
    message = SHAPES[1](TURNS)[-1]
    assert message.content == "b\n\ncc"
    pieces = [(message.content[low:high], last) for low, high, last in message.learnt()]
    assert pieces == [("b", False), ("cc", True)]


def test_nothing_is_learnt_of_a_question():
    assert not any(as_is(TURNS)[1].learnt())
    assert as_is(TURNS)[1] == Message("user", (TURNS[1],))

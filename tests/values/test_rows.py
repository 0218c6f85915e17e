"""What a row says that it teaches."""

from overnight.values.rows import Row, Turn


def test_only_the_turns_that_carry_loss_are_learnt() -> None:
    turns = (
        Turn(role="user", text="How?", learn=False),
        Turn(role="assistant", text="So.", learn=True),
        Turn(role="user", text="And then?", learn=False),
        Turn(role="assistant", text="Thus.", learn=True),
    )
    assert Row(turns=turns).learnt == "So.\nThus."


def test_a_row_without_such_turns_teaches_nothing() -> None:
    assert Row(turns=(Turn(role="user", text="Hello", learn=False),)).learnt == ""


def test_where_a_row_stands_is_part_of_it() -> None:
    turn = Turn(role="text", text="a", learn=True)
    here, there = (Row(turns=(turn,), kind="text", source=f"a.txt:{n}") for n in (1, 2))
    assert here != there

import doctest

import pytest

from overnight.planning import decision_guide
from overnight.planning.decision_guide import (
    OTHERWISE,
    QUESTIONS,
    Advice,
    Question,
    read_answer,
    where,
)
from overnight.values.errors import InputError


def leads_to(*answers: bool) -> str:
    found = where(answers)
    assert isinstance(found, Advice)
    return found.configuration


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(decision_guide) == (0, 2)


def test_guide_fives_tree_comes_first() -> None:
    assert leads_to(True) == "baseline"
    assert leads_to(False, True) == "optimized"
    assert leads_to(False, False, True) == "aggressive"


def test_every_yes_ends_it_and_every_no_goes_on() -> None:
    for place in range(len(QUESTIONS)):
        before = [False] * place
        assert where(before) is QUESTIONS[place]
        assert where([*before, True]) is QUESTIONS[place].if_yes


def test_only_noes_end_in_what_the_guides_recommend() -> None:
    assert where([False] * len(QUESTIONS)) is OTHERWISE


@pytest.mark.parametrize("answers", [(True, True), (False, True, False), (False,) * 7])
def test_an_answer_too_many_is_refused(answers: tuple[bool, ...]) -> None:
    with pytest.raises(InputError, match="answers for"):
        where(answers)


def test_answers_are_read_as_people_write_them() -> None:
    assert [read_answer(word) for word in ("Yes.", " y\n", "no", "N")] == [True, True, False, False]


@pytest.mark.parametrize("word", ["", "perhaps", "yes no"])
def test_what_is_neither_yes_nor_no_is_refused(word: str) -> None:
    with pytest.raises(InputError, match="neither yes nor no"):
        read_answer(word)


def test_a_question_is_one_that_yes_or_no_answers() -> None:
    assert all(isinstance(each, Question) and each.text.endswith("?") for each in QUESTIONS)

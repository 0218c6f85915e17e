from tests.planning.facts import question


def test_a_question_without_history_has_no_lessons():
    assert question().lessons.by_key == {}

"""Threads: by reply, by name, by author, by time."""

import pytest

from overnight.probe.said import Said
from overnight.probe.threads import (
    FEW,
    MOST,
    MOST_OPEN,
    REMEMBERED,
    addressed,
    first_name,
    threads,
)


def says(author, text, minute, *, key="", answers="", place="a.txt:1"):
    return Said(author=author, text=text, place=place, time=60.0 * minute, key=key, answers=answers)


def told(messages):
    return [[one.text for one in thread.messages] for thread in threads(messages)]


CROWD = [says("ann", "how do I mount?", 0), says("bob", "no sound here", 0),
         says("carl", "which driver?", 1), says("dora", "ann: use umask", 2)]  # fmt: skip


def test_a_name_at_the_beginning_says_whom_a_message_answers():
    found = told([*CROWD[:3], says("dora", "what a day", 1), *CROWD[3:], says("ann", "thanks", 3)])
    assert [
        "how do I mount?",
        "no sound here",
        "which driver?",
        "ann: use umask",
        "thanks",
    ] in found
    assert ["what a day"] in found


def test_in_a_crowd_a_newcomer_who_names_nobody_begins_a_thread():
    several = [says(f"n{at}", f"question {at}", 0) for at in range(FEW + 3)]
    assert len(told(several)) == 4


def test_few_people_talk_with_each_other():
    assert len(told([says("ann", "hi", 0), says("bob", "hi you", 3), says("ann", "so?", 6)])) == 1


def test_a_helper_is_in_the_thread_of_whom_they_help():
    crowd = [says(name, f"{name} asks", 0) for name in ("ann", "bob", "carl", "eve")]
    found = told([*crowd, says("hal", "eve: try this", 1), says("hal", "carl: and you that", 1),
                  says("eve", "hal: it works", 2), says("carl", "hal: not here", 2)])  # fmt: skip
    assert [thread for thread in found if "hal: it works" in thread] == [
        ["eve asks", "eve: try this", "hal: it works"]]  # fmt: skip


def test_after_a_while_another_thread_begins():
    assert told([says("ann", "hi", 0), says("ann", "hi again", 11)]) == [["hi"], ["hi again"]]


def test_a_reply_belongs_to_what_it_replies_to_however_late():
    first = says("ann", "who has the key?", 0, key="1")
    found = told([first, says("bob", "lunch?", 1, key="2"), says("carl", "me", 300, answers="1")])
    assert found == [["who has the key?", "lunch?"], ["who has the key?", "me"]]


def test_replies_and_calls_are_counted():
    late = says("carl", "me", 2, answers="1")
    (found,) = threads([says("ann", "who?", 0, key="1"), says("bob", "ann: hm", 1), late])
    assert found.answered == 2


def test_another_file_is_another_channel():
    assert len(told([says("ann", "hi", 0), says("bob", "hi", 0, place="b.txt:1")])) == 2


def test_a_thread_has_an_end_and_nothing_grows():
    many = [says(("ann", "bob")[at % 2], f"{at}", 0, key=f"{at}") for at in range(2 * REMEMBERED)]
    found = told(many)
    assert max(map(len, found)) == MOST
    assert sum(map(len, found)) == 2 * REMEMBERED


def test_without_times_the_oldest_threads_end_first():
    many = [Said(author=f"n{at}", text=f"q{at}", place="a:1") for at in range(MOST_OPEN + 9)]
    found = told(many)
    assert found[0][0] == "q0" and sum(map(len, found)) == MOST_OPEN + 9
    assert len(found) > MOST_OPEN


def test_messages_without_a_time_stay_together():
    plain = [Said(author=name, text=name, place="a:1") for name in ("ann", "bob", "ann")]
    assert told(plain) == [["ann", "bob", "ann"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("ann: hi", "ann"), ("Ann, hi", "ann"), ("@ann hi", "ann"), ("ann hi", ""), ("", ""),
     ("http://x.example", ""), ("|Quad-: hi", "|quad-"), (": hi", "")],
)  # fmt: skip
def test_who_is_called(text, expected):
    assert first_name(text) == expected


def test_only_who_is_there_is_addressed():
    assert addressed("note: this", ["ann"]) == ""
    assert addressed("ANN: this", ["ann"]) == "ann"

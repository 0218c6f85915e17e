"""Threads as conversations: one voice learnt, nobody's name."""

import pytest

from overnight.probe import voices
from overnight.probe.said import Said
from overnight.probe.threads import Thread
from overnight.probe.voices import Names, conversation, nameless


def thread(*said, answered=0):
    messages = [Said(author=author, text=text, place="a:1", time=float(at), taken=float(at == 1))
                for at, (author, text) in enumerate(said)]  # fmt: skip
    return Thread(messages, answered)


def names(*told):
    found = Names()
    for author, text in told:
        found.hear(author, text)
    return found


HELP = (
    ("Ann9", "how do I mount a disk?"), ("Bob7", "Ann9: use the mount command, Ann9"),
    ("Ann9", "Bob7: thanks"), ("Bob7", "ask @Carl3 or Dora5 if not"), ("Ann9", "ok"),
)  # fmt: skip
KNOWN = names(*HELP, ("Carl3", "hi"), ("Dora5", "hi"))


def test_whoever_helped_is_learnt_up_to_their_last_word():
    found = conversation(thread(*HELP, answered=2), None, KNOWN)
    assert found["messages"] == [
        {"role": "user", "content": "how do I mount a disk?"},
        {"role": "assistant", "content": "use the mount command, A"},
        {"role": "user", "content": "thanks"},
        {"role": "assistant", "content": "ask X or X if not"},
    ]
    assert (found["engagement"], found["timestamp"]) == (3.0, 3.0)


def test_the_voice_that_was_asked_for_is_learnt():
    found = conversation(thread(("Bob7", "who has seen it?"), *HELP), "ann9", KNOWN)
    assert [one["role"] for one in found["messages"]] == ["user", "assistant"] * 3
    assert conversation(thread(*HELP), "Carl3", KNOWN) == voices.ABSENT


def test_among_several_each_is_called_by_a_letter():
    found = conversation(thread(("Ann9", "who?"), ("Carl3", "not me"), ("Bob7", "I was it, yes")),
                         "Bob7", KNOWN)  # fmt: skip
    assert found["messages"][0]["content"] == "A: who?\nB: not me"


def test_what_stands_before_the_first_other_word_is_left_out():
    found = conversation(thread(("Bob7", "hello all of you"), *HELP), "Bob7", KNOWN)
    assert found["messages"][0] == {"role": "user", "content": "how do I mount a disk?"}


@pytest.mark.parametrize(
    ("said", "learn", "why"),
    [
        ((("Ann9", "hello?"), ("Ann9", "anybody?")), None, voices.ALONE),
        ((("Ann9", "is it so?"), ("Bob7", "yes")), None, voices.SHORT),
        ((("Bob7", "is it so or not?"), ("Ann9", "yes")), "Bob7", voices.ALONE),
    ],
)
def test_a_thread_with_nothing_to_learn_says_why(said, learn, why):
    assert conversation(thread(*said), learn, KNOWN) == why


def test_words_that_people_are_called_by_stay_words():
    known = names(("will", "hi"), ("default", "hi"), *[("eve22", "the default is fine")] * 9)
    text = "I will take the default, eve22, not @will"
    assert nameless(text, {"will": "A"}, known) == "I will take the default, X, not A"
    assert nameless("default: read this", {}, known) == "read this"


def test_no_name_of_a_real_channel_that_begins_a_message_is_left(shared_data):
    from overnight.probe.sources import Source
    from overnight.probe.threads import first_name

    path = sorted((shared_data / "ubuntu_irc/train").glob("*.txt"))[9]
    authors = {line.split("<")[1].split(">")[0].casefold()
               for line in path.read_text("utf-8").splitlines() if line.startswith("[")
               and "<" in line[:9]}  # fmt: skip
    called = [first_name(line.partition(": ")[2] or line)
              for row in Source(str(path)) for turn in row.turns
              for line in turn.text.splitlines()]  # fmt: skip
    assert len(authors) > 50 and len(called) > 500
    left = [name for name in called if name in authors]
    assert len(left) <= 0.02 * len(called)  # of people who speak for the first time later on

import pytest

from overnight.cli import chatting
from overnight.values.errors import InputError

OPEN = {"new_tokens": None, "temperature": None, "seed": None}


def test_what_is_not_given_is_usual():
    manner = chatting._manner(OPEN)
    assert (manner.new_tokens, manner.temperature, manner.seed) == (256, 0.7, 42)


def test_what_is_given_counts():
    manner = chatting._manner({"new_tokens": "9", "temperature": "0", "seed": "3"})
    assert (manner.new_tokens, manner.temperature, manner.seed) == (9, 0.0, 3)


@pytest.mark.parametrize(
    ("key", "text", "flag"),
    [("new_tokens", "0", "--max-new-tokens"), ("temperature", "warm", "--temperature"),
     ("seed", "-1", "--seed"), ("temperature", "nan", "--temperature"),
     ("new_tokens", "1e12", "--max-new-tokens")],
)  # fmt: skip
def test_what_is_no_such_number_is_refused(key, text, flag):
    with pytest.raises(InputError, match=f"{flag} {text}: expected a number"):
        chatting._manner(OPEN | {key: text})

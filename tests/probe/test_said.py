"""What was said: without mail addresses, commands and space around it."""

import pytest

from overnight.probe.said import talk


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  hello there \n  you ", "hello there\n  you"),
        ("write to ann.lee+x@mail.example.org, please", "write to [mail], please"),
        ("!help me", ""), ("/me", ""), (".ping", ""), ("?factoid", ""), ("  \n ", ""),
        ("!!!", "!!!"), ("...", "..."), ("?", "?"), ("/etc/fstab is it", "/etc/fstab is it"),
        ("שלום 🙂", "שלום 🙂"), ("e\u0301\u200d", "e\u0301\u200d"),
    ],
)  # fmt: skip
def test_talk_is_kept_and_the_rest_is_not(text, expected):
    assert talk(text) == expected

"""A thread -> a conversation with one voice to learn.

In: a thread, whose voice is learnt. Out: a record of `messages`, or why there is none. Never: the
name of somebody who spoke.
"""

import re
from collections import Counter
from typing import Any

from overnight.probe.said import Said
from overnight.probe.threads import Thread, addressed, first_name

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LEAST_WORDS = 3
"""Of what is learnt in a conversation: `ok` and `lol` teach nothing."""
ALONE, ABSENT, SHORT = "nobody answered", "the learnt voice was silent", "hardly a word to learn"
TWO = 2
TO_OPENER = 10
"""What is said to the one who began a thread counts so many times."""
SHORT_NAME = 4
"""Letters of a name that is taken for a word where nobody is called by it."""
WORDS_A_MESSAGE = 3
"""In the logs of #ubuntu a name is said 0.1 times for each message of theirs, `default` 66."""
MOST_WORDS = 500_000
SOMEBODY = "X"
"""Who is named and did not speak in a thread."""
WORD = re.compile(r"(?P<at>@?)(?P<name>[\w|\[\]{}^`-]{2,40})")


def conversation(thread: Thread, learn: str | None, names: "Names") -> dict[str, Any] | str:
    """The thread as a row: what the learnt voice says is the assistant's, all else the user's.

    Without `learn` it is the voice of whoever said most to the one who began, else most of all.
    `names` knows everybody.
    """
    speaker = _speaker(thread, learn)
    if speaker is None:
        return ABSENT if learn else ALONE
    said = _between(thread.messages, speaker)
    if not said:
        return ALONE
    words = sum(len(one.text.split()) for one in said if one.author == speaker)
    if words < LEAST_WORDS:
        return SHORT
    times = [one.time for one in said if one.time is not None]
    return {
        "messages": _turns(said, speaker, names),
        "engagement": sum(one.taken for one in said) + thread.answered,
        "timestamp": times[-1] if times else None,
    }


def _speaker(thread: Thread, learn: str | None) -> str | None:
    if learn is not None:
        wanted = learn.casefold()
        return next((m.author for m in thread.messages if m.author.casefold() == wanted), None)
    opener = thread.messages[0].author
    others = [one for one in thread.messages if one.author != opener]
    spoken = Counter[str]()
    for one in others:
        spoken[one.author] += len(one.text) * (TO_OPENER if addressed(one.text, (opener,)) else 1)
    return spoken.most_common(1)[0][0] if spoken else None


def _between(messages: list[Said], speaker: str) -> list[Said]:
    """From the first word of another to the speaker's last: what stands before and after has no
    answer to learn."""
    first = next((at for at, one in enumerate(messages) if one.author != speaker), len(messages))
    last = max((at for at, one in enumerate(messages) if one.author == speaker), default=-1)
    return messages[first : last + 1]


def _turns(said: list[Said], speaker: str, names: "Names") -> list[dict[str, str]]:
    """Turns that take turns; among several users each is called by a letter."""
    authors = list(dict.fromkeys(one.author for one in said))
    letters = {name: LETTERS[at % len(LETTERS)] for at, name in enumerate(authors)}
    called = {name.casefold(): letter for name, letter in letters.items()}
    several = len(authors) > TWO
    turns: list[dict[str, str]] = []
    for one in said:
        role = "assistant" if one.author == speaker else "user"
        text = nameless(one.text, called, names)
        if several and role == "user":
            text = f"{letters[one.author]}: {text}"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n{text}"
        else:
            turns.append({"role": role, "content": text})
    return turns


def nameless(text: str, called: dict[str, str], names: "Names") -> str:
    """A message without the name that it begins with, all other names as letters.

    `called` has the letters by name in small letters; `names` knows everybody.
    """
    name = first_name(text)
    if names.heard[name]:
        text = text.removeprefix("@")[len(name) :].lstrip(":, ") or text
    return WORD.sub(lambda word: _called(word, called, names), text)


def _called(word: re.Match[str], called: dict[str, str], names: "Names") -> str:
    plain = word["name"].casefold()
    if not names.heard[plain] or not (word["at"] or names.means(plain)):
        return word[0]
    return called.get(plain, SOMEBODY)


class Names:
    """Everybody who spoke in a log, and whether a word is more likely one of them."""

    def __init__(self) -> None:
        self.heard = Counter[str]()
        """Messages by author, in small letters."""
        self._words = Counter[str]()

    def hear(self, author: str, text: str) -> None:
        """Note who said what."""
        self.heard[author.casefold()] += 1
        for word in WORD.finditer(text, len(first_name(text))):
            if len(self._words) < MOST_WORDS:
                self._words[word["name"].casefold()] += 1

    def means(self, plain: str) -> bool:
        """Whether a name is meant where nobody is addressed by it: people are called `will` and
        `default`, and what is said far oftener than its owner speaks is a word."""
        if len(plain) <= SHORT_NAME and plain.isalpha():
            return False
        return self._words[plain] <= WORDS_A_MESSAGE * self.heard[plain]

"""Where contents stand in the text that a template has made of them.

In: a rendered conversation, the contents that went in. Out: each content's place, or None. Never: a
template run, a place guessed: the whole text must be accounted for.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from overnight.training.shapes import Message
from overnight.values.rows import Turn

Place = tuple[int, int, int]
"""(start, end, characters of the content stripped before its start)."""

FORMS: tuple[Callable[[str], str], ...] = (str, str.strip, str.lstrip, str.rstrip)
"""How a template may copy a content."""

_GAP = re.compile(r"\s*(?:<[^<>\s]*>\s*)*")
"""Between generation prompt and answer a template may put no more than an empty `<think>` block."""
_THINK = re.compile(r"<think>\s*(?:</think>\s*)?\Z")
_ODD = "\n \t <think>a</think> {\"b\": '&amp;'} \\n 7 </tool_call>\t \n "
"""What templates that do more than copy would treat as more than text."""


def mark(number: int) -> str:
    """Text that no template writes itself or strips."""
    return f"\ue0f1{number}\ue0f2"


def odd(messages: Sequence[Message]) -> list[Message]:
    """The same messages with what is odd on either side of every turn."""
    return [replace(message, parts=tuple(map(_odd, message.parts))) for message in messages]


def _odd(turn: Turn) -> Turn:
    return replace(turn, text=f"{_ODD}{turn.text}{_ODD}")


def forms(contents: Sequence[str], copied: Sequence[str]) -> tuple[Callable[[str], str], ...]:
    """How each content was copied; nothing where one of them was not."""
    pairs = zip(contents, copied, strict=False)
    found = [form for one, said in pairs for form in FORMS if form(one) == said]
    return tuple(found) if len(found) == len(contents) else ()


def around(text: str, messages: Sequence[Message]) -> tuple[str, ...]:
    """What stands before, between and after the marks of `messages`; nothing where they cannot be
    told apart."""
    pieces, rest = [], text
    for message in messages:
        before, found, rest = rest.partition(message.content)
        if not found:
            return ()
        pieces.append(before)
    clean = not any("\ue0f1" in piece for piece in (*pieces, rest))
    return (*pieces, rest) if clean else ()


def joined(
    pieces: tuple[str, ...], said: Sequence[str], contents: Sequence[str]
) -> tuple[str, list[Place]]:
    """The text of `pieces` with what is said between them, and the place of every content."""
    parts, places, at = [pieces[0]], [], len(pieces[0])
    for content, copied, after in zip(contents, said, pieces[1:], strict=True):
        places.append((at, at + len(copied), content.find(copied)))
        parts += (copied, after)
        at += len(copied) + len(after)
    return "".join(parts), places


def found(text: str, pieces: tuple[str, ...], contents: Sequence[str]) -> list[Place] | None:
    """The place of every content between `pieces`, or None if the text is another."""
    if not pieces or not text.startswith(pieces[0]):
        return None
    at, places = len(pieces[0]), []
    for content, after in zip(contents, pieces[1:], strict=True):
        fits = (said for said in _variants(content) if text.startswith(said + after, at))
        said = next(fits, None)
        if said is None:
            return None
        places.append((at, at + len(said), content.find(said)))
        at += len(said) + len(after)
    return places if at == len(text) else None


def answered(text: str, prompt: str, content: str) -> Place | None:
    """The content's place shortly after a prompt, which may open a `<think>` block."""
    prompt = _THINK.sub("", prompt)
    if not text.startswith(prompt):
        return None
    for said in filter(None, _variants(content)):
        at = text.find(said, len(prompt))
        if at >= 0 and _GAP.fullmatch(text, len(prompt), at):
            return at, at + len(said), content.find(said)
    return None


def _variants(content: str) -> tuple[str, ...]:
    """A content as templates write it, longest first: whole, or stripped."""
    return (content, content.lstrip("\n"), content.lstrip(), content.rstrip(), content.strip())

"""Turns as the messages that a chat template takes, in shapes from faithful to obliging.

In: turns. Out: messages, each knowing where in its content the learnt turns stand. Never: a turn
dropped, a template called.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from overnight.values.rows import Turn

JOIN = "\n\n"
"""Between turns that a template wants as one message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the template sees it: one turn, or neighbours that it wants as one."""

    role: str
    parts: tuple[Turn, ...]

    @property
    def content(self) -> str:
        """The parts' texts as one."""
        return JOIN.join(part.text for part in self.parts)

    def learnt(self) -> Iterator[tuple[int, int, bool]]:
        """(start, end, is last part) of every learnt part, as offsets into the content."""
        at = 0
        for part in self.parts:
            if part.learn:
                yield at, at + len(part.text), part is self.parts[-1]
            at += len(part.text) + len(JOIN)


def as_is(turns: Sequence[Turn]) -> list[Message]:
    """Every turn a message of its own."""
    return [Message(turn.role, (turn,)) for turn in turns]


def _grouped(turns: Sequence[Turn], role: Callable[[Turn], str]) -> list[Message]:
    return [Message(name, tuple(same)) for name, same in groupby(turns, role)]


def _merged(turns: Sequence[Turn]) -> list[Message]:
    return _grouped(turns, lambda turn: turn.role)


def _tools_as_user(turns: Sequence[Turn]) -> list[Message]:
    return _grouped(turns, lambda turn: "user" if turn.role == "tool" else turn.role)


def _system_as_user(turns: Sequence[Turn]) -> list[Message]:
    return _grouped(turns, lambda turn: turn.role if turn.role == "assistant" else "user")


SHAPES = (as_is, _merged, _tools_as_user, _system_as_user)
"""Tried in this order until the template takes every turn."""

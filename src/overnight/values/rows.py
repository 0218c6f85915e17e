"""What a row of data is, after any format has been read.

In: nothing. Out: `Turn` and `Row`. Never: files, tokenizers, splitting.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["chat", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One speaker's turn."""

    role: str
    """`system`, `user`, `assistant` or `tool`; `text` in a plain-text row."""
    text: str
    learn: bool
    """Whether its tokens carry loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One training example: a conversation, or one piece of plain text."""

    turns: tuple[Turn, ...]
    kind: Kind = "chat"
    source: str = ""
    """Where it stands, for messages: `train.jsonl:17`."""
    engagement: float | None = None
    """How people took it: reactions, replies, likes ..., where the data tells."""
    time: float | None = None
    """When it was written, in seconds since 1970 UTC."""

    @property
    def learnt(self) -> str:
        """What of the row would be learnt, joined by newlines."""
        return "\n".join(turn.text for turn in self.turns if turn.learn)

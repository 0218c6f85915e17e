"""How a file is laid out: its format recognised, its columns, who speaks in it.

In: records. Out: `Layout`; one record by column. Never: a column guessed, a row made (formats.py).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from overnight.probe.json_records import MAX_DEPTH, too_deep
from overnight.probe.records import Record
from overnight.probe.roles import Cast, Misfit, names_in
from overnight.values.errors import DataError

CHATS = ("messages", "conversations", "conversation", "turns", "dialog", "dialogue", "chat")
PAIRS = (
    ("prompt", "completion"), ("prompt", "response"), ("question", "answer"),
    ("query", "response"), ("question", "response"), ("query", "answer"), ("input", "output"),
    ("source", "target"), ("problem", "solution"), ("inputs", "targets"),
)  # fmt: skip
PROMPTS = ("prompt", "question", "query", "input", "inputs", "source", "problem", "instruction")
ANSWERS = ("completion", "response", "answer", "output", "target", "targets", "solution", "reply")
TEXTS = ("text", "content")
_SAMPLE = 200
_EXPECTED = (
    "messages, conversations, turns, instruction + output, prompt + completion"
    " (question/answer, query/response, input/output, source/target) or text"
)


@dataclass(frozen=True, slots=True)
class Layout:
    """A file's format and the columns that it is read from."""

    format: str
    """`messages`, `sharegpt`, `turns`, `alpaca`, `prompt-completion` or `text`."""
    prompt: str
    """Column of the chat, the prompt or the text."""
    answer: str = ""


def columns_of(record: Record) -> dict[str, Any]:
    """The record by column; a bare string is text, a bare list a chat."""
    if isinstance(record.value, dict):
        return record.value
    if isinstance(record.value, str):
        return {"text": record.value}
    if isinstance(record.value, list):
        return {"messages": record.value}
    raise Misfit(f"expected an object with columns, found {type(record.value).__name__}")


def unpacked(value: Any) -> Any:
    """A list that a table holds as JSON text."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            raise Misfit("a list that is written as text must be JSON") from None
        if too_deep(found):
            raise Misfit(f"nested deeper than {MAX_DEPTH} levels")
        return found
    return value


def recognise(records: Sequence[Record]) -> Layout:
    """The one format of a file, by what most of 200 records spread over its head look like.

    Raises:
        DataError: no format fits, with the columns found and what they are near to.
    """
    sample = records[:: max(1, len(records) // _SAMPLE)]
    rows = [row for record in sample if isinstance(row := _or_none(record), dict)]
    counts: dict[str, int] = {}
    for column in (column for row in rows for column in row):
        counts[column] = counts.get(column, 0) + 1
    common = [column for column, count in counts.items() if 2 * count >= len(rows)]
    layout = _conversation(rows, common) or _pair(common)
    if layout:
        return layout
    trees = {"parent_id", "message_id"} & set(common) or _threaded(rows)
    text = [column for column in TEXTS if column in common]
    if text and not trees:
        return Layout("text", text[0])
    raise DataError(f"{sample[0].place}: {_unknown(common or list(counts), bool(trees))}")


def _threaded(rows: list[dict[str, Any]]) -> bool:
    """Whether rows hold the rows that answer them; a mere number of replies is none."""
    return any(isinstance(row.get("replies"), list) and row["replies"] for row in rows)


def _or_none(record: Record) -> dict[str, Any] | None:
    try:
        return columns_of(record)
    except Misfit:
        return None


def _conversation(rows: list[dict[str, Any]], common: list[str]) -> Layout | None:
    for column in (column for column in CHATS if column in common):
        filled = (row[column] for row in rows if row.get(column))
        value = next((list_ for v in filled if isinstance(list_ := _try(v), list) and list_), None)
        if value is None:
            continue
        if isinstance(value[0], str):
            return Layout("turns", column)
        keys = set(value[0]) if isinstance(value[0], dict) else set()
        return Layout("messages" if "role" in keys else "sharegpt", column)
    return None


def _try(value: Any) -> Any:
    try:
        return unpacked(value)
    except Misfit:
        return None


def _pair(common: list[str]) -> Layout | None:
    if {"chosen", "rejected"} <= set(common):
        return None
    answers = [name for name in ANSWERS if name in common]
    if "instruction" in common and answers:
        answer = next((name for name in ("output", "response") if name in answers), answers[0])
        return Layout("alpaca", "instruction", answer)
    usual = [pair for pair in PAIRS if set(pair) <= set(common)]
    other = [(name, answers[0]) for name in PROMPTS if name in common and answers]
    found = [*usual, *other]
    return Layout("prompt-completion", *found[0]) if found else None


def _unknown(columns: list[str], tree: bool) -> str:
    if not columns:
        return f"the rows have no columns; expected objects with {_EXPECTED}"
    found = f"columns {', '.join(f'`{name[:40]}`' for name in columns[:12])}"
    if tree:
        return (
            f"{found} are a tree of messages; expected conversations, so thread it into `messages`"
        )
    if {"chosen", "rejected"} <= set(columns):
        return f"{found} are preferences; expected one answer a row, so rename `chosen`"
    known = [*CHATS, *PROMPTS, *ANSWERS, *TEXTS]
    asks = next((name for name in columns if name in PROMPTS), None)
    if asks:
        return f"{found} hold no answer to `{asks}`; expected one of {', '.join(ANSWERS)}"
    near = [(name, get_close_matches(name.lower(), known, n=1)) for name in columns[:12]]
    hints = [f"`{name}` is near `{match[0]}`" for name, match in near if match][:3]
    hint = f"{'; '.join(hints)}; " if hints else ""
    return f"{found} are not known; expected {_EXPECTED}; {hint}rename the columns"


class Listener:
    """Listens for somebody who speaks as `learn`, record by record, until one does."""

    def __init__(self, learn: str, layout: Layout, first: str) -> None:
        """`first` is the place of the first record.

        Raises:
            DataError: rows of this format have no roles.
        """
        if layout.format not in ("messages", "sharegpt", "turns"):
            raise DataError(
                f"{first}: {layout.format} rows have no roles; leave --learn {learn} out"
            )
        self._learn, self._layout, self._first = learn, layout, first
        said = ("user", "assistant") if layout.format == "turns" else ()
        self._names = dict.fromkeys(said)
        self.heard = any(map(self._speaks, said))

    def hear(self, record: Record) -> None:
        """Note who speaks in a record."""
        row = None if self.heard else _or_none(record)
        chat = _try(row.get(self._layout.prompt)) if row else None
        for name in names_in(chat) if isinstance(chat, list) else ():
            self.heard = self.heard or self._speaks(name)
            if len(self._names) < _SAMPLE:
                self._names[name] = None

    def _speaks(self, name: str) -> bool:
        return Cast(self._learn).role(name) == "assistant"

    def check(self) -> None:
        """See that somebody has been heard.

        Raises:
            DataError: nobody of all has this role.
        """
        if self.heard:
            return
        near = get_close_matches(self._learn, self._names, n=1)
        hint = f"; near: `{near[0]}`" if near else ""
        names = ", ".join(list(self._names)[:8]) or "none"
        who = f"nobody speaks as `{self._learn}`; roles found: {names}{hint}"
        raise DataError(f"{self._first}: {who}")

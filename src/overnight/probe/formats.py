"""What records mean: the format of a file recognised once, every record read as a row of it.

In: records. Out: `Row`s, the format's name, what is worth a look. Never: a row of another format
let through, a column guessed.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from overnight.probe.records import BadRows, Record, undecodable
from overnight.probe.roles import Cast, Misfit, as_json, names_in, text_of, turn, turns_of
from overnight.values.errors import DataError
from overnight.values.facts import Finding
from overnight.values.rows import Row, Turn

CHATS = ("messages", "conversations", "conversation", "turns", "dialog", "dialogue", "chat")
PAIRS = (
    ("prompt", "completion"), ("prompt", "response"), ("question", "answer"),
    ("query", "response"), ("question", "response"), ("query", "answer"), ("input", "output"),
    ("source", "target"), ("problem", "solution"), ("inputs", "targets"),
)  # fmt: skip
PROMPTS = ("prompt", "question", "query", "input", "inputs", "source", "problem", "instruction")
ANSWERS = ("completion", "response", "answer", "output", "target", "targets", "solution", "reply")
TEXTS = ("text", "content")
_SYSTEM = ("system", "system_prompt")
_CONTEXT = ("input", "context")
_MEDIA = ("image", "images", "video", "videos", "audio", "audios")
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


def _columns(record: Record) -> dict[str, Any]:
    """The record by column; a bare string is text, a bare list a chat."""
    if isinstance(record.value, dict):
        return record.value
    if isinstance(record.value, str):
        return {"text": record.value}
    if isinstance(record.value, list):
        return {"messages": record.value}
    raise Misfit(f"expected an object with columns, found {type(record.value).__name__}")


def _unpacked(value: Any) -> Any:
    """A list that a table holds as JSON text."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise Misfit("a list that is written as text must be JSON") from None
    return value


def recognise(records: Sequence[Record]) -> Layout:
    """The one format of a file, by what most of 200 records spread over it look like.

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
    trees = {"replies", "parent_id", "message_id"} & set(common)
    text = [column for column in TEXTS if column in common]
    if text and not trees:
        return Layout("text", text[0])
    raise DataError(f"{sample[0].place}: {_unknown(common or list(counts), bool(trees))}")


def _or_none(record: Record) -> dict[str, Any] | None:
    try:
        return _columns(record)
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
        return _unpacked(value)
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


def check_learn(learn: str, records: Sequence[Record], layout: Layout) -> None:
    """See that somebody speaks as `learn`.

    Raises:
        DataError: the format has no roles, or nobody has this one.
    """
    place = records[0].place
    if layout.format not in ("messages", "sharegpt", "turns"):
        raise DataError(f"{place}: {layout.format} rows have no roles; leave --learn {learn} out")
    spoken = {"user": 1, "assistant": 1} if layout.format == "turns" else _spoken(records, layout)
    if any(_speaks(name, learn) for name in spoken):
        return
    near = get_close_matches(learn, spoken, n=1)
    hint = f"; near: `{near[0]}`" if near else ""
    names = ", ".join(list(spoken)[:8]) or "none"
    raise DataError(f"{place}: nobody speaks as `{learn}`; roles found: {names}{hint}")


def _speaks(name: str, learn: str) -> bool:
    return Cast(learn).role(name) == "assistant"


def _spoken(records: Sequence[Record], layout: Layout) -> dict[str, int]:
    """Role names of a file in the order in which they first speak."""
    rows = filter(None, map(_or_none, records))
    chats = (chat for row in rows if isinstance(chat := _try(row.get(layout.prompt)), list))
    return {name: 1 for chat in chats for name in names_in(chat)}


def rows_of(
    records: Sequence[Record], layout: Layout, *, cast: Cast, bad: BadRows
) -> tuple[list[Row], tuple[Finding, ...]]:
    """Every record as a row of `layout`, and what is worth a look; misfits go to `bad`."""
    rows: list[Row] = []
    for record in records:
        try:
            rows.append(_row(_columns(record), layout, cast=cast, place=record.place))
        except Misfit as error:
            bad.report(record.place, str(error))
    return rows, (*_tool_lists(records), *_left_aside(records, layout))


def _row(columns: dict[str, Any], layout: Layout, *, cast: Cast, place: str) -> Row:
    if any(columns.get(name) for name in _MEDIA):
        raise Misfit("the row has images or sound, which are not supported yet, only text")
    missing = [name for name in (layout.prompt, layout.answer) if name and name not in columns]
    if missing:
        found = ", ".join(columns) or "nothing"
        raise Misfit(f"no column `{missing[0]}` as in the rest of the file (found: {found})")
    if layout.format == "text":
        text = text_of(columns[layout.prompt])
        turns = [Turn(role="text", text=text, learn=bool(text.strip()))]
        return Row(turns=_sound(turns), kind="text", source=place)
    turns = _opened(_TURNS[layout.format](columns, layout, cast), columns)
    return Row(turns=_sound(turns), source=place)


def _sound(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    kept = tuple(turns)
    for why in filter(None, (undecodable(said.text) for said in kept)):
        raise Misfit(why)
    return kept


def _opened(turns: list[Turn], columns: dict[str, Any]) -> list[Turn]:
    """Turns with the row's own system text and list of tools before them."""
    said = [text_of(columns[name]) for name in _SYSTEM if columns.get(name)][:1]
    if turns and turns[0].role == "system":
        said, turns = [*said, turns[0].text], turns[1:]
    if tools := columns.get("tools"):
        listed = tools if isinstance(tools, str) else as_json(tools)
        said += [f"Tools that can be called:\n{listed}"] if listed.strip("[] \n") else []
    return [turn("system", "\n\n".join(said)), *turns] if said else turns


def _chat(columns: dict[str, Any], layout: Layout, cast: Cast) -> list[Turn]:
    messages = _unpacked(columns[layout.prompt])
    if not isinstance(messages, list) or not messages:
        raise Misfit(f"`{layout.prompt}` holds no turns; expected a list of them")
    return [turn for message in messages for turn in turns_of(message, cast)]


def _turns(columns: dict[str, Any], layout: Layout, cast: Cast) -> list[Turn]:
    said = _unpacked(columns[layout.prompt])
    if not isinstance(said, list) or not said or not all(isinstance(text, str) for text in said):
        raise Misfit(f"`{layout.prompt}` is not a list of strings as in the rest of the file")
    roles = [cast.role(name) for name in ("user", "assistant")]
    return [turn(roles[place % 2], text) for place, text in enumerate(said)]


def _alpaca(columns: dict[str, Any], layout: Layout, cast: Cast) -> list[Turn]:
    asked = [text_of(columns["instruction"])]
    asked += [text for name in _CONTEXT if (text := text_of(columns.get(name)))][:1]
    history = [_exchange(pair) for pair in _unpacked(columns.get("history")) or []]
    last = [turn("user", "\n\n".join(asked)), turn("assistant", text_of(columns[layout.answer]))]
    return [*(said for pair in history for said in pair), *last]


def _exchange(pair: Any) -> list[Turn]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise Misfit("`history` must be a list of [question, answer] pairs")
    return [turn("user", text_of(pair[0])), turn("assistant", text_of(pair[1]))]


def _prompt_completion(columns: dict[str, Any], layout: Layout, cast: Cast) -> list[Turn]:
    asked = _side(columns[layout.prompt], "user", cast)
    context = text_of(columns.get("context")) if layout.prompt != "context" else ""
    if context and asked:
        asked[0] = turn(asked[0].role, f"{context}\n\n{asked[0].text}")
    given = _side(columns[layout.answer], "assistant", cast)
    return [*(turn(said.role, said.text, learn=False) for said in asked), *given]


def _side(value: Any, role: str, cast: Cast) -> list[Turn]:
    """One side of the pair: text, or messages."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "role" in value[0]:
        return [turn for message in value for turn in turns_of(message, cast)]
    return [turn(role, text_of(value))]


_TURNS = {"messages": _chat, "sharegpt": _chat, "turns": _turns, "alpaca": _alpaca,
          "prompt-completion": _prompt_completion}  # fmt: skip


def _tool_lists(records: Sequence[Record]) -> tuple[Finding, ...]:
    having = [r for r in records if isinstance(r.value, dict) and r.value.get("tools")]
    if not having:
        return ()
    what = "have a list of tools, which stands in their system turn"
    return (Finding(kind="tools", count=len(having), what=what, example=having[0].place),)


def _left_aside(records: Sequence[Record], layout: Layout) -> tuple[Finding, ...]:
    """Further columns that could have been the answer."""
    first = next((r for r in records if isinstance(r.value, dict)), None)
    if first is None or not layout.answer or not isinstance(first.value, dict):
        return ()
    rest = [name for name in ANSWERS if name in first.value and name != layout.answer]
    if not rest:
        return ()
    what = f"columns could be the answer too; `{layout.answer}` is learnt, {', '.join(rest)} is not"
    return (Finding(kind="columns", count=len(rest), what=what, example=first.place),)

"""What records mean: every record read as a row of its file's layout.

In: records, one at a time. Out: `Row`s, and what is worth a look. Never: a row of another format
let through, a record kept.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from overnight.probe.layouts import ANSWERS, Layout, columns_of, unpacked
from overnight.probe.marks import Marks
from overnight.probe.records import BadRows, Record, undecodable
from overnight.probe.roles import Cast, Misfit, as_json, text_of, turn, turns_of
from overnight.values.facts import Finding
from overnight.values.rows import Row, Turn

_SYSTEM = ("system", "system_prompt")
_CONTEXT = ("input", "context")
MAX_TURNS = 4096
"""Of a row. The longest of the data sets at hand has some hundred; where each is sought in the
rendered text, ten thousand take minutes."""
NO_MARKS = Marks()
_MEDIA = frozenset(("image", "images", "video", "videos", "audio", "audios"))


class Reader:
    """Reads the records of one file as rows of its layout, and notes what is worth a look."""

    def __init__(
        self, layout: Layout, *, cast: Cast, bad: BadRows, marks: Marks = NO_MARKS
    ) -> None:
        self._layout, self._cast, self._bad = layout, cast, bad
        self._marks = marks if marks.engagement or marks.time else None
        self._tools, self._tools_at = 0, ""
        self._rest: list[str] | None = None
        self._rest_at = ""

    def rows(self, records: Iterable[Record]) -> Iterator[Row]:
        """Every record as a row; misfits go to the bad ones."""
        for record in records:
            self._note(record)
            try:
                columns = columns_of(record)
                row = _row(columns, self._layout, cast=self._cast, place=record.place)
                yield self._marked(row, columns)
            except Misfit as error:
                self._bad.report(record.place, str(error))

    def _marked(self, row: Row, columns: dict[str, Any]) -> Row:
        """The row with its engagement and its time, where the file tells them."""
        if self._marks is None:
            return row
        engagement, time = self._marks.of(columns, row.source)
        return replace(row, engagement=engagement, time=time)

    def _note(self, record: Record) -> None:
        if not isinstance(record.value, dict):
            return
        if record.value.get("tools"):
            self._tools_at = self._tools_at or record.place
            self._tools += 1
        if self._rest is None:
            names = (name for name in ANSWERS if name in record.value)
            self._rest = [name for name in names if name != self._layout.answer]
            self._rest_at = record.place

    def findings(self) -> tuple[Finding, ...]:
        """Lists of tools, and further columns that could have been the answer."""
        found = []
        if self._tools:
            what = "have a list of tools, which stands in their system turn"
            found.append(
                Finding(kind="tools", count=self._tools, what=what, example=self._tools_at)
            )
        if self._rest and self._layout.answer:
            learnt, rest = self._layout.answer, ", ".join(self._rest)
            what = f"columns could be the answer too; `{learnt}` is learnt, {rest} is not"
            count = len(self._rest)
            found.append(Finding(kind="columns", count=count, what=what, example=self._rest_at))
        return tuple(found)


def _row(columns: dict[str, Any], layout: Layout, *, cast: Cast, place: str) -> Row:
    if not _MEDIA.isdisjoint(columns) and any(columns.get(name) for name in _MEDIA):
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
    kept = tuple(islice(turns, MAX_TURNS + 1))
    if len(kept) > MAX_TURNS:
        raise Misfit(f"more than {MAX_TURNS:,} turns; a row is one conversation")
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
    messages = unpacked(columns[layout.prompt])
    if not isinstance(messages, list) or not messages:
        raise Misfit(f"`{layout.prompt}` holds no turns; expected a list of them")
    return [turn for message in messages for turn in turns_of(message, cast)]


def _turns(columns: dict[str, Any], layout: Layout, cast: Cast) -> list[Turn]:
    said = unpacked(columns[layout.prompt])
    if not isinstance(said, list) or not said or not all(isinstance(text, str) for text in said):
        raise Misfit(f"`{layout.prompt}` is not a list of strings as in the rest of the file")
    roles = [cast.role(name) for name in ("user", "assistant")]
    return [turn(roles[place % 2], text) for place, text in enumerate(said)]


def _alpaca(columns: dict[str, Any], layout: Layout, cast: Cast) -> list[Turn]:
    asked = [text_of(columns["instruction"])]
    asked += [text for name in _CONTEXT if (text := text_of(columns.get(name)))][:1]
    history = [_exchange(pair) for pair in unpacked(columns.get("history")) or []]
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

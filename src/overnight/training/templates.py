"""Conversations through a chat template, with the learnt characters found exactly.

In: turns, a tokenizer with a template. Out: text and the spans of it that are learnt. Never:
tokens, learnt text that the template has changed or dropped.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from jinja2.exceptions import TemplateError, TemplateSyntaxError

from overnight.training import places
from overnight.training.copying import copies
from overnight.training.shapes import SHAPES, Message, as_is
from overnight.training.time_limit import within
from overnight.values.errors import DataError, ModelError
from overnight.values.rows import Row, Turn

OWN, PLAIN, NONE = "the tokenizer's own", "built-in plain", "none"

_PLAIN = """{%- for message in messages %}
{%- if message['role'] == 'assistant' %}
{{- 'assistant:\\n' }}{% generation %}{{- message['content'] + eos_token }}{% endgeneration %}
{{- '\\n\\n' }}
{%- else %}
{{- message['role'] + ':\\n' + message['content'] + '\\n\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- 'assistant:\\n' }}
{%- endif %}"""

_DATE = "26 Jul 2024"
"""What Llama 3 templates say where no clock is at hand: tokens may not change at midnight."""
_REFUSALS = (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError,
             RecursionError, MemoryError)  # fmt: skip
MOST_SECONDS = 20.0
"""For one conversation: a template comes with the model, and may have no end. The longest row that
is read (4 MB) takes one."""


def ensure_template(tokenizer: Any) -> str:
    """Whose template is used: the tokenizer's own, or the built-in plain one, now installed.

    Raises:
        ModelError: there is none, and no end-of-text token to build one with.
    """
    if getattr(tokenizer, "chat_template", None):
        return PLAIN if tokenizer.chat_template.endswith(_PLAIN) else OWN
    require_eos(tokenizer)
    starts = tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    tokenizer.chat_template = ("{{- bos_token }}" if starts else "") + _PLAIN
    return PLAIN


def require_eos(tokenizer: Any) -> None:
    """See that a model can learn to stop.

    Raises:
        ModelError: the tokenizer has no end-of-text token.
    """
    if not tokenizer.eos_token:
        raise ModelError(
            f"{tokenizer.name_or_path or 'the tokenizer'} has no end-of-text token, so a model"
            " could not learn to stop; name one as `eos_token` in tokenizer_config.json"
        )


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as text, and which characters [start, end) of it are learnt."""

    text: str
    spans: tuple[tuple[int, int], ...]
    thoughts_dropped: bool = False
    """Whether the template leaves the reasoning of earlier turns out, as some are made to."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """How a template writes one sequence of roles: a shape, and what stands around the contents."""

    shape: Callable[[Sequence[Turn]], list[Message]]
    pieces: tuple[str, ...]
    """One more than there are messages; empty where the contents cannot be told apart."""
    forms: tuple[Callable[[str], str], ...] = ()
    """How each content is copied, where the template does no more; empty where it must be run."""


class Scribe:
    """Renders conversations with one tokenizer's template."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        template = tokenizer.chat_template
        self._copies = isinstance(template, str) and copies(template)
        self._patterns: dict[tuple[str, ...], _Pattern] = {}
        special = {*tokenizer.all_special_tokens, *_added(tokenizer)}
        special -= {tokenizer.bos_token} - {tokenizer.eos_token} | {None, ""}
        longest = sorted(map(re.escape, special), key=len, reverse=True)
        self._stop = re.compile(rf"\s*(?:{'|'.join(longest)})") if longest else None
        self._tail = self._after_answer()

    @property
    def stops(self) -> bool:
        """Whether the template ends an answer with anything that can be learnt."""
        return bool(self._tail)

    def render(self, row: Row) -> Rendered:
        """The row's conversation, each learnt turn with the end-of-turn text that follows it.

        Raises:
            DataError: the template refuses the row, or changes or drops what would be learnt.
            ModelError: the template itself is broken.
        """
        roles = tuple(turn.role for turn in row.turns)
        if roles not in self._patterns:
            self._patterns[roles] = self._study(roles, row.source)
        pattern = self._patterns[roles]
        messages = pattern.shape(row.turns)
        contents = [message.content for message in messages]
        if pattern.forms and all(content and not content.isspace() for content in contents):
            said = [form(content) for form, content in zip(pattern.forms, contents, strict=True)]
            text, known = places.joined(pattern.pieces, said, contents)
            return Rendered(text, tuple(self._spans(text, messages, known)))
        try:
            text = self._write(messages)
        except _REFUSALS as error:
            raise DataError(_refused(row.source, str(error))) from None
        found = places.found(text, pattern.pieces, contents)
        if found is None:
            return self._search(row, messages, text)
        return Rendered(text, tuple(self._spans(text, messages, found)))

    def _write(self, messages: Sequence[Message], *, ask: bool = False) -> str:
        said = [{"role": message.role, "content": message.content} for message in messages]
        where = self._tokenizer.name_or_path or "the tokenizer"
        late = ModelError(f"{where}: its chat template was not done with one conversation after "
                          f"{MOST_SECONDS:.0f} s; mend or remove it")  # fmt: skip
        try:
            with within(MOST_SECONDS, late):
                text = self._tokenizer.apply_chat_template(
                    said, tokenize=False, add_generation_prompt=ask, date_string=_DATE
                )
        except TemplateSyntaxError as error:
            raise ModelError(f"{where}: its chat template is broken: {error}; mend or remove it"
                             ) from None  # fmt: skip
        return str(text)

    def _after_answer(self) -> str:
        """What the template writes after the last answer of a conversation."""
        marks = [
            Turn(role=role, text=places.mark(n), learn=False) for n, role in enumerate(_EXCHANGE)
        ]
        try:
            return self._write(as_is(marks)).partition(places.mark(1))[2]
        except _REFUSALS:
            return ""

    def _study(self, roles: tuple[str, ...], source: str) -> _Pattern:
        """The first shape of these roles that the template writes whole."""
        marks = [Turn(role=role, text=places.mark(n), learn=False) for n, role in enumerate(roles)]
        reason = ""
        for shape in SHAPES:
            try:
                text = self._write(shape(marks))
            except _REFUSALS as error:
                reason = reason or str(error)
                continue
            lost = [role for n, role in enumerate(roles) if places.mark(n) not in text]
            if not lost:
                pieces = places.around(text, shape(marks))
                return _Pattern(shape, pieces, self._forms(shape(marks), pieces))
            reason = reason or f"it leaves out the {lost[0]} turn"
        raise DataError(_refused(source, reason))

    def _forms(
        self, messages: Sequence[Message], pieces: tuple[str, ...]
    ) -> tuple[Callable[[str], str], ...]:
        """How each content is copied; nothing where the template does more than that."""
        if not self._copies or not pieces:
            return ()
        probes = places.odd(messages)
        contents = [probe.content for probe in probes]
        try:
            text = self._write(probes)
        except _REFUSALS:
            return ()
        copied = [text[at:end] for at, end, _ in places.found(text, pieces, contents) or ()]
        return places.forms(contents, copied)

    def _spans(
        self, text: str, messages: Sequence[Message], known: Sequence[places.Place]
    ) -> Iterator[tuple[int, int]]:
        """Learnt spans, given each content's (start, end, characters stripped before it)."""
        for message, (start, end, stripped) in zip(messages, known, strict=True):
            for first, past, last in message.learnt():
                low, high = (max(start, start + at - stripped) for at in (first, past))
                yield low, (self._stopped(text, end) if last else min(high, end))

    def _stopped(self, text: str, end: int) -> int:
        """Where the end-of-turn text that follows an answer ends: a special token, else what
        follows every answer."""
        found = self._stop.match(text, end) if self._stop else None
        if found:
            return found.end()
        after = text[end : end + len(self._tail)]
        pairs = zip(after, self._tail, strict=False)
        alike = takewhile(lambda pair: pair[0] == pair[1], pairs)
        same = "".join(one for one, _ in alike)
        return end + (len(same.rstrip()) or len(same))

    def _search(self, row: Row, messages: Sequence[Message], text: str) -> Rendered:
        """For templates that treat contents differently: each answer after its own prompt."""
        known, dropped = [], False
        for n, message in enumerate(messages):
            if not any(message.learnt()):
                known.append((0, 0, 0))
                continue
            before = self._write(messages[:n], ask=True) if n else ""
            found = places.answered(text, before, message.content)
            if found is None and message is not messages[-1] and "</think>" in message.content:
                found, dropped = places.answered(text, before, _spoken(message.content)), True
            if found is None:
                raise DataError(_changed(row, message.content))
            known.append(found)
        return Rendered(text, tuple(self._spans(text, messages, known)), dropped)


_EXCHANGE = ("user", "assistant")


def _added(tokenizer: Any) -> list[str]:
    return [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]


def _spoken(content: str) -> str:
    return content.rpartition("</think>")[2].strip()


def _refused(source: str, reason: str) -> str:
    return f"{source}: the tokenizer's chat template refuses the row: {reason}"


def _changed(row: Row, content: str) -> str:
    return (
        f"{row.source}: the chat template changes or drops text that would be learnt"
        f" ({' '.join(content.split())[:40]!r})"
    )

"""Who speaks: the one table of role names, and turns made from messages as people write them.

In: one message of any chat format. Out: `Turn`s. Never: guessing a role that is in no table.
"""

import json
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from overnight.values.rows import Turn

ROLES = {
    "assistant": "assistant gpt chatgpt bot chatbot model ai counselor counsellor therapist doctor"
    " agent advisor tutor teacher expert answerer claude bard bing llama gemini"
    " function_call tool_call",
    "user": "user human client prompter customer patient student visitor seeker questioner person"
    " instruction",
    "system": "system developer system_prompt",
    "tool": "tool function observation function_response function_output function_result"
    " tool_response tool_result tool_output ipython environment",
}
"""What a turn is called in a Row, and the names that data sets use for it."""

_CANONICAL = {name: role for role, names in ROLES.items() for name in names.split()}
_ROLE_KEYS = ("role", "from", "speaker")
_TEXT_KEYS = ("content", "value", "text")
_WEIGHT_KEYS = ("weight", "loss_weight")
_THINKING = ("reasoning", "thinking", "thought")
_CALLS = ("tool_call", "tool_calls", "tool_use", "function_call")
_MEDIA = ("image", "audio", "video", "file", "input_image", "input_audio")


class Misfit(ValueError):
    """Why one record is not a row of its file's format."""


def _plain(role: str) -> str:
    return role.strip().lower().replace("-", "_").replace(" ", "_")


@dataclass(frozen=True, slots=True)
class Cast:
    """Which role is learnt: the assistant's, or the one that was asked for."""

    learn: str | None = None

    def role(self, name: str) -> str:
        """`system`, `user`, `assistant` or `tool`; the learnt role is always `assistant`.

        Raises:
            Misfit: the name is in no table and no other role is learnt.
        """
        plain = _plain(name)
        known = _CANONICAL.get(plain)
        if self.learn is not None:
            wanted = _plain(self.learn)
            if wanted in (plain, known):
                return "assistant"
            return "system" if known == "system" else "user"
        if known is None:
            raise Misfit(_unknown(name, plain))
        return known


def _unknown(name: str, plain: str) -> str:
    near = get_close_matches(plain, _CANONICAL, n=1)
    hint = f"; near: `{near[0]}`" if near else ""
    return (
        f"role `{name[:40]}` is not known{hint}; expected system, user/human, assistant/gpt, tool"
        f" and their kin, or --learn ROLE with the role that is to be learnt"
    )


def wrapped(kind: str, text: str) -> str:
    """Reasoning and calls of tools as the markers that open chat models write."""
    if kind in _THINKING:
        return f"<think>\n{text.strip()}\n</think>\n"
    return f"<tool_call>\n{text.strip()}\n</tool_call>" if kind in _CALLS else text


def _part(part: Any) -> str:
    if not isinstance(part, dict):
        return text_of(part)
    kind = str(part.get("type", "text"))
    if kind.removesuffix("_url") in _MEDIA:
        raise Misfit(f"content of type `{kind}`: images and sound are not supported yet, only text")
    for key in ("text", "value", "content", *_THINKING, *_CALLS):
        if part.get(key) is not None:
            value = part[key]
            return wrapped(kind, value if isinstance(value, str) else as_json(value))
    return wrapped(kind, as_json({k: v for k, v in part.items() if k != "type"}))


def as_json(value: object) -> str:
    """JSON as text that a model can read and write."""
    return json.dumps(value, ensure_ascii=False, default=str)


def text_of(value: Any) -> str:
    """Text of a content: a string, a number, nothing, or a list of parts.

    Raises:
        Misfit: it is something else, or a part holds an image.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(_part(part) for part in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise Misfit(f"expected text, found {type(value).__name__} ({str(value)[:40]!r})")


def turn(role: str, text: str, *, learn: bool = True) -> Turn:
    """A turn that is learnt if it is the assistant's, says something and may be."""
    return Turn(role=role, text=text, learn=learn and role == "assistant" and bool(text.strip()))


def _weight(message: dict[str, Any]) -> bool:
    weight = next((message[key] for key in _WEIGHT_KEYS if message.get(key) is not None), 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or weight < 0:
        raise Misfit(f"weight {weight!r}; expected 0 (not learnt) or 1 (learnt)")
    return weight > 0


def _calls(message: dict[str, Any]) -> list[str]:
    """The tool calls of a message in OpenAI's form, each as JSON text."""
    calls = message.get("tool_calls") or message.get("function_call") or []
    inner = [
        call.get("function", call) if isinstance(call, dict) else call
        for call in (calls if isinstance(calls, list) else [calls])
    ]
    return [
        wrapped("tool_call", call if isinstance(call, str) else as_json(call)) for call in inner
    ]


def _spoken(message: dict[str, Any]) -> str:
    content = next((message[key] for key in _TEXT_KEYS if message.get(key) is not None), None)
    thought = message.get("reasoning_content") or message.get("reasoning") or ""
    said = [wrapped("reasoning", text_of(thought))] if thought else []
    said += [text] if (text := text_of(content)) else []
    return "\n".join([*said, *_calls(message)])


def names_in(messages: Any) -> list[str]:
    """The role names that a chat uses, as they are written."""
    spoken = [message for message in messages if isinstance(message, dict)]
    return [str(m[key]) for m in spoken for key in _ROLE_KEYS if m.get(key)]


def turns_of(message: Any, cast: Cast) -> list[Turn]:
    """One message as a turn, or two where it is a pair such as {"human": ..., "assistant": ...}.

    Raises:
        Misfit: it has no role, an unknown one, or a content that is not text.
    """
    if not isinstance(message, dict):
        raise Misfit(f"a turn is {type(message).__name__}; expected an object with role and text")
    name = next((message[key] for key in _ROLE_KEYS if message.get(key)), None)
    if isinstance(name, str):
        said = wrapped(_plain(name), _spoken(message))
        return [turn(cast.role(name), said, learn=_weight(message))]
    pair = {key: value for key, value in message.items() if _plain(key) in _CANONICAL}
    if not pair or name is not None:
        found = ", ".join(map(str, message)) or "nothing"
        raise Misfit(f"a turn without a role (found: {found}); expected role/content or from/value")
    return [turn(cast.role(key), text_of(value)) for key, value in pair.items()]

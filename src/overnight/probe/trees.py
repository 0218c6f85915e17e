"""Trees of messages (`parent_id`, nested `replies`) -> conversations from the root down.

In: records of a tree, nested or flat. Out: records of `messages`, one for each tree: where several
answers were given the best one is gone on from. Never: a deleted message, one that reviewers turned
down, an answer learnt twice.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from overnight.probe.records import Record

MOST_DEEP = 512
LEFT_OUT = "trees without an answer"
Flat = dict[str, list[tuple[dict[str, Any], str]]]
"""Messages with their places, by the message that they answer."""


def is_tree(value: object) -> bool:
    """Whether a record is a message that names its parent or holds its replies."""
    if not isinstance(value, dict):
        return False
    replies = value.get("replies") if "text" in value else None
    below = replies if isinstance(replies, list) else []  # a mere list of none is no tree
    nested = any(isinstance(one, dict) and "text" in one for one in below)
    flat = {"parent_id", "message_id"} <= set(value)
    return nested or flat


def conversations(records: Iterable[Record]) -> Iterator[Record]:
    """One record for each tree, in the order of their roots; its value is a string where a tree
    has nothing to learn."""
    flat: Flat = {}
    roots: list[tuple[dict[str, Any], str]] = []
    for record in records:
        message = record.value if isinstance(record.value, dict) else {}
        if isinstance(message.get("replies"), list):
            yield _told(message, record.place, {})
        elif message.get("parent_id"):
            flat.setdefault(str(message["parent_id"]), []).append((message, record.place))
        else:
            roots.append((message, record.place))
    # A flat tree's messages may stand anywhere in the file, and its root in none of it.
    there = {str(one.get("message_id")) for one, _ in chain(roots, *flat.values())}
    lost = chain.from_iterable(flat[parent] for parent in flat if parent not in there)
    for message, place in (*roots, *lost):
        yield _told(message, place, flat)


def _told(root: dict[str, Any], place: str, flat: Flat) -> Record:
    messages: list[dict[str, Any]] = []
    taken, time, at = 0.0, None, root
    while _sound(at) and len(messages) < MOST_DEEP:
        messages.append({"role": str(at.get("role") or ""), "content": str(at["text"])})
        taken += len(_replies(at, flat))
        time = at.get("created_date") or time
        below = [one for one in _replies(at, flat) if _sound(one)]
        if not below:
            break
        at = min(below, key=lambda one: (_rank(one), -len(_replies(one, flat))))
    while messages and not _answers(messages[-1]):
        messages.pop()
    if not messages:
        return Record(LEFT_OUT, place)
    return Record({"messages": messages, "engagement": taken, "timestamp": time}, place)


def _answers(message: dict[str, Any]) -> bool:
    return message["role"] not in ("prompter", "user", "human")


def _replies(message: dict[str, Any], flat: Flat) -> list[dict[str, Any]]:
    nested = message.get("replies")
    if isinstance(nested, list):
        return [one for one in nested if isinstance(one, dict)]
    return [one for one, _ in flat.get(str(message.get("message_id")), [])]


def _sound(message: dict[str, Any]) -> bool:
    kept = not message.get("deleted") and message.get("review_result") is not False
    return kept and bool(str(message.get("text") or "").strip())


def _rank(message: dict[str, Any]) -> float:
    """The best first, as reviewers ranked them; of equals the one that most was said to goes on."""
    rank = message.get("rank")
    return float(rank) if isinstance(rank, int | float) else float("inf")

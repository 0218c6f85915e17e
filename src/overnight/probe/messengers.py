"""Exports of messengers: DiscordChatExporter's JSON and Telegram Desktop's.

In: one message as the export has it. Out: `Said` or `NoTalk`. Never: whom a message answers by what
it says (threads.py), an attachment.

The shapes are those that the exporters document; no export of either is in any licence that would
allow to test on it, so the tests' files are constructed.
"""

from collections.abc import Callable
from typing import Any

from overnight.probe.marks import count_of, seconds_of
from overnight.probe.records import Record
from overnight.probe.said import NoTalk, Said, talk

Read = Callable[[dict[str, Any], str], Said | NoTalk]
SILENT = "attachments, stickers and commands"


def reader_of(value: object) -> Read | None:
    """What reads messages like this one; None for anything else."""
    if not isinstance(value, dict):
        return None
    author = value.get("author")
    if isinstance(author, dict) and "content" in value and {"name", "id"} <= set(author):
        return discord
    if "type" in value and "text" in value and ("from_id" in value or "actor" in value):
        return telegram
    return None


def discord(message: dict[str, Any], place: str) -> Said | NoTalk:
    """A message of DiscordChatExporter (JSON)."""
    author = message.get("author") or {}
    if author.get("isBot"):
        return NoTalk("bots")
    if message.get("type", "Default") not in ("Default", "Reply", 0, 19):
        return NoTalk("joins, pins and calls")
    text = talk(str(message.get("content") or ""))
    if not text:
        return NoTalk(SILENT)
    reference = message.get("reference") or {}
    return Said(
        author=str(author.get("nickname") or author.get("name") or author.get("id")),
        text=text, place=place, time=seconds_of(message.get("timestamp")),
        key=str(message.get("id") or ""), answers=str(reference.get("messageId") or ""),
        taken=count_of(message.get("reactions") or []) or 0.0,
    )  # fmt: skip


def telegram(message: dict[str, Any], place: str) -> Said | NoTalk:
    """A message of Telegram Desktop's `result.json` of one chat."""
    if message.get("type") != "message":
        return NoTalk("joins, pins and calls")
    if message.get("via_bot"):
        return NoTalk("bots")
    if message.get("forwarded_from"):
        return NoTalk("forwarded messages")
    text = talk(_plain(message.get("text")))
    if not text:
        return NoTalk(SILENT)
    when = message.get("date_unixtime") or message.get("date")
    return Said(
        author=str(message.get("from") or message.get("from_id") or "somebody"), text=text,
        place=place, time=seconds_of(when), key=str(message.get("id") or ""),
        answers=str(message.get("reply_to_message_id") or ""),
        taken=count_of(message.get("reactions") or []) or 0.0,
    )  # fmt: skip


def _plain(text: Any) -> str:
    """A text, or the pieces of one (links, mentions, bold)."""
    if isinstance(text, list):
        return "".join(_plain(piece) for piece in text)
    if isinstance(text, dict):
        return str(text.get("text") or "")
    return str(text or "")


def said(record: Record, read: Read) -> Said | NoTalk:
    """A record, read; what is no message of this export is no talk."""
    if isinstance(record.value, dict):
        return read(record.value, record.place)
    return NoTalk("no message")

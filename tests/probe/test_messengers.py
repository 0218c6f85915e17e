"""Messengers' exports, constructed after their exporters' documentation."""

import pytest

from overnight.probe import messengers
from overnight.probe.messengers import discord, telegram
from overnight.probe.records import Record
from overnight.probe.said import NoTalk, Said

ANN = {"id": "1", "name": "ann", "discriminator": "0001", "nickname": "Ann L.", "isBot": False}
DISCORD = {
    "id": "77", "type": "Reply", "timestamp": "2023-01-01T12:00:00.5+00:00",
    "timestampEdited": "2023-01-01T12:01:00+00:00", "content": "yes 🙂", "author": ANN,
    "attachments": [], "embeds": [], "reference": {"messageId": "76"},
    "reactions": [{"emoji": {"name": "👍"}, "count": 3}, {"emoji": {"name": "x"}, "count": 1}],
}  # fmt: skip
TELEGRAM = {
    "id": 8, "type": "message", "date": "2023-01-01T12:00:00", "date_unixtime": "1672574400",
    "from": "Ann", "from_id": "user1", "reply_to_message_id": 7, "edited": "2023-01-01T12:01:00",
    "text": ["see ", {"type": "link", "text": "https://a.example"}, " שלום"],
    "reactions": [{"type": "emoji", "count": 2, "emoji": "👍"}],
}  # fmt: skip


def test_a_discord_message_is_read_whole():
    assert discord(DISCORD, "a.json:1") == Said(
        author="Ann L.", text="yes 🙂", place="a.json:1", time=1_672_574_400.5, key="77",
        answers="76", taken=4.0)  # fmt: skip


def test_a_telegram_message_is_read_whole():
    assert telegram(TELEGRAM, "r.json:1") == Said(
        author="Ann", text="see https://a.example שלום", place="r.json:1", time=1_672_574_400.0,
        key="8", answers="7", taken=2.0)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"author": ANN | {"isBot": True}}, "bots"),
        ({"type": "GuildMemberJoin"}, "joins, pins and calls"),
        ({"content": "", "attachments": [{"url": "a.png"}]}, messengers.SILENT),
        ({"content": "!play"}, messengers.SILENT),
    ],
)
def test_what_nobody_said_on_discord_is_left_out(change, why):
    assert discord(DISCORD | change, "a.json:1") == NoTalk(why)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"type": "service", "action": "pin_message"}, "joins, pins and calls"),
        ({"via_bot": "@gif"}, "bots"),
        ({"forwarded_from": "News"}, "forwarded messages"),
        ({"text": "", "photo": "(File not included)"}, messengers.SILENT),
    ],
)
def test_what_nobody_said_on_telegram_is_left_out(change, why):
    assert telegram(TELEGRAM | change, "r.json:1") == NoTalk(why)


def test_a_deleted_account_is_somebody():
    assert telegram(TELEGRAM | {"from": None}, "r.json:1").author == "user1"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(DISCORD, discord), (TELEGRAM, telegram), ({"content": "x", "role": "user"}, None),
     ({"type": "a", "text": "b"}, None), ("text", None), ({"content": "x", "author": "ann"}, None)],
)  # fmt: skip
def test_exports_are_known_by_what_only_they_have(value, expected):
    assert messengers.reader_of(value) is expected


def test_what_is_no_object_is_no_message():
    assert messengers.said(Record([1], "a.json:2"), discord) == NoTalk("no message")

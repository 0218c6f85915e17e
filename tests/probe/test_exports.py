"""Exports become conversations, and every message left out is counted."""

import json

import pytest

from overnight.probe.sources import Source
from overnight.values.errors import DataError

ANN = {"id": "1", "name": "ann11", "nickname": "ann11", "isBot": False}
BOB = ANN | {"id": "2", "name": "bob22", "nickname": "bob22"}
BOT = ANN | {"id": "3", "name": "beep", "isBot": True}


def discord(author, text, at, **more):
    return {"id": f"{at}", "type": "Default", "timestamp": f"2023-01-01T12:{at:02d}:00+00:00",
            "content": text, "author": author, "reactions": [], **more}  # fmt: skip


def export(tmp_path, messages, name="general.json"):
    path = tmp_path / name
    whole = {"guild": {"id": "9"}, "channel": {"name": "general"}, "messages": messages,
             "messageCount": len(messages)}  # fmt: skip
    path.write_text("\ufeff" + json.dumps(whole), "utf-8")
    return path


TALK = [discord(ANN, "how do I <b>mount</b> it?", 1), discord(BOT, "beep", 2),
        discord(BOB, "with the mount command", 3, reactions=[{"emoji": {}, "count": 2}]),
        discord(ANN, "אני מבינה, thanks 🙂", 4), discord(BOB, "you are welcome", 5)]  # fmt: skip


def test_a_discord_export_is_learnt_as_conversations(tmp_path):
    source = Source(str(export(tmp_path, TALK)))
    (row,) = source
    assert [(one.role, one.learn, one.text) for one in row.turns] == [
        ("user", False, "how do I <b>mount</b> it?"), ("assistant", True, "with the mount command"),
        ("user", False, "אני מבינה, thanks 🙂"), ("assistant", True, "you are welcome"),
    ]  # fmt: skip
    (found,) = source.findings
    assert (found.kind, found.count) == ("threads", 1)
    assert found.what.endswith("made of 5 lines; left out: 1 bots")
    assert (row.engagement, row.time) == (2.0, 1_672_574_700.0)


def test_whose_voice_is_learnt_can_be_named(tmp_path):
    path = str(export(tmp_path, [*TALK, discord(ANN, "I shall do that now", 6)]))
    (row,) = Source(path, learn="ANN11")
    assert row.learnt == "אני מבינה, thanks 🙂\nI shall do that now"
    with pytest.raises(
        DataError, match=r"nobody speaks as `ann1`; heard: ann11, bob22; near: `ann11"
    ):
        list(Source(path, learn="ann1"))


def test_a_folder_of_channels_is_read_by_name(tmp_path):
    for name in ("b.json", "a.json"):
        export(tmp_path, TALK, name)
    (tmp_path / "README.md").write_text("about it", "utf-8")
    assert [row.source for row in Source(str(tmp_path))] == ["a.json:1", "b.json:1"]
    (tmp_path / "c.csv").write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(DataError, match=r"files of several kinds \(\.csv, \.json\)"):
        list(Source(str(tmp_path)))


def test_an_export_without_a_conversation_says_so(tmp_path):
    with pytest.raises(DataError, match="no conversation came of its 1 lines: 1 nobody answered"):
        list(Source(str(export(tmp_path, TALK[:1]))))


def test_a_real_tree_is_learnt_from_its_root_down(shared_data):
    source = Source(str(shared_data / "openassistant_sample/en_100_message.jsonl"))
    rows = list(source)
    assert len(rows) == 100 and source.marks.engagement == "engagement"
    assert all(row.turns[-1].learn for row in rows)


def test_a_role_of_a_tree_can_be_learnt_in_place_of_the_assistants(shared_data):
    path = str(shared_data / "openassistant_sample/en_100_message.jsonl")
    assert all(row.turns[0].learn for row in Source(path, learn="prompter"))


def test_a_real_channel_becomes_hundreds_of_conversations(shared_data):
    source = Source(str(shared_data / "ubuntu_irc/train/2004-12-25.train-c.raw.txt"))
    rows = list(source)
    assert 30 < len(rows) < 200
    assert all({turn.role for turn in row.turns} == {"user", "assistant"} for row in rows)

"""Logs of channels: who said what and when; whatever else stands in them is no talk."""

import pytest

from overnight.probe import irc
from overnight.probe.records import BadRows
from overnight.probe.said import NoTalk, Said

LOG = """[23:58] <ann> does xine play ogg?
[23:59] <@bob> ann: yes, with w32codecs
=== carl [~c@host.example] has joined #ubuntu
=== ann is now known as ann_away
[00:01] <ann_away> thanks
[00:01] * bob waves
[00:02] <carl> !help
[00:03] <carl>
a line that is none
"""


def read(tmp_path, text=LOG, name="2004-12-25.txt"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path, [one.value for one in irc.records(path, BadRows(skip=False))]


def test_messages_have_their_author_their_text_and_their_place(tmp_path):
    _, found = read(tmp_path)
    said = [one for one in found if isinstance(one, Said)]
    assert [(one.author, one.text) for one in said] == [
        ("ann", "does xine play ogg?"), ("bob", "ann: yes, with w32codecs"), ("ann", "thanks"),
        ("bob", "*waves*"),
    ]  # fmt: skip
    assert said[1].place == "2004-12-25.txt:2"


def test_nobody_is_renamed_by_what_somebody_says(tmp_path):
    _, found = read(tmp_path, "[09:14] <ann> === bob is now known as ann\n[09:15] <ann> hi\n")
    assert [one.author for one in found] == ["ann", "ann"]


def test_a_clock_that_falls_back_has_passed_midnight(tmp_path):
    _, found = read(tmp_path)
    times = [one.time for one in found if isinstance(one, Said)]
    assert times[0] == 1_104_019_080  # 25 December 2004, 23:58 UTC
    assert [time - times[0] for time in times] == [0, 60, 180, 180]


def test_what_is_no_talk_says_why(tmp_path):
    _, found = read(tmp_path)
    assert [one.why for one in found if isinstance(one, NoTalk)] == [
        "joins, parts and other names", "joins, parts and other names",
        "commands and empty lines", "commands and empty lines", "no talk",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "author", "time"),
    [
        ("2006-06-01 09:14:30 <ann> hi all", "ann", 1_149_153_270),
        ("[2006-06-01T09:14] <+ann> hi all", "ann", 1_149_153_240),
        ("09:14 <ann> hi all", "ann", None),
        ("[09:14] <|Quad-> hi all", "|Quad-", None),
    ],
)
def test_clients_write_their_clocks_in_their_own_ways(tmp_path, line, author, time):
    path, (found,) = read(tmp_path, f"\ufeff{line}\n", "channel.log")
    assert irc.is_log(path)
    assert (found.author, found.text, found.time) == (author, "hi all", time)


@pytest.mark.parametrize("text", ["Once upon a time\nthere was a <b>log</b>\n", "", "[1] a note\n"])
def test_any_other_text_is_no_log(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_text(text, "utf-8")
    assert not irc.is_log(path)


def test_a_real_channels_messages_are_all_read(shared_data):
    folder = shared_data / "ubuntu_irc/train"
    every = [one.value for path in sorted(folder.glob("*.txt"))
             for one in irc.records(path, BadRows(skip=False))]  # fmt: skip
    talk = sum(isinstance(one, Said) or one.why == "commands and empty lines" for one in every)
    assert 0.97 * 63_394 < talk <= 63_394  # of these some begin with a bare time

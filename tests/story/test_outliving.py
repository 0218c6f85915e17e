"""Words that nobody hears end nothing."""

import os
import subprocess
import sys

import pytest

from overnight.story.outliving import Lasting, outliving_readers

TALKS = """
import sys, time
from rich.console import Console
from overnight.story.outliving import outliving_readers
with outliving_readers():
    console = Console()
    sys.stdin.readline()
    for _ in range(3):
        print("a line", flush=True)
        console.print("another")
        print("a third", file=sys.stderr)
sys.exit(4)
"""


def talker(out: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", TALKS], stdin=subprocess.PIPE, stdout=out,
                            stderr=out)  # fmt: skip


def test_a_reader_that_is_gone_changes_neither_the_work_nor_the_status():
    read, write = os.pipe()
    process = talker(write)
    os.close(write)
    os.close(read)
    process.communicate(b"go on\n")
    assert process.returncode == 4


@pytest.mark.skipif(os.name != "posix", reason="terminals as POSIX has them")
def test_a_terminal_that_is_closed_changes_neither_the_work_nor_the_status():
    mine, theirs = os.openpty()
    process = talker(theirs)
    os.close(theirs)
    os.close(mine)
    process.communicate(b"go on\n")
    assert process.returncode == 4


def test_whoever_still_reads_errors_is_told_once():
    read, write = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", TALKS], stdin=subprocess.PIPE, stdout=write,
                               stderr=subprocess.PIPE)  # fmt: skip
    os.close(write)
    os.close(read)
    _, said = process.communicate(b"go on\n")
    assert said.decode().count("nobody reads this any more; the night goes on") == 1


def test_what_can_be_said_is_said_as_before(capfd):
    stream = Lasting(sys.stdout)
    stream.write("one\n")
    stream.writelines(["two\n", "three\n"])
    stream.flush()
    assert capfd.readouterr().out == "one\ntwo\nthree\n"
    assert stream.encoding == sys.stdout.encoding


def test_a_stream_is_wrapped_once_and_is_itself_again_afterwards():
    before = sys.stdout, sys.stderr
    with outliving_readers():
        first = sys.stdout
        with outliving_readers():
            assert sys.stdout is first and isinstance(first, Lasting)
    assert (sys.stdout, sys.stderr) == before

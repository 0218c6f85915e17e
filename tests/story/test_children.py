"""Real processes: how they end, how they are ended, and that none outlives its parent."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.small_nights import alive, wait_until

from overnight.story.children import Child, Signals

SLEEP = "import time; time.sleep(600)"


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes every child run a program of the test in place of `overnight`."""

    def install(program: str) -> Path:
        path = tmp_path / "python"
        path.write_text(f"#!{sys.executable}\n{program}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(path))
        return path

    return install


@pytest.mark.parametrize("status", [0, 3, 4])
def test_the_exit_status_of_a_child_is_told(stand_in, status: int):
    stand_in(f"raise SystemExit({status})")
    assert Child.start(["_night", "run"]).wait(30.0) == status


def test_a_child_is_given_the_words_and_a_lifeline(stand_in, tmp_path: Path):
    stand_in("import os, sys\n"
             f"open({str(tmp_path / 'seen')!r}, 'w').write(' '.join(sys.argv[1:])"
             " + os.environ['OVERNIGHT_LIFELINE'])")  # fmt: skip
    assert Child.start(["_publish", "run", "checkpoint-5"]).wait(30.0) == 0
    assert (tmp_path / "seen").read_text() == "-m overnight _publish run checkpoint-51"


def test_several_processes_are_started_by_torchrun(stand_in, tmp_path: Path):
    stand_in("import sys\n"
             f"open({str(tmp_path / 'seen')!r}, 'w').write(' '.join(sys.argv[1:]))")  # fmt: skip
    Child.start(["_night", "run"], processes=2).wait(30.0)
    seen = (tmp_path / "seen").read_text()
    assert seen.startswith("-m torch.distributed.run ")
    assert "--nproc_per_node=2 -m overnight _night run" in seen


def test_a_child_that_still_runs_has_no_status_and_can_be_killed(stand_in):
    stand_in(SLEEP)
    child = Child.start(["_night", "run"])
    assert child.wait(0.05) is None
    child.kill()
    assert child.wait(0.0) == -signal.SIGKILL


def test_a_child_that_is_stopped_is_killed_too(stand_in):
    stand_in("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n")
    child = Child.start(["_night", "run"])
    assert child.wait(0.5) is None
    child.kill()
    assert child.wait(0.0) == -signal.SIGKILL


def test_a_child_is_asked_to_stop_only_once(stand_in, tmp_path: Path):
    stand_in("import signal, sys, time\n"
             f"def heard(*_): open({str(tmp_path / 'heard')!r}, 'a').write('x')\n"
             "signal.signal(signal.SIGTERM, heard)\n"
             f"open({str(tmp_path / 'ready')!r}, 'w')\n"
             "for _ in range(20): time.sleep(0.05)")  # fmt: skip
    child = Child.start(["_night", "run"])
    wait_until((tmp_path / "ready").exists)
    for _ in range(3):
        child.ask_to_stop(signal.SIGTERM)
    assert child.wait(30.0) == 0
    assert (tmp_path / "heard").read_text() == "x"


def test_a_quiet_child_keeps_its_last_words(stand_in, capfd):
    stand_in("import sys\nprint('warning', file=sys.stderr)\n"
             "print('overnight: error: it is torn', file=sys.stderr)\nsys.exit(3)")  # fmt: skip
    child = Child.start(["_publish"], quiet=True)
    assert child.wait(30.0) == 3
    assert child.said == "it is torn"
    assert capfd.readouterr().err == ""


def test_a_quiet_child_that_is_killed_has_said_what_it_said(stand_in, tmp_path: Path):
    stand_in("import sys, time\nprint('half', file=sys.stderr, flush=True)\n"
             f"open({str(tmp_path / 'ready')!r}, 'w')\ntime.sleep(600)")  # fmt: skip
    child = Child.start(["_publish"], quiet=True)
    wait_until((tmp_path / "ready").exists)
    child.kill()
    assert child.said == "half"


@pytest.mark.skipif(os.name != "posix", reason="process groups as POSIX has them")
def test_a_quiet_child_stands_outside_of_the_group_that_hears_ctrl_c(stand_in, tmp_path: Path):
    stand_in("import os\n"
             f"open({str(tmp_path / 'seen')!r}, 'w').write(str(os.getpgrp()))")  # fmt: skip
    Child.start(["_publish"], quiet=True).wait(30.0)
    assert int((tmp_path / "seen").read_text()) != os.getpgrp()


PARENT = """
import sys, time
from overnight.story.children import Child
sys.executable = sys.argv[1]
Child.start(["_night", "run"])
time.sleep(600)
"""
CHILD = """
import os, time
from overnight.story.children import die_with_parent
die_with_parent()
open({path!r} + ".new", "w").write(str(os.getpid()))
os.replace({path!r} + ".new", {path!r})
time.sleep(600)
"""


def test_a_child_whose_parent_was_killed_ends_by_itself(stand_in, tmp_path: Path):
    python = sys.executable
    script = stand_in(CHILD.format(path=str(tmp_path / "pid")))
    parent = subprocess.Popen([python, "-c", PARENT, str(script)])
    wait_until((tmp_path / "pid").exists, parent)
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    parent.kill()
    parent.wait()
    wait_until(lambda: not alive(pid))


def test_the_first_ctrl_c_is_answered_and_the_second_leaves_at_once(capfd):
    with Signals() as signals:
        assert signals.asked is None
        os.kill(os.getpid(), signal.SIGINT)
        assert (signals.asked, signals.leaves) == (signal.SIGINT, False)
        assert "Ctrl-C once more leaves at once" in capfd.readouterr().err
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.leaves
        assert capfd.readouterr().err == ""


def test_a_second_sigterm_means_the_same_as_the_first():
    with Signals() as signals:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        assert (signals.asked, signals.leaves) == (signal.SIGTERM, False)


def test_whoever_is_in_a_hurry_counts_more_than_who_waits():
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert (signals.asked, signals.leaves) == (signal.SIGTERM, False)


@pytest.mark.skipif(os.name != "posix", reason="terminals as POSIX has them")
def test_a_terminal_that_is_closed_ends_nothing_here_or_below(stand_in, tmp_path: Path):
    stand_in("import os, signal\n"
             "os.kill(os.getpid(), signal.SIGHUP)\n"
             f"open({str(tmp_path / 'alive')!r}, 'w')")  # fmt: skip
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        assert Child.start(["_night", "run"]).wait(30.0) == 0
        assert signals.asked is None
    assert (tmp_path / "alive").exists()


def test_afterwards_signals_mean_what_they_meant_before():
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with Signals():
        # A terminal that closes may mean nothing before as well: started by nohup.
        assert all(signal.getsignal(one) != before[n] for n, one in enumerate(numbers[:2]))
    assert [signal.getsignal(number) for number in numbers] == before

"""Several processes meet in a file; what they listen on ends in the machine itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from overnight.training import meeting

MEMBER = """
import sys
import psutil, torch
from overnight.training import meeting
meeting.join()
meeting.join()  # a second time changes nothing
from torch import distributed
one = torch.ones(1)
distributed.all_reduce(one)
family = [psutil.Process(), psutil.Process().parent()]
sockets = [each for member in family for each in member.net_connections(kind="inet")]
heard = {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}
sys.stdout.write(f"SUM {one.item():.0f} HEARD {sorted(heard)}\\n")
sys.stdout.flush()
distributed.barrier()
distributed.destroy_process_group()
"""


def test_torchrun_is_told_to_meet_in_a_file_of_this_machine(tmp_path: Path):
    said = meeting.words(tmp_path, 3)
    assert said[:2] == ["-m", "torch.distributed.run"] and said[-1] == "--nproc_per_node=3"
    assert {"--rdzv-conf=store_type=file", "--local-addr=127.0.0.1"} <= set(said)
    assert f"--rdzv-endpoint={tmp_path / 'torchrun'}" in said


@pytest.mark.skipif(sys.platform != "linux", reason="the network's name is Linux's")
def test_what_is_listened_on_ends_in_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GLOO_SOCKET_IFNAME", raising=False)
    monkeypatch.setenv("NCCL_SOCKET_IFNAME", "eth7")
    told = meeting.environment(tmp_path)
    assert told["GLOO_SOCKET_IFNAME"] == "lo"
    assert told["NCCL_SOCKET_IFNAME"] == "eth7"
    assert told["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] == "1"


def test_a_process_whose_parent_began_no_group_joins_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(meeting.VARIABLE, raising=False)
    monkeypatch.setenv("RANK", "no number: it must not be read")
    meeting.join()
    assert meeting.VARIABLE not in os.environ


@pytest.mark.tiny
@pytest.mark.skipif(sys.platform != "linux", reason="the network's name is Linux's")
def test_two_processes_meet_and_listen_within_the_machine_only(tmp_path: Path):
    (tmp_path / "member.py").write_text(MEMBER)
    command = [sys.executable, *meeting.words(tmp_path, 2), str(tmp_path / "member.py")]
    done = subprocess.run(command, env={**os.environ, **meeting.environment(tmp_path)}, text=True,
                          capture_output=True, check=False)  # fmt: skip
    assert done.stdout.splitlines() == ["SUM 2 HEARD ['127.0.0.1']"] * 2, done.stderr

"""Several processes meet in a file; what they listen on ends in the machine itself."""

import sys
from pathlib import Path

import pytest

from overnight.training import meeting


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
    assert meeting.VARIABLE not in meeting.os.environ


@pytest.mark.tiny
def test_a_process_joins_the_group_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from torch import distributed

    for name, value in {meeting.VARIABLE: str(tmp_path / "processes"), "RANK": "0",
                        "WORLD_SIZE": "1", "GLOO_SOCKET_IFNAME": "lo"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    try:
        meeting.join()
        meeting.join()  # a second time changes nothing
        assert distributed.get_world_size() == 1
    finally:
        distributed.destroy_process_group()

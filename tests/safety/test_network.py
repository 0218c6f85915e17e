"""A night talks to nobody: nothing listens beyond the machine, nothing is sent, nothing counted."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.safety.processes import PATIENCE
from tests.small_nights import Small, command

pytestmark = pytest.mark.tiny

WITNESS = """
import json, os, sys

def seen(event, arguments):
    if event in ("socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        told = [event, repr(arguments[0] if "get" in event else arguments[1])]
    elif event == "import" and arguments[0] == "huggingface_hub.constants":
        told = ["hub", *(os.environ.get(name, "") for name in {names!r})]
    else:
        return
    with open({log!r}, "a") as file:
        file.write(json.dumps(told) + "\\n")

sys.addaudithook(seen)
"""
QUIET = ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK")
STEPS = ("--set", "max_steps=6", "--set", "save_steps=3",
         "--set", "per_device_train_batch_size=4")  # fmt: skip
HERE = ("'127.0.0.1'", "'localhost'", repr(socket.gethostname()), repr(socket.getfqdn()))
"""What a process may ask for or call without leaving the machine."""
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


def environment(folder: Path) -> dict[str, str]:
    """In which every Python process writes down whom it talks to."""
    (folder / "sitecustomize.py").write_text(WITNESS.format(names=QUIET, log=str(folder / "log")))
    clean = {name: value for name, value in os.environ.items() if name not in QUIET}
    paths = [str(folder), *filter(None, [clean.get("PYTHONPATH")])]
    return {**clean, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


def listening(process: psutil.Process) -> set[str]:
    """Addresses that the process or any below it listens on."""
    found: set[str] = set()
    for one in [process, *_below(process)]:
        try:
            sockets = one.net_connections(kind="inet")
        except psutil.Error:
            continue
        found |= {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}
    return found


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def watched(small: Small, folder: Path, *words: str) -> tuple[set[str], list[Any]]:
    """Where a night listened, looked at ten times a second, and what its processes wrote down."""
    with open(folder / "said", "wb") as said:
        process = subprocess.Popen(command(small, folder / "run", *STEPS, *words), stdout=said,
                                   stderr=said, stdin=subprocess.DEVNULL, cwd=folder,
                                   env=environment(folder))  # fmt: skip
    ends, heard = time.monotonic() + PATIENCE, set[str]()
    while process.poll() is None:
        assert time.monotonic() < ends, "it hangs"
        heard |= listening(psutil.Process(process.pid))
        time.sleep(0.1)
    assert process.returncode == 0, (folder / "said").read_text()
    log = folder / "log"
    return heard, [
        json.loads(line) for line in log.read_text().splitlines()
    ] if log.exists() else []


def test_a_night_neither_listens_nor_calls(small: Small, tmp_path: Path):
    heard, log = watched(small, tmp_path)
    assert heard == set()
    assert [told for told in log if told[0] != "hub"] == []


def test_every_process_that_loads_the_hub_s_library_has_its_telemetry_off(small, tmp_path):
    log = watched(small, tmp_path)[1]
    told = [one for one in log if one[0] == "hub"]
    assert len(told) >= 2 and all(one == ["hub", "1", "1"] for one in told)


def test_several_processes_listen_within_the_machine_only(small: Small, tmp_path: Path):
    heard, log = watched(small, tmp_path, "--processes", "2")
    assert heard and heard <= set(LOOPBACK)
    beyond = [told for told in log if told[0] in ("socket.connect", "socket.getaddrinfo")]
    assert [told for told in beyond if not any(place in told[1] for place in HERE)] == []


def test_the_witness_sees_a_call(tmp_path: Path):
    program = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0))"
    subprocess.run([sys.executable, "-c", program], env=environment(tmp_path), check=True)
    assert "socket.bind" in (tmp_path / "log").read_text()

import os
import runpy
import subprocess
import sys

import pytest

from overnight.__main__ import main

QUIET = ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "TOKENIZERS_PARALLELISM")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is set in a test is unset behind it."""
    for name in QUIET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_telemetry_is_off_before_anything_loads() -> None:
    assert main(["--version"]) == 0
    assert [os.environ[name] for name in QUIET] == ["1", "1", "true"]


def test_what_the_user_set_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "0")
    main(["--version"])
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "0"


def test_the_package_runs_as_a_module(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["overnight", "nonsense"])
    monkeypatch.delitem(sys.modules, "overnight.__main__")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("overnight", run_name="__main__")
    assert ended.value.code == 2
    assert "nonsense" in capsys.readouterr().err


WITH_TORCH = """
import atexit, runpy, sys, types
sys.modules["torch"] = types.ModuleType("torch")
atexit.register(print, "taken down")
print("said before")
sys.argv = ["overnight", "nonsense"]
runpy.run_module("overnight", run_name="__main__")
"""


def test_a_process_with_torch_leaves_at_once_with_its_status_and_its_words() -> None:
    ended = subprocess.run([sys.executable, "-c", WITH_TORCH], capture_output=True, text=True,
                           check=False)  # fmt: skip
    assert (ended.returncode, ended.stdout) == (2, "said before\n")
    assert "nonsense" in ended.stderr

import subprocess
import sys
from pathlib import Path

import pytest


def run(root: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(root / "tools" / "map_commands.py"), *words],
                          capture_output=True, text=True, check=False)  # fmt: skip


def test_the_page_is_that_of_the_command_line(root: Path):
    done = run(root, "--check")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("words", ["## train", "## chat", "`--within TIME`", "| `--gpu CARD` |"])
def test_every_command_is_there_with_its_flags(root: Path, words: str):
    assert words in (root / "docs" / "commands.md").read_text(encoding="utf-8")


def test_hidden_commands_are_nobody_s_business(root: Path):
    assert "_night" not in (root / "docs" / "commands.md").read_text(encoding="utf-8")

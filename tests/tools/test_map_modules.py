"""The page of modules is as the modules are."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "map_modules.py"


def test_every_module_stands_in_the_map_in_its_own_words():
    asked = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True,
                           check=False)  # fmt: skip
    assert (asked.returncode, asked.stdout) == (0, "")


def test_the_map_names_every_file_of_the_package():
    told = (ROOT / "docs" / "modules.md").read_text(encoding="utf-8")
    files = (ROOT / "src" / "overnight").rglob("*.py")
    assert [f.name for f in files if f.name != "__init__.py" and f"`{f.name}`" not in told] == []

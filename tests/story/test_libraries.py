"""The libraries that take seconds to load."""

import subprocess
import sys

LOADED = """
import sys
from overnight.story import libraries
assert "torch" not in sys.modules and "transformers" not in sys.modules
libraries.load()
import transformers
print("torch" in sys.modules, "peft" in sys.modules, transformers.logging.get_verbosity())
"""


def test_they_are_loaded_when_asked_for_and_quiet() -> None:
    ended = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True,
                           check=False)  # fmt: skip
    assert ended.stdout == "True True 40\n", ended.stderr

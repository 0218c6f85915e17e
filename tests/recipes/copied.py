"""Recipes as a user has them: copied to a folder and run there, with a history of their own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from overnight.demo import BASE
from overnight.story import recipes

PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    status: int
    said: str


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy of a recipe, and a small base model beside it."""

    folder: Path

    @classmethod
    def of(cls, name: str, home: Path) -> "Copied":
        folder = recipes.copy(name, home / name)
        shutil.copytree(BASE, folder / "base")
        return cls(folder)

    @property
    def around(self) -> dict[str, str]:
        """The environment: this Python's commands first, nobody's history or threads."""
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
        more = {"PATH": path, "OVERNIGHT_HISTORY": str(self.folder / "history.sqlite"),
                "COLUMNS": "100"}  # fmt: skip
        return {**os.environ, **more}

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """A script of the recipe."""
        return subprocess.Popen([sys.executable, *words], cwd=self.folder, env=self.around,
                                text=True, encoding="utf-8", stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                start_new_session=True)  # fmt: skip

    def run(self, *words: str) -> Done:
        """A script of the recipe, to its end."""
        process = self.start(*words)
        said, _ = process.communicate(timeout=PATIENCE)
        return Done(process.returncode, said)

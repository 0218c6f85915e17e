"""The recipes: small projects to copy, one for each system of the mission.

In: a name, a folder. Out: a copy of the recipe there. Never: written over what is there.
"""

import shutil
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from overnight.values.errors import InputError

_PACKAGE = Path(__file__).parents[1]
PLACES = (_PACKAGE / "assets" / "recipes", _PACKAGE.parents[1] / "recipes")
"""In an installed package, and in a checkout."""
LEFT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "runs", "*.pyc")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe, as `ls` shows it."""

    name: str
    about: str
    folder: Path


def every() -> tuple[Recipe, ...]:
    """All recipes, by name; what each is about stands in the first line of its README."""
    home = next((place for place in PLACES if place.is_dir()), None)
    found = sorted(home.glob("*/README.md")) if home else []
    return tuple(Recipe(one.parent.name, _about(one), one.parent) for one in found)


def _about(readme: Path) -> str:
    first = readme.read_text("utf-8").partition("\n")[0]
    return first.lstrip("# ").partition(": ")[2]


def copy(name: str, to: Path | None = None) -> Path:
    """The recipe's files in a folder of their own, `to` or its name here.

    Raises:
        InputError: there is no such recipe, or the folder holds something.
    """
    known = {one.name: one for one in every()}
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"near: {near[0]}; " if near else ""
        raise InputError(f"there is no recipe `{name}`; {hint}there are {', '.join(known)}")
    target = to or Path(name)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} is there and holds something; name another folder with "
                         "--output-dir")  # fmt: skip
    shutil.copytree(known[name].folder, target, ignore=LEFT, dirs_exist_ok=True)
    return target

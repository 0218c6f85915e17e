"""Writes docs/modules.md: every module by floor, in the words that it opens with.

In: the package's source. Out: one page; `--check` only says whether it is as it should be. Never:
imports what it describes.
"""

import argparse
import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "overnight"
PAGE = ROOT / "docs" / "modules.md"
FLOORS = ("", "values", "planning", "control", "probe", "training", "report", "adapters", "story",
          "cli")  # fmt: skip
HEAD = """# Every module

What each file says of itself in its first line; [the design](design.md) says how they fit.
`python tools/map_modules.py` writes this page.
"""


def opening(path: Path) -> str:
    """The first sentence or line of a module's docstring."""
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(told.partition("\n\n")[0].split())


def section(floor: str) -> list[str]:
    """The lines of one floor."""
    files = sorted((PACKAGE / floor).glob("*.py"))
    shown = [path for path in files if path.name != "__init__.py" or not floor]
    about = opening(PACKAGE / floor / "__init__.py")
    lines = ["", f"## {floor or 'overnight'}", "", about, ""]
    return lines + [f"- `{path.name}`: {opening(path)}" for path in shown if opening(path) != about]


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD.rstrip(), *(line for floor in FLOORS for line in section(floor)), ""])


def main() -> int:
    """0 where the page is as it should be, or is now."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
        print("" if same else "docs/modules.md is old: python tools/map_modules.py", end="")
        return 0 if same else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

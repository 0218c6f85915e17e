"""The documentation: every link leads somewhere, every page is reached, every command is there."""

import re
from pathlib import Path

import pytest

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def pages(root: Path) -> list[Path]:
    return sorted(
        [*root.glob("*.md"), *(root / "docs").glob("*.md"), *(root / "bench").glob("*.md")]
    )


def links(page: Path) -> list[str]:
    return LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))


def anchor(heading: str) -> str:
    """As a forge makes one of a heading."""
    plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return plain.strip().replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {anchor(found) for found in HEADING.findall(page.read_text(encoding="utf-8"))}


def broken(page: Path) -> list[str]:
    """Links of a page that lead nowhere; addresses of the web are not asked for."""
    found = []
    for link in links(page):
        place, _, part = link.partition("#")
        target = (page.parent / place) if place else page
        if place.startswith(("http://", "https://", "mailto:")):
            continue
        if not target.exists() or (part and part not in anchors(target)):
            found.append(f"{page.name}: {link}")
    return found


def test_every_link_leads_somewhere(root: Path):
    assert [wrong for page in pages(root) for wrong in broken(page)] == []


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path):
    page = tmp_path / "a.md"
    page.write_text("# A b\n[x](gone.md) [y](#a-b) [z](#c) `[no](link)` [w](https://a.example)")
    assert broken(page) == ["a.md: gone.md", "a.md: #c"]


def test_every_page_is_reached_from_the_first(root: Path):
    reached = {(root / "docs" / link.partition("#")[0]).name
               for link in links(root / "docs" / "README.md")}  # fmt: skip
    assert {page.name for page in (root / "docs").glob("*.md")} - reached == {"README.md"}


@pytest.mark.parametrize("name", ["README.md", "docs/start.md", "docs/checklist.md"])
def test_every_command_that_is_shown_is_one(root: Path, name: str):
    from typer.main import get_command

    from overnight.cli.app import build

    commands = get_command(build()).commands
    text = (root / name).read_text(encoding="utf-8")
    shown = re.findall(r"(?:^    |`)overnight ([a-z]+)((?: +[^\n`#]*)?)", text, re.MULTILINE)
    assert shown
    for command, words in shown:
        assert command in commands
        known = {spelled for one in commands[command].params for spelled in one.opts}
        assert set(re.findall(r"--[a-z-]+", words)) <= known | {"--help"}, f"{command} {words}"


def test_every_row_of_the_mission_says_what_shows_it_and_that_is_there(root):
    text = (root / "docs" / "mission.md").read_text("utf-8")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    told = [row for row in rows if row[0].strip() != "it says"]
    assert len(told) > 60
    assert all(len(row) == 3 and all(cell.strip() for cell in row) for row in told)
    named = re.findall(r"`((?:tests|bench|docs|recipes)/[\w./-]+)`", text)
    assert [name for name in named if not (root / name).exists()] == []

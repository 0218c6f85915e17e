"""Tables and labelled lines for the terminal.

In: text borrowed from data or from us. Out: the same on a console, inert. Never: markup or control
characters from data, colours that carry meaning alone.
"""

from collections.abc import Iterable

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from overnight.report.words import inert


def line(console: Console, *parts: str | tuple[str, str], wrap: bool = True) -> None:
    """One line of borrowed text made inert; a part may be (text, style). Paths are not wrapped."""
    texts = [(part, "") if isinstance(part, str) else part for part in parts]
    whole = Text.assemble(*((inert(text), style) for text, style in texts))
    console.print(whole, highlight=False, soft_wrap=not wrap)


def labelled(console: Console, label: str, *lines: str | tuple[str, str]) -> None:
    """A bold word, and lines beside it that wrap within their own column."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for place, said in enumerate(lines):
        text, style = (said, "") if isinstance(said, str) else said
        grid.add_row(Text(label if place == 0 else "", style="bold"), Text(inert(text), style))
    console.print(grid, highlight=False)


def table(*columns: str, right: Iterable[int] = ()) -> Table:
    """An empty table; the columns whose places are in `right` are of figures."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    for place, column in enumerate(columns):
        made.add_column(column, justify="right" if place in right else "left", overflow="fold")
    return made


def row(into: Table, *cells: str, style: str = "") -> None:
    """One more row, its cells made inert."""
    into.add_row(*(Text(inert(cell)) for cell in cells), style=style)


def show(console: Console, title: str, body: Table | Group) -> None:
    """A title and what stands under it, after an empty line."""
    console.print()
    console.print(Text(title, style="bold"))
    console.print(Padding(body, (0, 0, 0, 2), expand=False), highlight=False)

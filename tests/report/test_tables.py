import io

from rich.console import Console

from overnight.report import tables


def printed(width=40):
    console = Console(file=io.StringIO(), width=width)
    made = tables.table("what", "how much", right=(1,))
    tables.row(made, "weights \x1b[31m", "9.0 GiB")
    tables.show(console, "Memory", made)
    tables.labelled(
        console, "Note", "a line that is long enough to be wrapped by a narrow terminal"
    )
    tables.line(console, "/a/very/long/path/that/goes/on/and/on/beyond/the/edge", wrap=False)
    return console.file.getvalue()


def test_control_characters_do_not_reach_the_terminal():
    assert "\x1b" not in printed()


def test_a_labelled_line_wraps_within_its_own_column():
    wrapped = [line for line in printed().splitlines() if "narrow" in line]
    assert wrapped and wrapped[0].startswith("      ")


def test_a_path_is_not_broken():
    assert "/a/very/long/path/that/goes/on/and/on/beyond/the/edge" in printed()

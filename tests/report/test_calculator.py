from io import StringIO

from rich.console import Console

from overnight.planning.calculator import Assumptions, compare
from overnight.report.calculator import print_calculator


def printed(assumed: Assumptions, *, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width, force_terminal=False)
    print_calculator(assumed, compare(assumed), console=console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_guides_figures_and_the_true_ones_stand_in_one_line() -> None:
    (line,) = [each for each in printed(Assumptions()).splitlines() if "optimized" in each]
    assert line.split() == ["32,", "optimized", "*", "1,969", "12.6", "0.5", "20.2",
                            "25.2", "7.6"]  # fmt: skip


def test_it_fits_eighty_columns_without_a_broken_line() -> None:
    said = printed(Assumptions(accumulation=8)).splitlines()
    rows = [line.split()[1] for line in said if line.startswith("  ") and line[2:3].isdigit()]
    assert max(map(len, said)) <= 80
    assert rows == ["baseline", "optimized", "aggressive", "asked"]


def test_it_says_why_and_where_a_loop_counts_otherwise() -> None:
    said = " ".join(printed(Assumptions()).split())
    assert "Accumulation does not change the work" in said
    assert "985 for 984" in said


def test_hours_that_are_uncertain_are_a_span() -> None:
    said = printed(Assumptions(accumulation=1)).splitlines()
    assert any("asked *" in line and "25.2 to 27.8" in line for line in said)


def test_counts_that_agree_are_said_to_agree() -> None:
    assert "the counts are the same" in " ".join(printed(Assumptions(samples=6400)).split())

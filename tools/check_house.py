"""The house's sizes: `python tools/check_house.py [ROOT]`.

In: the Python files of the repository at ROOT. Out: one line for each function or module that is
too big, the median and 90th percentile of the functions' length, and exit status 1 if a rule is
broken. Never: style and types (ruff and mypy look after those).
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

PRODUCT = ("src", "tools", "bench", "recipes")
TESTS = "tests"
MAX_FUNCTION_LINES = 40
MAX_MODULE_LINES = 300
MAX_PARAMETERS = 6
MAX_MEDIAN = 8
MAX_P90 = 20

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function: where it stands and how big it is."""

    where: str
    name: str
    lines: int
    parameters: int


def functions(source: str, *, where: str) -> list[Function]:
    """Every function and method of a module, nested ones too."""
    code = _code_lines(source)
    return [
        Function(
            where=f"{where}:{node.lineno}",
            name=node.name,
            lines=_length(node, code=code),
            parameters=_parameters(node),
        )
        for node in ast.walk(ast.parse(source))
        if isinstance(node, AnyFunction)
    ]


def _code_lines(source: str) -> set[int]:
    """Numbers of the lines that hold more than a comment."""
    lines = enumerate(source.splitlines(), start=1)
    return {number for number, line in lines if line.strip() and not line.strip().startswith("#")}


def _length(node: AnyFunction, *, code: set[int]) -> int:
    """Code lines from `def` to the end: no docstring, no blank line, no comment."""
    own = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        own -= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return len(own & code)


def _parameters(node: AnyFunction) -> int:
    given = node.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    stars = sum(star is not None for star in (given.vararg, given.kwarg))
    return len([name for name in names if name not in ("self", "cls")]) + stars


def python_files(root: Path, folders: Iterable[str]) -> list[Path]:
    """Python files under the folders that are there, sorted."""
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


def breaches(root: Path) -> Iterator[str]:
    """One line for each function or module over its limit; tests may take more parameters."""
    for path in python_files(root, (*PRODUCT, TESTS)):
        where = path.relative_to(root).as_posix()
        source = path.read_text(encoding="utf-8")
        count = len(source.splitlines())
        if count > MAX_MODULE_LINES:
            yield f"{where}: {count} lines, more than {MAX_MODULE_LINES}"
        yield from _too_big(functions(source, where=where), tests=where.startswith(f"{TESTS}/"))


def _too_big(found: Iterable[Function], *, tests: bool) -> Iterator[str]:
    for one in found:
        if one.lines > MAX_FUNCTION_LINES:
            yield f"{one.where}: {one.name} has {one.lines} lines, more than {MAX_FUNCTION_LINES}"
        if one.parameters > MAX_PARAMETERS and not tests:
            yield (
                f"{one.where}: {one.name} has {one.parameters} parameters, "
                f"more than {MAX_PARAMETERS}"
            )


def lengths(root: Path, folders: Iterable[str]) -> list[int]:
    """Length in code lines of every function under the folders."""
    files = python_files(root, folders)
    return [one.lines for p in files for one in functions(p.read_text("utf-8"), where=str(p))]


def middle_and_p90(values: list[int]) -> tuple[float, float]:
    """Median and 90th percentile; zeros where there is nothing to measure."""
    if len(values) < 2:
        return (float(sum(values)), float(sum(values)))
    return median(values), quantiles(values, n=10, method="inclusive")[8]


def check(root: Path) -> list[str]:
    """Everything that is wrong under `root`; prints the figures on the way."""
    wrong = list(breaches(root))
    for name, folders in (("product", PRODUCT), ("tests", (TESTS,))):
        found = lengths(root, folders)
        middle, p90 = middle_and_p90(found)
        print(f"{name}: {len(found)} functions, median {middle:g} lines, 90th percentile {p90:g}")
        if name == "product" and middle > MAX_MEDIAN:
            wrong.append(f"the median function has {middle:g} lines, more than {MAX_MEDIAN}")
        if name == "product" and p90 > MAX_P90:
            wrong.append(f"one function in ten has over {p90:g} lines, more than {MAX_P90}")
    return wrong


def main() -> int:
    """Print what is too big; 1 if anything is."""
    wrong = check(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent)
    print(*wrong, sep="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

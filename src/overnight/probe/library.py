"""The functions of the installed Python's own library, with what their docstrings say.

In: a folder of sources (by default the interpreter's). Out: `Function` values and sources without
function docstrings. Never: importing or running what is read, tests, installed packages.
"""

import ast
import sysconfig
import textwrap
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from overnight.values.errors import InputError

LONGEST_CODE = 480
"""Characters of a function that a `Function` keeps: signature and the body's beginning."""
LONGEST_SUMMARY = 400
"""Characters; one summary in a hundred is longer and is left out rather than cut."""

_LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
_Def = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function: what it does, and what its author says that it does."""

    code: str
    """Decorators, signature and the body's beginning, docstring cut out, blank lines dropped."""
    summary: str
    """The docstring's first paragraph on one line."""
    source: str
    """Where it stands: `json/decoder.py:332`."""


def library_folder() -> Path:
    """Where the interpreter's own library lies."""
    return Path(sysconfig.get_path("stdlib"))


def library_sources(folder: Path) -> tuple[Path, ...]:
    """The Python sources below `folder` in a fixed order, tests and installed packages left out.

    Raises:
        InputError: there are none, as where the library is a zip archive or byte code only.
    """
    paths = sorted(folder.rglob("*.py"))
    kept = tuple(path for path in paths if not _LEFT_OUT & set(path.relative_to(folder).parts))
    if not kept:
        raise InputError(
            f"{folder}: no Python sources here, and the demo learns from them; "
            "use a Python whose standard library has its .py files"
        )
    return kept


def read_source(path: Path) -> str:
    """The text of a Python file in the encoding that it declares, lines ended by a newline."""
    with tokenize.open(path) as file:
        return file.read()


def cut_docstrings(source: str) -> str:
    """`source` without any function docstring; those of classes and modules stay.

    The result parses to the same tree without them; a body that was nothing else becomes `pass`.
    """
    return "\n".join(line for line in _cut(source, _parse(source)) if line is not None)


def functions(source: str, *, name: str) -> Iterator[Function]:
    """Every function of `source` that has a docstring of usable length, in the file's order."""
    tree = _parse(source)
    lines = _cut(source, tree)
    for node in _defs(tree):
        summary = _summary(node)
        if 0 < len(summary) <= LONGEST_SUMMARY:
            yield Function(code=_code(node, lines), summary=summary, source=f"{name}:{node.lineno}")


def library_functions(folder: Path) -> tuple[Function, ...]:
    """The functions below `folder`, each summary and each code only once (the first stays).

    So no later split can put the same docstring, inherited or copied, on both of its sides.

    Raises:
        InputError: there are no Python sources.
    """
    seen: set[str] = set()
    kept = []
    for path in library_sources(folder):
        name = path.relative_to(folder).as_posix()
        for function in functions(read_source(path), name=name):
            keys = {function.summary.casefold(), function.code}
            if not keys & seen:
                kept.append(function)
            seen |= keys
    return tuple(kept)


def _parse(source: str) -> ast.Module:
    with warnings.catch_warnings():  # old escapes in strings are not the reader's business
        warnings.simplefilter("ignore")
        return ast.parse(source)


def _defs(tree: ast.Module) -> Iterator[_Def]:
    found = (node for node in ast.walk(tree) if isinstance(node, _Def))
    return iter(sorted(found, key=lambda node: node.lineno))


def _is_string(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _cut(source: str, tree: ast.Module) -> list[str | None]:
    """The lines of `source`, docstrings replaced; None where a line is gone."""
    lines: list[str | None] = list(source.split("\n"))
    spans = [(string, alone) for node in _defs(tree) for string, alone in _docstrings(node)]
    for string, alone in sorted(spans, key=lambda span: -_place(span[0])):
        _remove(lines, string, alone=alone)
    return lines


def _docstrings(node: _Def) -> Iterator[tuple[ast.stmt, bool]]:
    """The strings that open a body, all of them: cutting the first would promote the second.

    With each: whether the body would be empty without it.
    """
    strings = list(takewhile(_is_string, node.body))
    for string in strings:
        yield string, len(strings) == len(node.body) and string is strings[-1]


def _place(node: ast.stmt) -> float:
    return node.lineno + node.col_offset / 1e6


def _remove(lines: list[str | None], string: ast.stmt, *, alone: bool) -> None:
    """Cut one statement; what shares its lines keeps them, with `pass` in its place."""
    first, last = string.lineno - 1, (string.end_lineno or string.lineno) - 1
    # the tree counts columns in UTF-8 bytes
    before = (lines[first] or "").encode()[: string.col_offset].decode()
    after = (lines[last] or "").encode()[string.end_col_offset :].decode()
    lines[first : last + 1] = [None] * (last + 1 - first)
    if alone or before.strip() or after.strip():
        lines[first] = f"{before}pass{after}"


def _summary(node: _Def) -> str:
    text = ast.get_docstring(node) or ""
    return " ".join(text.strip().split("\n\n")[0].split())


def _code(node: _Def, lines: list[str | None]) -> str:
    start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
    kept = [line for line in lines[start : node.end_lineno] if line and line.strip()]
    code = textwrap.dedent("\n".join(kept))
    if len(code) <= LONGEST_CODE:
        return code
    return code[: LONGEST_CODE + 1].rpartition("\n")[0] or code[:LONGEST_CODE]

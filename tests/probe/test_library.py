"""The functions of Python's own library: read exactly, cut exactly, each only once."""

import ast
from pathlib import Path

import pytest

from overnight.probe.library import (
    LONGEST_CODE,
    LONGEST_SUMMARY,
    cut_docstrings,
    functions,
    library_folder,
    library_functions,
    library_sources,
    read_source,
)
from overnight.values.errors import InputError

SOURCE = '''\
"""Module."""


class Pot:
    """Class."""

    @property
    def tea(self):
        """Return the tea,
        hot.

        More about tea.
        """
        return self._tea  # "not a docstring"


def empty(): "Does nothing."


async def two():
    "first"; "second"


def accents(ä="ö"): "Größe."; return ä
'''


def as_tree(source: str) -> str:
    """The tree of `source` with its function docstrings taken out of the tree itself."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            while ast.get_docstring(node, clean=False) is not None:
                node.body.pop(0)
            node.body = node.body or [ast.Pass()]
    return ast.dump(tree)


def test_cutting_leaves_the_docstrings_of_modules_and_classes():
    cut = cut_docstrings(SOURCE)
    assert '"""Module."""' in cut and '"""Class."""' in cut


def test_cutting_leaves_no_word_of_any_function_docstring():
    cut = cut_docstrings(SOURCE)
    gone = ("Return the tea", "More about", "Does nothing", "first", "second", "Größe")
    assert not [words for words in gone if words in cut]


def test_a_body_that_was_only_a_docstring_becomes_pass():
    assert cut_docstrings('def f():\n    """Says."""\n') == "def f():\n    pass\n"


def test_what_shares_a_line_with_a_docstring_stays():
    assert cut_docstrings('def f(a="é"): "Says é."; return a') == 'def f(a="é"): pass; return a'


def test_a_docstring_on_lines_of_its_own_leaves_no_pass_behind():
    assert "pass" not in cut_docstrings('def f():\n    """Says\n    so."""\n    return 1\n')


@pytest.mark.parametrize("name", ["ast.py", "json/decoder.py", "typing.py", "_pyio.py"])
def test_cutting_real_sources_changes_nothing_else_in_the_tree(name: str):
    path = library_folder() / name
    if not path.exists():
        pytest.skip(f"this Python has no {name}")
    source = read_source(path)
    assert ast.dump(ast.parse(cut_docstrings(source))) == as_tree(source)


def test_a_function_shows_its_code_and_the_first_paragraph_of_its_docstring():
    tea = next(functions(SOURCE, name="pot.py"))
    assert tea.code.splitlines() == [
        "@property",
        "def tea(self):",
        '    return self._tea  # "not a docstring"',
    ]
    assert tea.summary == "Return the tea, hot."
    assert tea.source == "pot.py:8"


def test_functions_without_a_docstring_or_with_an_endless_one_are_left_out():
    endless = "x" * (LONGEST_SUMMARY + 1)
    source = f'def f():\n    return 1\n\ndef g():\n    "{endless}"\n\ndef h():\n    " "\n'
    assert list(functions(source, name="f.py")) == []


def test_long_code_ends_with_a_whole_line():
    body = "\n".join(f"    value_{n} = {n}" for n in range(99))
    code = next(functions(f'def f():\n    "Says."\n{body}\n', name="f.py")).code
    assert len(code) <= LONGEST_CODE and code.splitlines()[-1] in body.splitlines()


def test_each_summary_and_each_code_is_kept_once(tmp_path: Path):
    (tmp_path / "a.py").write_text('def f():\n    "Says so."\n    return 1\n')
    (tmp_path / "b.py").write_text('def g():\n    "says SO."\n    return 2\n')
    (tmp_path / "c.py").write_text('def f():\n    "Other."\n    return 1\n')
    assert [function.source for function in library_functions(tmp_path)] == ["a.py:1"]


def test_tests_and_installed_packages_are_left_out(tmp_path: Path):
    for name in ("a.py", "test/b.py", "site-packages/c/d.py", "e/tests/f.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    assert library_sources(tmp_path) == (tmp_path / "a.py",)


def test_a_library_without_sources_is_named_with_the_way_out(tmp_path: Path):
    with pytest.raises(InputError, match=r"no Python sources here.*use a Python whose"):
        library_functions(tmp_path)


def test_this_interpreters_library_has_thousands_of_functions():
    found = library_functions(library_folder())
    assert len(found) > 1000
    assert len({function.summary.casefold() for function in found}) == len(found)

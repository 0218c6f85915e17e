"""tools/check_house.py fails when it should."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def house(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_house", root / "tools/check_house.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_house"] = module
    spec.loader.exec_module(module)
    return module


def write(root: Path, name: str, source: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    return root


def long_function(body_lines: int) -> str:
    return "def long():\n" + "    x = 1\n" * body_lines


def test_docstring_blank_and_comment_lines_are_not_counted(house: ModuleType) -> None:
    source = 'def f(a):\n    """One.\n\n    Two."""\n\n    # why\n    b = a\n    return b\n'
    (found,) = house.functions(source, where="m.py")
    assert (found.lines, found.parameters, found.where) == (3, 1, "m.py:1")


def test_self_is_no_parameter_and_stars_are(house: ModuleType) -> None:
    source = "class A:\n    def f(self, a, /, b, *c, d, **e): ...\n"
    (found,) = house.functions(source, where="m.py")
    assert found.parameters == 5


def test_nested_and_async_functions_are_seen(house: ModuleType) -> None:
    source = "async def outer():\n    def inner():\n        return 1\n    return inner\n"
    assert {f.name: f.lines for f in house.functions(source, where="m.py")} == {
        "outer": 4,
        "inner": 2,
    }


def test_a_function_of_forty_lines_passes_and_one_more_does_not(
    house: ModuleType, tmp_path: Path
) -> None:
    write(tmp_path, "src/good.py", long_function(39))
    assert list(house.breaches(tmp_path)) == []
    write(tmp_path, "tests/bad.py", long_function(40))
    assert list(house.breaches(tmp_path)) == ["tests/bad.py:1: long has 41 lines, more than 40"]


def test_a_module_over_300_lines_is_named(house: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "src/good.py", "x = 1\n" * 300)
    write(tmp_path, "src/long.py", "x = 1\n" * 301)
    assert list(house.breaches(tmp_path)) == ["src/long.py: 301 lines, more than 300"]


def test_seven_parameters_are_too_many_but_for_a_test(house: ModuleType, tmp_path: Path) -> None:
    source = "def f(a, *, b, c, d, e, g, h): ...\n"
    write(tmp_path, "src/many.py", source)
    write(tmp_path, "tests/many.py", source)
    assert list(house.breaches(tmp_path)) == ["src/many.py:1: f has 7 parameters, more than 6"]


@pytest.mark.parametrize(
    ("lines", "count", "what"),
    [(8, 12, "median function has 9 lines"), (24, 3, "one function in ten has over 25 lines")],
)
def test_too_long_on_the_whole_fails(
    house: ModuleType,
    tmp_path: Path,
    lines: int,
    count: int,
    what: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    short = "".join(f"def s{i}():\n    pass\n" for i in range(10))
    write(tmp_path, "src/m.py", short + long_function(lines) * count)
    (wrong,) = house.check(tmp_path)
    assert what in wrong
    assert capsys.readouterr().out.startswith(f"product: {10 + count} functions, median")


def test_exit_status_says_it(
    house: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["check_house", str(write(tmp_path, "src/a.py", "x = 1\n"))])
    assert house.main() == 0
    write(tmp_path, "src/b.py", long_function(60))
    assert house.main() == 1
